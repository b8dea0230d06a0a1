//! JSON Schema of a tool's arguments, for providers that require a plain object at its root.
//!
//! Claude rejects `anyOf`, `oneOf` and `allOf` there, and anything but `type: object`; MCP servers and
//! Pydantic models produce both. Other providers allow three keywords there, and no `$ref` anywhere.

use std::borrow::Cow;

use crate::json::{JsonStr, JsonString, Member, Object, Raw, Writer, read};
use crate::openai::ErrorBody;

/// Maximum depth of unions and references.
const DEPTH_LIMIT: usize = 64;

/// Maximum size after resolving references, bytes: each may contain two others.
const SIZE_LIMIT: usize = 256 * 1024;

/// Keywords that combine schemas.
const UNIONS: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Writes a schema as an object: verbatim if its root is one, else with the unions of its root merged.
/// `field` names it in errors.
pub(super) fn write(w: &mut Writer<'_>, schema: Option<Raw<'_>>, field: &str) -> Result<(), ErrorBody> {
    let Some(schema) = schema else {
        w.object().key("type").string("object").key("properties").object().end_object().end_object();
        return Ok(());
    };
    let object = object(schema, field)?;
    let is_joined = |member: &&Member<'_>| UNIONS.iter().any(|name| member.is(name)) || member.is("$ref");
    let joined: Vec<&Member<'_>> = object.members().iter().filter(is_joined).collect();
    let is_object = object.get("type").is_some_and(|kind| kind.get() == r#""object""#);
    if joined.is_empty() && is_object {
        w.raw(schema.get());
        return Ok(());
    }
    w.object().key("type").string("object");
    let is_written = |member: &Member<'_>| {
        member.is("type")
            || !joined.is_empty()
                && (is_joined(&member)
                    || ["properties", "required", "description"].iter().any(|name| member.is(name)))
    };
    for member in object.members().iter().filter(|member| !is_written(member)) {
        w.raw(member.key.token());
        w.bytes().push(b':');
        w.raw(member.value.get());
    }
    if joined.is_empty() {
        if object.get("properties").is_none() {
            w.key("properties").object().end_object();
        }
    } else {
        // Unions that only constrain which properties go together are appended to the description, because
        // nothing else remains of them.
        let told: Vec<&Member<'_>> = joined.into_iter().filter(|member| is_condition(member)).collect();
        describe(w, object.get("description").and_then(JsonStr::of), &told);
        let shape = Shape::of(&object, schema, 0);
        shape.write(w, &mut |w, property| {
            w.raw(property.get());
            Ok(())
        })?;
    }
    w.end_object();
    Ok(())
}

/// The schema with the unions of its root merged; unchanged if it has none.
pub(super) fn without_unions<'a>(schema: Raw<'a>, field: &str) -> Result<Cow<'a, str>, ErrorBody> {
    let object = object(schema, field)?;
    if !object.members().iter().any(|member| UNIONS.iter().any(|name| member.is(name)) || member.is("$ref")) {
        return Ok(Cow::Borrowed(schema.get()));
    }
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out), Some(schema), field)?;
    Ok(Cow::Owned(String::from_utf8(out).unwrap_or_default()))
}

/// Writes `type`, `properties` and `required`, with references resolved. A recursive reference becomes an
/// unconstrained object.
pub(super) fn write_plain(w: &mut Writer<'_>, schema: Option<Raw<'_>>, field: &str) -> Result<(), ErrorBody> {
    let Some(schema) = schema else { return write(w, None, field) };
    let shape = Shape::of(&object(schema, field)?, schema, 0);
    let most = w.bytes().len() + SIZE_LIMIT;
    let mut resolved = Resolved { root: schema, within: Vec::new(), depth: 0, most };
    w.object().key("type").string("object");
    let written = shape.write(w, &mut |w, property| resolved.value(w, property));
    written.map_err(|error| ErrorBody::invalid(field.to_owned(), &error.message))?;
    w.end_object();
    Ok(())
}

