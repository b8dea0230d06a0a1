//! Converts JSON Schema to the subset that Anthropic supports (`output_config.format`, strict tools).
//!
//! Objects are closed. Unsupported keywords are appended to the description, which the model reads. Sources:
//! the provider's documentation of structured outputs, and its Python package (`transform_schema`). The order
//! of members is preserved, because the model generates them in that order.

use super::super::tool_schema::describe;
use crate::json::{JsonStr, Member, Object, Raw, Writer, read};
use crate::openai::ErrorBody;

/// Maximum nesting depth of a schema.
const DEPTH_LIMIT: usize = 64;

/// Supported string formats.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// Writes the converted `schema`. `field` names it in errors.
pub(in crate::dialects) fn write(w: &mut Writer<'_>, schema: Raw<'_>, field: &str) -> Result<(), ErrorBody> {
    write_at(w, schema, field, 0)
}

/// How a keyword is handled.
enum Fate {
    Keep,
    /// A schema.
    Schema,
    /// An array of schemas.
    Schemas,
    /// An object of schemas.
    Named,
    /// Appended to the description.
    Tell,
    /// Dropped: of no use to the model.
    Forget,
}

fn fate(keyword: &str, value: Raw<'_>) -> Fate {
    match keyword {
        "type" | "enum" | "const" | "default" | "title" | "required" | "$ref" => Fate::Keep,
        "format" if JsonStr::of(value).is_some_and(|format| FORMATS.contains(&format.inner())) => Fate::Keep,
        "minItems" if matches!(value.get(), "0" | "1") => Fate::Keep,
        "items" if value.get().starts_with('{') => Fate::Schema,
        "anyOf" | "oneOf" | "allOf" => Fate::Schemas,
        "properties" | "$defs" | "definitions" => Fate::Named,
        "$schema" | "$id" | "$comment" | "additionalProperties" | "description" => Fate::Forget,
        _ => Fate::Tell,
    }
}

fn write_at(w: &mut Writer<'_>, schema: Raw<'_>, field: &str, depth: usize) -> Result<(), ErrorBody> {
    if depth > DEPTH_LIMIT {
        return Err(ErrorBody::invalid(field.to_owned(), "the schema is nested too deeply"));
    }
    if matches!(schema.get(), "true" | "false") {
        w.raw(schema.get());
        return Ok(());
    }
    let object = Object::of(schema)
        .ok_or_else(|| ErrorBody::invalid(field.to_owned(), "expected a JSON Schema object"))?;
    let mut told: Vec<&Member<'_>> = Vec::new();
    let has_any_of = object.get("anyOf").is_some();
    w.object();
    for member in object.members() {
        let keyword = member.key.decode().unwrap_or_default();
        match fate(&keyword, member.value) {
            Fate::Keep => {
                w.key(&keyword).raw(member.value.get());
            }
            Fate::Schema => {
                w.key(&keyword);
                write_at(w, member.value, field, depth + 1)?;
            }
            Fate::Schemas if keyword == "oneOf" && has_any_of => told.push(member),
            Fate::Schemas => {
                let schemas: Vec<Raw<'_>> = read(member.value)
                    .map_err(|_| ErrorBody::invalid(field.to_owned(), "expected an array of schemas"))?;
                w.key(if keyword == "oneOf" { "anyOf" } else { &keyword }).array();
                for schema in schemas {
                    write_at(w, schema, field, depth + 1)?;
                }
                w.end_array();
            }
            Fate::Named => {
                let schemas = Object::of(member.value)
                    .ok_or_else(|| ErrorBody::invalid(field.to_owned(), "expected an object of schemas"))?;
                w.key(&keyword).object();
                for named in schemas.members() {
                    w.raw(named.key.token());
                    w.bytes().push(b':');
                    write_at(w, named.value, field, depth + 1)?;
                }
                w.end_object();
            }
            Fate::Tell => told.push(member),
            Fate::Forget => {}
        }
    }
    describe(w, object.get("description").and_then(JsonStr::of), &told);
    if is_object(&object) {
        w.key("additionalProperties").bool(false);
    }
    w.end_object();
    Ok(())
}

fn is_object(schema: &Object<'_>) -> bool {
    let Some(kind) = schema.get("type") else { return schema.get("properties").is_some() };
    match JsonStr::of(kind) {
        Some(kind) => kind.inner() == "object",
        None => kind.get().contains("\"object\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(schema: &str) -> String {
        let mut out = Vec::new();
        let raw = Raw::parse(schema).unwrap();
        write(&mut Writer::new(&mut out), raw, "schema").unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn objects_are_closed_and_keep_their_order() {
        assert_eq!(
            rewritten(
                r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":["object","null"],"properties":{}}},"required":["z"],"additionalProperties":true}"#
            ),
            r#"{"type":"object","properties":{"z":{"type":"string"},"a":{"type":["object","null"],"properties":{},"additionalProperties":false}},"required":["z"],"additionalProperties":false}"#
        );
    }

    #[test]
    fn a_constraint_becomes_words_of_the_description() {
        assert_eq!(
            rewritten(r#"{"type":"integer","description":"a \"n\"","minimum":1,"maximum":9}"#),
            r#"{"type":"integer","description":"a \"n\"\n\n{minimum: 1, maximum: 9}"}"#
        );
        assert_eq!(
            rewritten(r#"{"type":"string","pattern":"^\\d$","format":"regex"}"#),
            r#"{"type":"string","description":"{pattern: \"^\\\\d$\", format: \"regex\"}"}"#
        );
    }

    #[test]
    fn unions_references_and_short_arrays_stay() {
        assert_eq!(
            rewritten(
                r##"{"$schema":"x","oneOf":[{"$ref":"#/$defs/a"},{"type":"array","items":{"type":"string","format":"date"},"minItems":1}],"$defs":{"a":{"const":1}}}"##
            ),
            r##"{"anyOf":[{"$ref":"#/$defs/a"},{"type":"array","items":{"type":"string","format":"date"},"minItems":1}],"$defs":{"a":{"const":1}}}"##
        );
    }

    #[test]
    fn a_schema_without_an_end_is_refused() {
        let deep = format!("{}{}{}", r#"{"items":"#.repeat(100), "{}", "}".repeat(100));
        let raw = Raw::parse(&deep).unwrap();
        let refused = write(&mut Writer::new(&mut Vec::new()), raw, "response_format").unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("response_format"));
    }
}
