//! `Schema`, a subset of `OpenAPI` 3.0's with types in upper case, as JSON Schema.

use super::proto::Fields;
use crate::json::{JsonStr, Object, Raw, Writer, read};

/// How deep schemas may be nested; beyond that they are left out.
const MOST_DEPTH: usize = 64;

/// Writes a schema. What is not one is copied.
pub(super) fn write(w: &mut Writer<'_>, schema: Raw<'_>) {
    nested(w, schema, 0);
}

fn nested(w: &mut Writer<'_>, schema: Raw<'_>, depth: usize) {
    let Ok(fields) = Fields::of(schema, "") else {
        w.raw(schema.get());
        return;
    };
    if depth >= MOST_DEPTH {
        w.object().end_object();
        return;
    }
    let nullable = fields.is("nullable");
    w.object();
    for member in fields.object().members() {
        let name = member.name().unwrap_or_default();
        let value = member.value;
        match &*name {
            "nullable" | "propertyOrdering" | "property_ordering" => {}
            "type" => write_type(w.key("type"), value, nullable),
            "enum" if nullable => write_enum(w.key("enum"), value),
            "items" | "additionalProperties" | "additional_properties" => {
                nested(w.key(renamed(&name)), value, depth + 1);
            }
            "anyOf" | "any_of" | "oneOf" | "allOf" | "prefixItems" => {
                w.key(renamed(&name)).array();
                for schema in read::<Vec<Raw<'_>>>(value).unwrap_or_default() {
                    nested(w, schema, depth + 1);
                }
                w.end_array();
            }
            "properties" | "$defs" | "defs" => {
                w.key(renamed(&name)).object();
                for property in Object::of(value).unwrap_or_default().members() {
                    w.raw(property.key.token()).bytes().push(b':');
                    nested(w, property.value, depth + 1);
                }
                w.end_object();
            }
            "minItems" | "maxItems" | "minLength" | "maxLength" | "minProperties" | "maxProperties"
            | "min_items" | "max_items" | "min_length" | "max_length" | "min_properties"
            | "max_properties" => {
                // 64-bit integers are strings in this form of JSON.
                let number = JsonStr::of(value).map_or(value.get(), JsonStr::inner);
                if number.bytes().all(|byte| byte.is_ascii_digit()) && !number.is_empty() {
                    // JSON has no numbers with leading zeros.
                    let number = number.trim_start_matches('0');
                    w.key(renamed(&name)).raw(if number.is_empty() { "0" } else { number });
                }
            }
            _ => {
                w.raw(member.key.token()).bytes().push(b':');
                w.raw(value.get());
            }
        }
    }
    w.end_object();
}

/// JSON Schema's name of a keyword.
fn renamed(name: &str) -> &str {
    match name {
        "additional_properties" => "additionalProperties",
        "any_of" => "anyOf",
        "defs" => "$defs",
        "min_items" => "minItems",
        "max_items" => "maxItems",
        "min_length" => "minLength",
        "max_length" => "maxLength",
        "min_properties" => "minProperties",
        "max_properties" => "maxProperties",
        name => name,
    }
}

fn write_type(w: &mut Writer<'_>, value: Raw<'_>, nullable: bool) {
    let Some(kind) = JsonStr::of(value) else {
        w.raw(value.get());
        return;
    };
    let kind = kind.inner().to_ascii_lowercase();
    if nullable && kind != "null" {
        w.array().string(&kind).string("null").end_array();
    } else {
        w.string(&kind);
    }
}

/// A nullable enum may be `null`, too.
fn write_enum(w: &mut Writer<'_>, value: Raw<'_>) {
    let values: Vec<Raw<'_>> = read(value).unwrap_or_default();
    w.array();
    for value in values.iter().filter(|value| !value.is_null()) {
        w.raw(value.get());
    }
    w.raw("null").end_array();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(schema: &str) -> String {
        let mut out = Vec::new();
        write(&mut Writer::new(&mut out), Raw::parse(schema).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn types_are_in_lower_case_and_null_is_a_type() {
        assert_eq!(
            written(
                r#"{"type":"OBJECT","properties":{"type":{"type":"STRING","nullable":true,"enum":["A"],"maxLength":"3"},
                "nullable":{"any_of":[{"type":"INTEGER"},{"type":"NULL"}]},"list":{"type":"ARRAY","items":{"type":"NUMBER"}}},
                "required":["type"],"propertyOrdering":["type"]}"#
            ),
            r#"{"type":"object","properties":{"type":{"type":["string","null"],"enum":["A",null],"maxLength":3},"nullable":{"anyOf":[{"type":"integer"},{"type":"null"}]},"list":{"type":"array","items":{"type":"number"}}},"required":["type"]}"#
        );
        assert_eq!(written("true"), "true");
    }

    #[test]
    fn sizes_are_numbers_also_if_they_are_strings_with_zeros_before_them() {
        for (given, number) in
            [("7", "7"), (r#""7""#, "7"), (r#""007""#, "7"), (r#""0""#, "0"), (r#""00""#, "0")]
        {
            assert_eq!(
                written(&format!(r#"{{"min_items":{given}}}"#)),
                format!(r#"{{"minItems":{number}}}"#)
            );
        }
        for other in [r#""""#, r#""-1""#, "1.5", r#""x""#, "null"] {
            assert_eq!(written(&format!(r#"{{"minItems":{other}}}"#)), "{}", "{other}");
        }
    }
}