/// Writes the description, with the constraints that no keyword expresses.
pub(super) fn describe(w: &mut Writer<'_>, description: Option<JsonStr<'_>>, told: &[&Member<'_>]) {
    if told.is_empty() {
        if let Some(description) = description {
            w.key("description").raw(description.token());
        }
        return;
    }
    let constraints: Vec<String> = told
        .iter()
        .map(|member| format!("{}: {}", member.key.decode().unwrap_or_default(), member.value.get()))
        .collect();
    let blank = if description.is_some() { "\n\n" } else { "" };
    let constraints = JsonString::new(&format!("{blank}{{{}}}", constraints.join(", ")));
    w.key("description").joined(description.into_iter().chain([constraints.as_str()]));
}

fn object<'a>(schema: Raw<'a>, field: &str) -> Result<Object<'a>, ErrorBody> {
    Object::of(schema).ok_or_else(|| ErrorBody::invalid(field.to_owned(), "expected a JSON Schema object"))
}

/// Whether a union's schemas only say which properties are required.
fn is_condition(union: &Member<'_>) -> bool {
    let branches: Vec<Object<'_>> = read(union.value).unwrap_or_default();
    !branches.is_empty()
        && branches.iter().all(|branch| {
            ["properties", "$ref", "anyOf", "oneOf", "allOf"].iter().all(|name| branch.get(name).is_none())
        })
}

/// What a schema's root says about an object's properties.
#[derive(Default)]
struct Shape<'a> {
    /// Each property with all its schemas.
    properties: Vec<(JsonStr<'a>, Vec<Raw<'a>>)>,
    required: Vec<JsonStr<'a>>,
}

impl<'a> Shape<'a> {
    fn of(schema: &Object<'a>, root: Raw<'a>, depth: usize) -> Self {
        let mut shape = Self::default();
        let properties = schema.get("properties").and_then(Object::of).unwrap_or_default();
        for property in properties.members() {
            shape.add(property.key, property.value);
        }
        shape.required = schema.get("required").and_then(|names| read(names).ok()).unwrap_or_default();
        if depth == DEPTH_LIMIT {
            return shape;
        }
        let target = schema.get("$ref").and_then(|reference| resolve(reference, root)).and_then(Object::of);
        if let Some(target) = target {
            shape.and(Self::of(&target, root, depth + 1));
        }
        for union in UNIONS {
            let branches: Vec<Raw<'a>> = schema.get(union).and_then(|raw| read(raw).ok()).unwrap_or_default();
            let branches = branches.into_iter().filter_map(Object::of).filter(may_be_object);
            let mut shapes = branches.map(|branch| Self::of(&branch, root, depth + 1));
            if union == "allOf" {
                shapes.for_each(|branch| shape.and(branch));
            } else if let Some(first) = shapes.next() {
                shape.and(shapes.fold(first, Self::or));
            }
        }
        shape
    }

    fn add(&mut self, key: JsonStr<'a>, schema: Raw<'a>) {
        match self.properties.iter_mut().find(|(known, _)| known.token() == key.token()) {
            Some((_, schemas)) if schemas.iter().any(|known| known.get() == schema.get()) => {}
            Some((_, schemas)) => schemas.push(schema),
            None => self.properties.push((key, vec![schema])),
        }
    }

    fn add_properties(&mut self, other: Vec<(JsonStr<'a>, Vec<Raw<'a>>)>) {
        for (key, schemas) in other {
            for schema in schemas {
                self.add(key, schema);
            }
        }
    }

    /// Both apply.
    fn and(&mut self, other: Self) {
        self.add_properties(other.properties);
        for name in other.required {
            if !self.required.iter().any(|known| known.token() == name.token()) {
                self.required.push(name);
            }
        }
    }

    /// One of them applies.
    fn or(mut self, other: Self) -> Self {
        self.add_properties(other.properties);
        self.required.retain(|name| other.required.iter().any(|known| known.token() == name.token()));
        self
    }

