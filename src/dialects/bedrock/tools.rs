//! `toolConfig`, and the tool that replaces `response_format` for models without structured output.

use super::super::Target;
use super::super::claude::schema;
use super::super::tool_schema;
use super::blocks::Blocks;
use super::models::Model;
use crate::json::{Raw, Writer, read};
use crate::openai::{ErrorBody, Message, Request, ResponseFormat, Tool, ToolChoice, ToolNames};

/// `LiteLLM`'s name for the tool that replaces `response_format`.
pub(super) const JSON_TOOL: &str = "json_tool_call";

/// Maximum length of a tool name, bytes.
const NAME_LIMIT: usize = 64;

/// Converse has no `none`, so this instruction replaces it.
const NO_CALLS_NOTE: &str = "Do not call any tools; respond with text.";

/// The tools of one request.
pub(super) struct Tools<'a> {
    tools: Vec<Tool<'a>>,
    choice: Option<ToolChoice<'a>>,
    /// Names of tools that are called in the history.
    called: Vec<String>,
    serial: bool,
    web_search: bool,
    json_schema: Option<Raw<'a>>,
    /// The names as sent to the provider.
    pub(super) names: ToolNames,
}

impl<'a> Tools<'a> {
    /// Reads the tools. `forced_tools`: the model can be forced to call one.
    pub(super) fn of(
        request: &Request<'a>,
        to: &Target<'_>,
        model: &Model,
        forced_tools: bool,
        messages: &[Message<'_>],
        format: ResponseFormat<'a>,
    ) -> Result<Self, ErrorBody> {
        let mut tools = request.tools()?;
        let mut choice = request.tool_choice()?;
        if let Some(ToolChoice::Allowed { required, names }) = choice {
            tools.retain(|tool| names.contains(&tool.name));
            choice = Some(if required { ToolChoice::Required } else { ToolChoice::Auto });
        }
        if matches!(choice, Some(ToolChoice::Required | ToolChoice::Function(_))) && !forced_tools {
            to.refuse_value("tool_choice", "a tool_choice that forces a call")?;
            choice = Some(ToolChoice::Auto);
        }
        if !model.tools && !tools.is_empty() {
            to.refuse_value("tools", "tools")?;
            tools.clear();
        }
        // Dropped if unsupported, because clients send it on every turn.
        let serial = model.serial_tools && !tools.is_empty() && request.wants_one_call()?;
        let asked: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
        let names = ToolNames::of(&asked, NAME_LIMIT);
        let mut called: Vec<String> = Vec::new();
        for call in messages.iter().flat_map(Message::calls) {
            let name = names.sent(&call.function.name);
            if !called.iter().any(|known| *known == name) {
                called.push(name.into_owned());
            }
        }
        Ok(Self {
            tools,
            choice,
            called,
            serial,
            web_search: request.get("web_search_options").is_some() && model.grounding,
            json_schema: match format {
                ResponseFormat::JsonSchema { schema, .. } if !model.json_schema && forced_tools => {
                    Some(schema)
                }
                _ => None,
            },
            names,
        })
    }

    /// Whether a tool must be called.
    pub(super) fn forced(&self) -> bool {
        self.json_schema.is_some()
            || matches!(self.choice, Some(ToolChoice::Required | ToolChoice::Function(_)))
    }

    /// Whether a tool replaces `response_format`.
    pub(super) fn has_json_tool(&self) -> bool {
        self.json_schema.is_some()
    }

    /// The instruction that must be added in text.
    pub(super) fn note(&self) -> Option<String> {
        let calls_none = match self.choice {
            Some(ToolChoice::None) => self.has_history(),
            _ => {
                self.tools.is_empty() && self.json_schema.is_none() && !self.web_search && self.has_history()
            }
        };
        calls_none.then(|| NO_CALLS_NOTE.to_owned())
    }

    /// Writes Claude's `tool_choice` for one call at a time. Its type is that of `toolChoice`, unless there
    /// is none.
    pub(super) fn write_serial(&self, w: &mut Writer<'_>) {
        if self.serial && !matches!(self.choice, Some(ToolChoice::None)) {
            w.key("tool_choice").object();
            if self.choice.is_none() && self.json_schema.is_none() {
                w.key("type").string("auto");
            }
            w.key("disable_parallel_tool_use").bool(true).end_object();
        }
    }

    /// Writes `toolConfig`.
    pub(super) fn write(&self, w: &mut Writer<'_>, model: &Model) -> Result<(), ErrorBody> {
        let none = matches!(self.choice, Some(ToolChoice::None));
        let own = !none || self.has_history();
        if own && (!self.tools.is_empty() || self.web_search) || self.json_schema.is_some() {
            w.key("toolConfig").object().key("tools").array();
            for (at, tool) in self.tools.iter().enumerate().filter(|_| own) {
                self.function(w, tool, model, at)?;
            }
            if self.web_search && !none {
                w.object().key("systemTool").object().key("name").string("nova_grounding");
                w.end_object().end_object();
            }
            if let Some(schema) = self.json_schema {
                open(w, JSON_TOOL);
                w.key("description").string("Returns the final response. You must call this tool.");
                input_schema(w, Some(schema), model, "response_format.json_schema.schema")?;
                w.end_object().end_object();
            }
            w.end_array();
            self.write_choice(w, own && !self.tools.is_empty());
            w.end_object();
        } else if self.has_history() {
            // The provider rejects a history with calls but without tools, so the tools in the history are
            // declared.
            w.key("toolConfig").object().key("tools").array();
            for name in &self.called {
                open(w, name);
                input_schema(w, None, model, "tools")?;
                w.end_object().end_object();
            }
            w.end_array().end_object();
        }
        Ok(())
    }

    fn has_history(&self) -> bool {
        !self.called.is_empty()
    }

    fn write_choice(&self, w: &mut Writer<'_>, own: bool) {
        let json = self.json_schema.is_some();
        let (kind, name) = match &self.choice {
            Some(ToolChoice::Function(name)) => ("tool", Some(self.names.sent(name))),
            // The response itself is a call, unless the client's tools come first.
            None | Some(ToolChoice::Auto | ToolChoice::Required) if json && own => ("any", None),
            _ if json => ("tool", Some(JSON_TOOL.into())),
            Some(ToolChoice::Required) => ("any", None),
            Some(ToolChoice::Auto) => ("auto", None),
            // `Allowed` was resolved when the tools were read.
            None | Some(ToolChoice::None | ToolChoice::Allowed { .. }) => return,
        };
        w.key("toolChoice").object().key(kind).object();
        if let Some(name) = name {
            w.key("name").string(&name);
        }
        w.end_object().end_object();
    }

    fn function(
        &self,
        w: &mut Writer<'_>,
        tool: &Tool<'_>,
        model: &Model,
        at: usize,
    ) -> Result<(), ErrorBody> {
        let field = format!("tools[{at}].function.parameters");
        let strict = tool.strict == Some(true) && model.json_schema;
        open(w, &self.names.sent(&tool.name));
        // An empty description is rejected.
        if let Some(description) = tool.description.filter(|description| !description.is_empty()) {
            w.key("description").raw(description.token());
        }
        match tool.parameters {
            Some(parameters) if strict => {
                let parameters = tool_schema::without_unions(parameters, &field)?;
                let parameters: Raw<'_> = read(&*parameters).unwrap_or(Raw::NULL);
                w.key("inputSchema").object().key("json");
                schema::write(w, parameters, &field)?;
                w.end_object().key("strict").bool(true);
            }
            parameters => input_schema(w, parameters, model, &field)?,
        }
        w.end_object().end_object();
        let mut blocks = Blocks { w, caching: model.caching, documents: &mut Vec::new(), trim: false };
        blocks.cache_point(tool.cache_control);
        Ok(())
    }
}

fn open(w: &mut Writer<'_>, name: &str) {
    w.object().key("toolSpec").object().key("name").string(name);
}

/// Writes a tool's schema, whose type must be `object`.
fn input_schema(
    w: &mut Writer<'_>,
    schema: Option<Raw<'_>>,
    model: &Model,
    field: &str,
) -> Result<(), ErrorBody> {
    w.key("inputSchema").object().key("json");
    if model.plain_schemas {
        tool_schema::write_plain(w, schema, field)?;
    } else {
        tool_schema::write(w, schema, field)?;
    }
    w.end_object();
    Ok(())
}
