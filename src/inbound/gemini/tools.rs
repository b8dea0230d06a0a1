//! `tools` and `toolConfig`.

use super::proto::Fields;
use super::schema;
use crate::json::{JsonStr, Object, Writer};
use crate::openai::{ErrorBody, SEARCH_REQUIRED};

/// Tools that search the web.
const SEARCHES: &[&str] = &["googleSearch", "googleSearchRetrieval"];

/// Writes `tools`, `web_search_options` and `tool_choice`.
pub(super) fn write(w: &mut Writer<'_>, request: &Fields<'_>) -> Result<(), ErrorBody> {
    let mut written = Vec::new();
    let (mut searches, mut has_functions) = (false, false);
    for tool in request.messages("tools")? {
        for function in tool.messages("functionDeclarations")? {
            write_function(&mut Writer::new(&mut written), &function)?;
            has_functions = true;
        }
        searches |= SEARCHES.iter().any(|name| tool.get(name).is_some());
        for member in tool.object().members() {
            let is_translated = |name: &&str| Fields::get(&tool, name).is_some_and(|raw| raw == member.value);
            if member.value.is_null() || SEARCHES.iter().chain(&["functionDeclarations"]).any(is_translated) {
                continue;
            }
            // The provider runs it; one that does not know it says so.
            let mut w = Writer::new(&mut written);
            w.object().raw(member.key.token()).bytes().push(b':');
            w.raw(member.value.get()).end_object();
        }
    }
    if !written.is_empty() {
        w.key("tools").array().bytes().extend_from_slice(&written);
        w.end_array();
    }
    if searches {
        w.key("web_search_options").object().end_object();
        if written.is_empty() {
            w.key(SEARCH_REQUIRED).bool(true);
        }
    }
    if has_functions { write_choice(w, request) } else { Ok(()) }
}

fn write_function(w: &mut Writer<'_>, function: &Fields<'_>) -> Result<(), ErrorBody> {
    let name = function
        .text("name")?
        .ok_or_else(|| ErrorBody::invalid(function.place("name"), "expected the name of the function"))?;
    w.object().key("type").string("function").key("function").object().key("name").raw(name.token());
    if let Some(description) = function.text("description")? {
        w.key("description").raw(description.token());
    }
    let is_empty = |raw| Object::of(raw).is_some_and(|object| object.members().is_empty());
    if let Some(own) = function.get("parametersJsonSchema").filter(|raw| !is_empty(*raw)) {
        let start = w.key("parameters").bytes().len();
        w.raw(own.get());
        add_properties(w, start);
    } else if let Some(parameters) = function.get("parameters").filter(|raw| !is_empty(*raw)) {
        let start = w.key("parameters").bytes().len();
        schema::write(w, parameters);
        add_properties(w, start);
    }
    w.end_object().end_object();
    Ok(())
}

/// Adds `properties` to the object schema that was written at `start`, if it has none: some providers require them.
fn add_properties(w: &mut Writer<'_>, start: usize) {
    let out = w.bytes();
    let schema = out.get(start..).and_then(|schema| Object::parse(schema).ok());
    let is_object = |schema: &Object<'_>| schema.get("type").is_some_and(|kind| kind.get() == r#""object""#);
    if schema.is_some_and(|schema| is_object(&schema) && schema.get("properties").is_none()) {
        w.reopen_object().key("properties").object().end_object().end_object();
    }
}

fn write_choice(w: &mut Writer<'_>, request: &Fields<'_>) -> Result<(), ErrorBody> {
    let config =
        request.fields("toolConfig")?.map(|config| config.fields("functionCallingConfig")).transpose()?;
    let Some(config) = config.flatten() else { return Ok(()) };
    let names = config.list("allowedFunctionNames")?;
    let names: Vec<JsonStr<'_>> = names.into_iter().filter_map(JsonStr::of).collect();
    match (&*config.word("mode")?, names.as_slice()) {
        ("none", _) => {
            w.key("tool_choice").string("none");
        }
        ("any", []) => {
            w.key("tool_choice").string("required");
        }
        ("any", [name]) => {
            w.key("tool_choice").object().key("type").string("function").key("function").object();
            w.key("name").raw(name.token()).end_object().end_object();
        }
        ("any", names) => write_allowed(w, "required", names),
        ("" | "mode_unspecified", _) => {}
        ("auto" | "validated", []) => {
            w.key("tool_choice").string("auto");
        }
        ("auto" | "validated", names) => write_allowed(w, "auto", names),
        _ => {
            return Err(ErrorBody::invalid(
                config.place("mode"),
                "expected 'AUTO', 'ANY', 'NONE' or 'VALIDATED'",
            ));
        }
    }
    Ok(())
}

fn write_allowed(w: &mut Writer<'_>, mode: &str, names: &[JsonStr<'_>]) {
    w.key("tool_choice").object().key("type").string("allowed_tools").key("allowed_tools").object();
    w.key("mode").string(mode).key("tools").array();
    for name in names {
        w.object().key("type").string("function").key("function").object();
        w.key("name").raw(name.token()).end_object().end_object();
    }
    w.end_array().end_object().end_object();
}