    /// Writes `properties` and `required`.
    fn write(
        &self,
        w: &mut Writer<'_>,
        each: &mut dyn FnMut(&mut Writer<'_>, Raw<'a>) -> Result<(), ErrorBody>,
    ) -> Result<(), ErrorBody> {
        w.key("properties").object();
        for (key, schemas) in &self.properties {
            w.raw(key.token());
            w.bytes().push(b':');
            if let [schema] = schemas.as_slice() {
                each(w, *schema)?;
                continue;
            }
            w.object().key("anyOf").array();
            for schema in schemas {
                each(w, *schema)?;
            }
            w.end_array().end_object();
        }
        w.end_object();
        if !self.required.is_empty() {
            w.key("required").array();
            for name in &self.required {
                w.raw(name.token());
            }
            w.end_array();
        }
        Ok(())
    }
}

/// Whether a schema's `type`, if present, is `object`.
fn may_be_object(schema: &Object<'_>) -> bool {
    schema.get("type").is_none_or(|kind| kind.get().contains("\"object\""))
}

/// The target of a reference within the schema (RFC 6901, section 6).
fn resolve<'a>(reference: Raw<'a>, root: Raw<'a>) -> Option<Raw<'a>> {
    let reference = JsonStr::of(reference)?.decode()?;
    let mut at = root;
    for step in reference.strip_prefix("#/")?.split('/') {
        at = Object::of(at)?.get(&step.replace("~1", "/").replace("~0", "~"))?;
    }
    Some(at)
}

/// Writes schemas with references resolved.
struct Resolved<'a> {
    root: Raw<'a>,
    /// The references being followed.
    within: Vec<&'a str>,
    /// Nesting depth of the value being written; each level uses some of the VM's stack.
    depth: usize,
    /// Maximum length of the output.
    most: usize,
}

