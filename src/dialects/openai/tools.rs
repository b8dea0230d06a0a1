//! Edits `tools` and `tool_choice` in place, for vendors that support less than `OpenAI`.

use super::json_string;
use super::quirks::{Quirks, Tools};
use crate::json::{JsonStr, Object, Raw, Splice, Text, read};
use crate::openai::{ErrorBody, Request, ToolChoice};

/// Maximum nesting depth of a schema.
const DEPTH_LIMIT: usize = 64;

/// In a pattern, as a JSON string: what OpenAI's validator rejects. It has no lookaround, and compiles patterns as Python does, which
/// has other named groups and no properties of characters. Claude Code's own tools have such patterns.
const FOREIGN: [&str; 6] = ["(?=", "(?!", "(?<", r"\\p{", r"\\P{", r"\\u{"];

/// Edits the tools.
pub(super) fn mend(
    quirks: &Quirks,
    request: &Request<'_>,
    raw: Raw<'_>,
    splice: &mut Splice<'_>,
) -> Result<(), ErrorBody> {
    let rules = &quirks.tools;
    let allowed = allowed(quirks, request)?;
    let has = |word: &str| memchr::memmem::find(raw.get().as_bytes(), word.as_bytes()).is_some();
    let patterns = rules.patterns && has("\"pattern") && FOREIGN.into_iter().any(has);
    if allowed.is_none() && !rules.parameters && !patterns && !rules.without.iter().any(|word| has(word)) {
        return Ok(());
    }
    let rules = &Tools { patterns, ..*rules };
    let tools: Vec<Raw<'_>> = read(raw).unwrap_or_default();
    for tool in tools {
        let Some(object) = Object::of(tool) else { continue };
        let token = object.get("function");
        let function = token.and_then(Object::of);
        if let Some((_, names)) = &allowed {
            let name = function.as_ref().and_then(|function| function.get("name")).and_then(JsonStr::of);
            let name = name.and_then(JsonStr::decode);
            if !name.is_some_and(|name| names.iter().any(|allowed| **allowed == *name)) {
                splice.remove_item(tool.get());
                continue;
            }
        }
        remove_all(rules.without, &object, splice);
        let (Some(function), Some(token)) = (function, token) else { continue };
        remove_all(rules.without, &function, splice);
        match function.get("parameters") {
            Some(schema) => clean(rules, schema, splice, 0),
            None if rules.parameters && !function.members().iter().any(|member| member.is("parameters")) => {
                splice.append_to(token.get(), &br#""parameters":{"type":"object","properties":{}}"#[..]);
            }
            None => {}
        }
    }
    Ok(())
}

/// A replacement for a `tool_choice` that the vendor does not support; `None` if it can stay.
pub(super) fn choice(quirks: &Quirks, request: &Request<'_>) -> Result<Option<Vec<u8>>, ErrorBody> {
    let Some((required, _)) = allowed(quirks, request)? else { return Ok(None) };
    let word = if required { "required" } else { "auto" };
    let theirs = quirks.words.iter().find(|(param, ours, _)| *param == "tool_choice" && *ours == word);
    let theirs = theirs.map(|(_, _, theirs)| *theirs).filter(|theirs| !theirs.is_empty());
    Ok(Some(json_string(theirs.unwrap_or(word))))
}

/// `tool_choice: allowed_tools`, if the vendor does not support it: the tools are filtered instead.
fn allowed<'a>(quirks: &Quirks, request: &Request<'a>) -> Result<Option<(bool, Vec<Text<'a>>)>, ErrorBody> {
    let is_object = || request.get("tool_choice").is_some_and(|choice| choice.get().starts_with('{'));
    if quirks.tools.allowed || !is_object() {
        return Ok(None);
    }
    Ok(match request.tool_choice()? {
        Some(ToolChoice::Allowed { required, names }) => Some((required, names)),
        _ => None,
    })
}

fn remove_all(names: &[&str], object: &Object<'_>, splice: &mut Splice<'_>) {
    for member in object.members().iter().filter(|member| names.contains(&member.key.inner())) {
        splice.remove(member);
    }
}

/// Removes keywords, and patterns that the vendor rejects, from a schema. Property names are not keywords.
fn clean(rules: &Tools, schema: Raw<'_>, splice: &mut Splice<'_>, depth: usize) {
    let Some(object) = Object::of(schema) else { return };
    if depth > DEPTH_LIMIT {
        return;
    }
    for member in object.members() {
        let keyword = member.key.inner();
        if rules.without.contains(&keyword)
            || rules.patterns && keyword == "pattern" && is_foreign(member.value.get())
        {
            splice.remove(member);
            continue;
        }
        match keyword {
            "properties" | "$defs" | "definitions" | "patternProperties" => {
                let schemas = Object::of(member.value).unwrap_or_default();
                for schema in schemas.members() {
                    if rules.patterns && keyword == "patternProperties" && is_foreign(schema.key.inner()) {
                        splice.remove(schema);
                    } else {
                        clean(rules, schema.value, splice, depth + 1);
                    }
                }
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                let schemas: Vec<Raw<'_>> = read(member.value).unwrap_or_default();
                for schema in schemas {
                    clean(rules, schema, splice, depth + 1);
                }
            }
            "items" | "not" | "additionalProperties" => clean(rules, member.value, splice, depth + 1),
            _ => {}
        }
    }
}

/// Whether a pattern, as a JSON string, is one that the validator rejects.
fn is_foreign(pattern: &str) -> bool {
    FOREIGN.into_iter().any(|mark| memchr::memmem::find(pattern.as_bytes(), mark.as_bytes()).is_some())
}
