//! `tools` and `tool_choice`.

use super::names::{self, Renamed};
use crate::inbound::search;
use crate::json::{JsonStr, Object, Raw, Text, Writer, fields, read};
use crate::openai::{ErrorBody, SEARCH_REQUIRED};

/// `tool_choice`
pub(super) struct Choice<'a> {
    kind: Text<'a>,
    name: Option<JsonStr<'a>>,
    disable_parallel_tool_use: bool,
}
fields!(Choice<'a> { kind = "type", name, disable_parallel_tool_use });

struct Tool<'a> {
    kind: Text<'a>,
    name: Option<JsonStr<'a>>,
    description: Option<Raw<'a>>,
    input_schema: Option<Raw<'a>>,
    strict: Option<Raw<'a>>,
    cache_control: Option<Raw<'a>>,
    user_location: Option<Raw<'a>>,
    allowed_domains: Option<Vec<Raw<'a>>>,
    blocked_domains: Option<Vec<Raw<'a>>>,
}
fields!(Tool<'a> {
    kind = "type", name, description, input_schema, strict, cache_control, user_location, allowed_domains, blocked_domains
});

impl<'a> Tool<'a> {
    fn read(raw: Raw<'a>, at: usize) -> Result<Self, ErrorBody> {
        read(raw).map_err(|_| ErrorBody::invalid(format!("tools.{at}"), "expected an object"))
    }

    /// Whether it is a search of the web that other providers can make. They cannot be limited to domains.
    fn is_search(&self) -> bool {
        let limits = [&self.allowed_domains, &self.blocked_domains];
        self.kind.starts_with("web_search_") && limits.into_iter().flatten().all(Vec::is_empty)
    }
}

/// Claude Code's placeholder for tools that it has not loaded yet; no model can call it.
const PLACEHOLDER: &str = "DeferredToolPlaceholder";

/// Tools whose schema is built into Claude: the prefix of `type`, and the schema for other models. The client
/// runs them like its own. Source: Anthropic's documentation of each tool.
const KNOWN: &[(&str, &str)] = &[
    (
        "bash_",
        r#"{"type":"object","properties":{"command":{"type":"string","description":"The command to run."},"restart":{"type":"boolean","description":"Restart the shell."}}}"#,
    ),
    (
        "text_editor_",
        r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert"]},"path":{"type":"string"},"view_range":{"type":"array","items":{"type":"integer"}},"old_str":{"type":"string"},"new_str":{"type":"string"},"insert_line":{"type":"integer"},"insert_text":{"type":"string"},"file_text":{"type":"string"}},"required":["command","path"]}"#,
    ),
    (
        "memory_",
        r#"{"type":"object","properties":{"command":{"type":"string","enum":["view","create","str_replace","insert","delete","rename"]},"path":{"type":"string"},"view_range":{"type":"array","items":{"type":"integer"}},"file_text":{"type":"string"},"old_str":{"type":"string"},"new_str":{"type":"string"},"insert_line":{"type":"integer"},"insert_text":{"type":"string"},"old_path":{"type":"string"},"new_path":{"type":"string"}},"required":["command"]}"#,
    ),
];

/// Writes `tools`, `tool_choice`, `parallel_tool_calls` and `web_search_options`. Returns the names that are shortened.
pub(super) fn write(
    w: &mut Writer<'_>,
    tools: &[Raw<'_>],
    choice: Option<&Choice<'_>>,
) -> Result<Renamed, ErrorBody> {
    let (mut written, mut renamed) = (Vec::new(), Renamed::new());
    let mut search = None;
    for (at, raw) in tools.iter().enumerate() {
        let tool = Tool::read(*raw, at)?;
        if tool.is_search() {
            search = Some(tool);
        } else {
            write_tool(&mut Writer::new(&mut written), *raw, &tool);
            renamed.extend(tool.name.and_then(names::shortened));
        }
    }
    let is_chosen = search.as_ref().is_some_and(|search| {
        choice.is_some_and(|choice| {
            choice.name.is_some_and(|name| search.name.is_some_and(|own| own.token() == name.token()))
        })
    });
    if let Some(search) = search {
        search::write_options(w.key("web_search_options"), None, search.user_location);
        let is_none = choice.is_some_and(|choice| &*choice.kind == "none");
        if is_chosen || written.is_empty() && !is_none {
            w.key(SEARCH_REQUIRED).bool(true);
        }
    }
    if written.is_empty() {
        return Ok(renamed);
    }
    w.key("tools").array().bytes().extend_from_slice(&written);
    w.end_array();
    let Some(choice) = choice.filter(|_| !is_chosen) else { return Ok(renamed) };
    match (&*choice.kind, choice.name) {
        ("auto", _) => w.key("tool_choice").string("auto"),
        ("any", _) => w.key("tool_choice").string("required"),
        ("none", _) => w.key("tool_choice").string("none"),
        ("tool", Some(name)) => {
            w.key("tool_choice").object().key("type").string("function").key("function").object();
            names::write(w.key("name"), name);
            w.end_object().end_object()
        }
        _ => {
            return Err(ErrorBody::invalid(
                "tool_choice",
                "expected `type` `auto`, `any`, `none`, or `tool` with a `name`",
            ));
        }
    };
    if choice.disable_parallel_tool_use {
        w.key("parallel_tool_calls").bool(false);
    }
    Ok(renamed)
}

fn write_tool(w: &mut Writer<'_>, raw: Raw<'_>, tool: &Tool<'_>) {
    let name = tool.name.unwrap_or(JsonStr::EMPTY);
    if name.inner() == PLACEHOLDER {
        return;
    }
    let known = KNOWN.iter().find(|(kind, _)| tool.kind.starts_with(kind)).map(|(_, schema)| *schema);
    let schema = tool.input_schema.map(Raw::get).or(known);
    let Some(schema) = schema else {
        // Claude's provider runs it; other providers report that they do not support the type.
        w.raw(raw.get());
        return;
    };
    names::write(w.object().key("type").string("function").key("function").object().key("name"), name);
    if let Some(description) = tool.description {
        w.key("description").raw(description.get());
    }
    w.key("parameters");
    write_schema(w, schema);
    if let Some(strict) = tool.strict {
        w.key("strict").raw(strict.get());
    }
    w.end_object();
    if let Some(mark) = tool.cache_control {
        w.key("cache_control").raw(mark.get());
    }
    w.end_object();
}

/// A schema without keywords that clients always send and some providers reject.
fn write_schema(w: &mut Writer<'_>, schema: &str) {
    let Some(object) = Object::parse(schema.as_bytes()).ok().filter(|object| {
        object
            .members()
            .iter()
            .any(|member| member.is("$schema") || member.is("required") && member.value.is_null())
    }) else {
        w.raw(schema);
        return;
    };
    w.object();
    for member in object.members() {
        if !(member.is("$schema") || member.is("required") && member.value.is_null()) {
            w.string(&member.name().unwrap_or_default()).bytes().push(b':');
            w.raw(member.value.get());
        }
    }
    w.end_object();
}