impl<'a> Resolved<'a> {
    fn value(&mut self, w: &mut Writer<'_>, value: Raw<'a>) -> Result<(), ErrorBody> {
        if w.bytes().len() > self.most {
            return Err(ErrorBody::bad_request("the schema is too large once its references are resolved"));
        }
        if self.depth > 2 * DEPTH_LIMIT {
            return Err(ErrorBody::bad_request("the schema is nested too deeply"));
        }
        self.depth += 1;
        if let Some(object) = Object::of(value) {
            w.object();
            self.members(w, &object, &[])?;
            w.end_object();
        } else if let Some(items) =
            value.get().starts_with('[').then(|| read::<Vec<Raw<'a>>>(value).ok()).flatten()
        {
            w.array();
            for item in items {
                self.value(w, item)?;
            }
            w.end_array();
        } else {
            w.raw(value.get());
        }
        self.depth -= 1;
        Ok(())
    }

    /// Writes the members of a schema, except those set next to the reference to it.
    fn members(
        &mut self,
        w: &mut Writer<'_>,
        schema: &Object<'a>,
        told: &[&'a str],
    ) -> Result<(), ErrorBody> {
        let reference = schema.get("$ref").filter(|reference| JsonStr::of(*reference).is_some());
        if let Some(reference) = reference {
            let target = resolve(reference, self.root).and_then(Object::of);
            let followed = self.within.contains(&reference.get()) || self.within.len() == DEPTH_LIMIT;
            match target.filter(|_| !followed) {
                Some(target) => {
                    let mut told = told.to_vec();
                    told.extend(schema.members().iter().map(|member| member.key.inner()));
                    self.within.push(reference.get());
                    self.members(w, &target, &told)?;
                    self.within.pop();
                }
                None => {
                    w.key("type").string("object");
                }
            }
        }
        for member in schema.members() {
            let keyword = member.key.inner();
            if told.contains(&keyword)
                || keyword == "$ref" && reference.is_some()
                || matches!(keyword, "$defs" | "definitions")
            {
                continue;
            }
            w.raw(member.key.token());
            w.bytes().push(b':');
            match keyword {
                "enum" | "const" | "default" | "examples" => {
                    w.raw(member.value.get());
                }
                "properties" | "patternProperties" => self.named(w, member.value)?,
                _ => self.value(w, member.value)?,
            }
        }
        Ok(())
    }

    /// Writes an object of schemas, whose names are not keywords.
    fn named(&mut self, w: &mut Writer<'_>, schemas: Raw<'a>) -> Result<(), ErrorBody> {
        w.object();
        for named in Object::of(schemas).unwrap_or_default().members() {
            w.raw(named.key.token());
            w.bytes().push(b':');
            self.value(w, named.value)?;
        }
        w.end_object();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(schema: &str) -> String {
        let mut out = Vec::new();
        write(&mut Writer::new(&mut out), Some(Raw::parse(schema).unwrap()), "schema").unwrap();
        String::from_utf8(out).unwrap()
    }

    fn plain(schema: &str) -> Result<String, ErrorBody> {
        let mut out = Vec::new();
        write_plain(&mut Writer::new(&mut out), Some(Raw::parse(schema).unwrap()), "schema")?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn an_object_stays_as_it_is_and_another_root_becomes_one() {
        let object = r#"{ "type": "object", "properties": {"a": {"anyOf": [{}, {}]}} }"#;
        assert_eq!(written(object), object);
        assert_eq!(
            written(r#"{"type":"string","title":"t"}"#),
            r#"{"type":"object","title":"t","properties":{}}"#
        );
    }

    #[test]
    fn a_union_at_the_root_becomes_one_object_with_what_all_require() {
        assert_eq!(
            written(
                r##"{"anyOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"string"}},"required":["kind","x"]},
                {"$ref":"#/$defs/b"},{"type":"null"}],"$defs":{"b":{"properties":{"kind":{"const":"b"},"y":{"type":"integer"}},"required":["kind"]}}}"##
            ),
            r#"{"type":"object","$defs":{"b":{"properties":{"kind":{"const":"b"},"y":{"type":"integer"}},"required":["kind"]}},"properties":{"kind":{"anyOf":[{"const":"a"},{"const":"b"}]},"x":{"type":"string"},"y":{"type":"integer"}},"required":["kind"]}"#
        );
        assert_eq!(
            written(
                r#"{"allOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}},"required":["b"]}]}"#
            ),
            r#"{"type":"object","properties":{"a":{},"b":{}},"required":["a","b"]}"#
        );
    }

    #[test]
    fn a_union_that_is_a_condition_is_told_in_words() {
        assert_eq!(
            written(
                r#"{"type":"object","description":"Finds.","properties":{"a":{},"b":{}},"oneOf":[{"required":["a"]},{"required":["b"]}]}"#
            ),
            r#"{"type":"object","description":"Finds.\n\n{oneOf: [{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}","properties":{"a":{},"b":{}}}"#
        );
    }

    #[test]
    fn a_plain_schema_has_three_keywords_and_no_reference() {
        assert_eq!(
            plain(
                r##"{"$schema":"x","title":"T","type":"object","additionalProperties":false,"properties":{
                "definitions":{"$ref":"#/$defs/a~1b","description":"here"},"list":{"type":"array","items":{"$ref":"#/definitions/c"}},"d":{"default":{"$ref":"stays"}}},
                "required":["list"],"$defs":{"a/b":{"type":"string","description":"there"}},"definitions":{"c":{"$ref":"#/$defs/a~1b"}}}"##
            )
            .unwrap(),
            r#"{"type":"object","properties":{"definitions":{"type":"string","description":"here"},"list":{"type":"array","items":{"type":"string","description":"there"}},"d":{"default":{"$ref":"stays"}}},"required":["list"]}"#
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends_and_one_that_grows_is_refused() {
        let list = plain(
            r##"{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}}"##,
        );
        assert_eq!(
            list.unwrap(),
            r#"{"type":"object","properties":{"next":{"type":"object","properties":{"next":{"type":"object"}}}}}"#
        );
        let mut defs = vec![r#""d0":{"type":"string","description":"0123456789"}"#.to_owned()];
        for n in 1..40 {
            let before = n - 1;
            defs.push(format!(
                r##""d{n}":{{"properties":{{"a":{{"$ref":"#/$defs/d{before}"}},"b":{{"$ref":"#/$defs/d{before}"}}}}}}"##
            ));
        }
        let grown = format!(
            r##"{{"type":"object","properties":{{"x":{{"$ref":"#/$defs/d39"}}}},"$defs":{{{}}}}}"##,
            defs.join(",")
        );
        assert!(plain(&grown).unwrap_err().message.contains("too large"));
    }
}
