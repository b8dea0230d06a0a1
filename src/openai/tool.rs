//! `tools` and `tool_choice`, including the deprecated `functions` and `function_call`.

use std::borrow::Cow;

use super::ErrorBody;
use super::message::reason;
use crate::json::{JsonStr, Object, Raw, Text, Writer, fields, read};

/// A function tool.
#[derive(Debug)]
pub struct Tool<'a> {
    /// What the model calls it.
    pub name: Text<'a>,
    /// Its description.
    pub description: Option<JsonStr<'a>>,
    /// JSON Schema of its arguments; absent means none.
    pub parameters: Option<Raw<'a>>,
    /// Whether arguments must conform to the schema.
    pub strict: Option<bool>,
    /// Prompt cache marker (Anthropic).
    pub cache_control: Option<Raw<'a>>,
}
fields!(Tool<'a> { name, description, parameters, strict, cache_control; "name" });

impl Tool<'_> {
    /// Writes the tool in `OpenAI`'s format with the fields that every provider supports: name, description
    /// and parameters.
    pub fn write(&self, w: &mut Writer<'_>) {
        w.object().key("type").string("function").key("function").object();
        w.key("name").string(&self.name);
        if let Some(description) = self.description {
            w.key("description").raw(description.token());
        }
        w.key("parameters").raw(self.parameters.map_or(r#"{"type":"object","properties":{}}"#, Raw::get));
        w.end_object().end_object();
    }
}

/// Tools for a dialect that supports "any tool" and "no tool", but not specific ones: `tool_choice` filters
/// the list instead.
#[derive(Debug, Default)]
pub struct ChosenTools<'a> {
    /// The tools that can be called.
    pub tools: Vec<Tool<'a>>,
    /// Whether a tool must be called.
    pub required: bool,
    /// Whether no tool may be called.
    pub forbidden: bool,
}

impl<'a> ChosenTools<'a> {
    pub(super) fn of(mut tools: Vec<Tool<'a>>, choice: Option<ToolChoice<'a>>) -> Self {
        let (mut required, mut forbidden) = (false, false);
        match choice {
            None | Some(ToolChoice::Auto) => {}
            Some(ToolChoice::None) => forbidden = true,
            Some(ToolChoice::Required) => required = true,
            Some(ToolChoice::Function(name)) => {
                tools.retain(|tool| tool.name == name);
                required = true;
            }
            Some(ToolChoice::Allowed { required: must, names }) => {
                tools.retain(|tool| names.contains(&tool.name));
                required = must;
            }
        }
        Self { tools, required, forbidden }
    }
}

/// A tool of any type.
#[derive(Debug)]
pub enum AnyTool<'a> {
    /// A function tool.
    Function(Tool<'a>),
    /// Another type, verbatim: a provider's built-in tool or a custom tool.
    Other {
        /// `type`, or the name of the only member if absent.
        kind: Text<'a>,
        /// The whole object.
        raw: Raw<'a>,
    },
}

impl<'a> AnyTool<'a> {
    pub(super) fn parse_all(
        tools: Option<Raw<'a>>,
        functions: Option<Raw<'a>>,
    ) -> Result<Vec<Self>, ErrorBody> {
        struct Wire<'a> {
            kind: Text<'a>,
            function: Option<Tool<'a>>,
            cache_control: Option<Raw<'a>>,
        }
        fields!(Wire<'a> { kind = "type", function, cache_control });
        if let Some(functions) = functions {
            let functions: Vec<Tool<'a>> =
                read(functions).map_err(|error| ErrorBody::invalid("functions", &reason(&error)))?;
            if !functions.is_empty() {
                return Ok(functions.into_iter().map(Self::Function).collect());
            }
        }
        let Some(tools) = tools else { return Ok(Vec::new()) };
        let tools: Vec<Raw<'a>> =
            read(tools).map_err(|_| ErrorBody::invalid("tools", "expected an array of tools"))?;
        let parse = |(at, raw): (usize, &Raw<'a>)| {
            let wire: Wire<'a> =
                read(*raw).map_err(|error| ErrorBody::invalid(format!("tools[{at}]"), &reason(&error)))?;
            match (wire.function, &*wire.kind) {
                (Some(mut tool), "function") => {
                    tool.cache_control = tool.cache_control.or(wire.cache_control);
                    Ok(Self::Function(tool))
                }
                (None, "function") => Err(ErrorBody::missing("tools", "function")),
                _ => Ok(Self::Other { kind: named(wire.kind, *raw), raw: *raw }),
            }
        };
        tools.iter().enumerate().map(parse).collect()
    }

    /// The error for a tool type that a dialect does not support.
    pub fn refused(at: usize, kind: &str) -> ErrorBody {
        ErrorBody::invalid(
            format!("tools[{at}].type"),
            &format!("the model's provider does not support tools of type '{kind}'"),
        )
    }
}

/// The type of a tool. A tool of Gemini has none, but a single member with the tool's name.
fn named<'a>(kind: Text<'a>, tool: Raw<'a>) -> Text<'a> {
    if !kind.is_empty() {
        return kind;
    }
    let tool = Object::of(tool).unwrap_or_default();
    let [member] = tool.members() else { return kind };
    let name = member.name().filter(|_| Object::of(member.value).is_some());
    name.map_or(kind, Text)
}

/// `tool_choice`
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// The model decides.
    Auto,
    /// No tool.
    None,
    /// Any tool.
    Required,
    /// This tool.
    Function(Text<'a>),
    /// One of these tools.
    Allowed {
        /// Whether one of them must be called.
        required: bool,
        /// Their names.
        names: Vec<Text<'a>>,
    },
}

impl<'a> ToolChoice<'a> {
    pub(super) fn parse(raw: Option<Raw<'a>>) -> Result<Option<Self>, ErrorBody> {
        struct Named<'a> {
            kind: Option<Text<'a>>,
            name: Option<Text<'a>>,
            function: Option<Function<'a>>,
            allowed_tools: Option<Allowed<'a>>,
        }
        fields!(Named<'a> { kind = "type", name, function, allowed_tools });
        struct Function<'a> {
            name: Text<'a>,
        }
        fields!(Function<'a> { name; "name" });
        struct Allowed<'a> {
            mode: Text<'a>,
            tools: Vec<Named<'a>>,
        }
        fields!(Allowed<'a> { mode, tools; "mode", "tools" });
        let Some(raw) = raw else { return Ok(None) };
        if let Some(word) = JsonStr::of(raw) {
            return match word.inner() {
                "auto" => Ok(Some(Self::Auto)),
                "none" => Ok(Some(Self::None)),
                "required" | "any" => Ok(Some(Self::Required)),
                other => Err(ErrorBody::invalid(
                    "tool_choice",
                    &format!("'{other}' is not one of 'none', 'auto', 'required', or an object"),
                )),
            };
        }
        let named: Named<'a> =
            read(raw).map_err(|error| ErrorBody::invalid("tool_choice", &reason(&error)))?;
        match (named.kind.as_deref(), &named.name, &named.function) {
            // Forms of other APIs, which clients written for those still send.
            (Some("auto"), None, None) => return Ok(Some(Self::Auto)),
            (Some("none"), None, None) => return Ok(Some(Self::None)),
            (Some("any" | "required"), None, None) => return Ok(Some(Self::Required)),
            _ => {}
        }
        let name_of = |named: Named<'a>| named.function.map(|function| function.name).or(named.name);
        match (named.kind.as_deref(), named.allowed_tools) {
            (Some("allowed_tools"), Some(allowed)) => Ok(Some(Self::Allowed {
                required: &*allowed.mode == "required",
                names: allowed.tools.into_iter().filter_map(name_of).collect(),
            })),
            (_, allowed_tools) => name_of(Named { kind: None, allowed_tools, ..named })
                .map(|name| Some(Self::Function(name)))
                .ok_or_else(|| ErrorBody::invalid("tool_choice", "expected a function name")),
        }
    }
}

/// The arguments of a provider's call as JSON text: either a JSON value, or a string that already contains
/// JSON.
pub fn arguments_text(given: Option<Raw<'_>>) -> Cow<'_, str> {
    let Some(given) = given else { return Cow::Borrowed("{}") };
    let text = JsonStr::of(given).and_then(JsonStr::decode).unwrap_or(Cow::Borrowed(given.get()));
    if matches!(text.trim(), "" | "null") { Cow::Borrowed("{}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_without_a_type_is_named_by_its_only_member() {
        let kind = |tool: &str| named(Text("".into()), Raw::parse(tool).unwrap()).0.into_owned();
        assert_eq!(kind(r#"{"urlContext":{}}"#), "urlContext");
        for tool in [r#"{"name":"f"}"#, r#"{"name":"f","input_schema":{}}"#, "{}", "1"] {
            assert_eq!(kind(tool), "", "{tool}");
        }
    }
}
