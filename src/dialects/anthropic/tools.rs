//! `tools`, `tool_choice`, and the tool that replaces `response_format` for models without structured output.

use super::super::Target;
use super::super::claude::models::Model;
use super::super::claude::schema;
use super::super::tool_schema;
use super::betas::Betas;
use crate::json::{JsonStr, Object, Raw, Text, Writer, fields, read};
use crate::openai::{AnyTool, ErrorBody, Message, Request, ResponseFormat, Tool, ToolChoice, ToolNames};

/// `LiteLLM`'s name for the tool that replaces `response_format`.
pub(super) const JSON_TOOL: &str = "json_tool_call";

/// Maximum length of a tool name, bytes.
const NAME_LIMIT: usize = 128;

/// The tools of one request.
pub(super) struct Tools<'a> {
    tools: Vec<AnyTool<'a>>,
    choice: Option<ToolChoice<'a>>,
    serial: bool,
    web_search: Option<Raw<'a>>,
    json_schema: Option<Raw<'a>>,
    /// The names as sent to the provider.
    pub(super) names: ToolNames,
}

impl<'a> Tools<'a> {
    /// Reads the tools.
    pub(super) fn of(
        request: &Request<'a>,
        to: &Target<'_>,
        model: &Model,
        format: ResponseFormat<'a>,
    ) -> Result<Self, ErrorBody> {
        let mut tools = request.any_tools()?;
        for (at, tool) in tools.iter().enumerate() {
            // OpenAI's custom tools have another format than Anthropic's type of the same name.
            if let AnyTool::Other { kind, raw } = tool
                && (&**kind == "custom" || kind.is_empty())
                && Object::of(*raw).is_none_or(|tool| tool.get("input_schema").is_none())
            {
                return Err(AnyTool::refused(at, kind));
            }
        }
        let choice = match request.tool_choice()? {
            Some(ToolChoice::Allowed { required, names }) => {
                tools.retain(|tool| match tool {
                    AnyTool::Function(tool) => names.contains(&tool.name),
                    AnyTool::Other { .. } => false,
                });
                Some(if required { ToolChoice::Required } else { ToolChoice::Auto })
            }
            choice => choice,
        };
        let choice = match choice {
            Some(ToolChoice::Required | ToolChoice::Function(_)) if !model.forced_tools => {
                to.refuse_value("tool_choice", "a tool_choice that forces a call")?;
                Some(ToolChoice::Auto)
            }
            choice => choice,
        };
        let asked: Vec<&str> = tools.iter().filter_map(function).map(|tool| &*tool.name).collect();
        let names = ToolNames::of(&asked, NAME_LIMIT);
        Ok(Self {
            tools,
            choice,
            serial: request.wants_one_call()?,
            web_search: request.get("web_search_options"),
            json_schema: match format {
                ResponseFormat::JsonSchema { schema, .. } if !model.json_schema => Some(schema),
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

    /// Writes `tools` and `tool_choice`.
    pub(super) fn write(
        &self,
        w: &mut Writer<'_>,
        messages: &[Message<'_>],
        model: &Model,
        betas: &mut Betas,
    ) -> Result<(), ErrorBody> {
        let own = !self.tools.is_empty() || self.web_search.is_some();
        if !own && self.json_schema.is_none() {
            return self.write_history(w, messages);
        }
        w.key("tools").array();
        for (at, tool) in self.tools.iter().enumerate() {
            match tool {
                AnyTool::Function(tool) => self.function(w, tool, model, at)?,
                AnyTool::Other { kind, raw } => {
                    betas.tool(kind);
                    w.raw(raw.get());
                }
            }
        }
        if let Some(options) = self.web_search {
            web_search(w, options)?;
        }
        if let Some(schema) = self.json_schema {
            w.object().key("name").string(JSON_TOOL);
            w.key("description")
                .string("Returns the final response. You must call this tool.")
                .key("input_schema");
            tool_schema::write(w, Some(schema), "response_format.json_schema.schema")?;
            w.end_object();
        }
        w.end_array();
        self.write_choice(w, own);
        Ok(())
    }

    fn write_choice(&self, w: &mut Writer<'_>, own: bool) {
        let json = self.json_schema.is_some();
        let (kind, name) = match &self.choice {
            Some(ToolChoice::Function(name)) => ("tool", Some(self.names.sent(name))),
            // The response itself is a call, unless the client's tools come first.
            None | Some(ToolChoice::Auto | ToolChoice::Required) if json && own => ("any", None),
            _ if json => ("tool", Some(JSON_TOOL.into())),
            Some(ToolChoice::Required) => ("any", None),
            Some(ToolChoice::None) => ("none", None),
            Some(ToolChoice::Auto) => ("auto", None),
            None if self.serial => ("auto", None),
            // `Allowed` was resolved when the tools were read.
            None | Some(ToolChoice::Allowed { .. }) => return,
        };
        w.key("tool_choice").object().key("type").string(kind);
        if let Some(name) = name {
            w.key("name").string(&name);
        }
        if self.serial && kind != "none" {
            w.key("disable_parallel_tool_use").bool(true);
        }
        w.end_object();
    }

    /// The provider rejects a history with calls but without tools, so the tools in the history are declared,
    /// but may not be called.
    fn write_history(&self, w: &mut Writer<'_>, messages: &[Message<'_>]) -> Result<(), ErrorBody> {
        let mut names: Vec<String> = Vec::new();
        for call in messages.iter().flat_map(Message::calls) {
            let name = self.names.sent(&call.function.name);
            if !names.iter().any(|known| *known == name) {
                names.push(name.into_owned());
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        w.key("tools").array();
        for name in names {
            w.object().key("name").string(&name).key("input_schema");
            tool_schema::write(w, None, "tools")?;
            w.end_object();
        }
        w.end_array();
        w.key("tool_choice").object().key("type").string("none").end_object();
        Ok(())
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
        w.object().key("name").string(&self.names.sent(&tool.name));
        if let Some(description) = tool.description.filter(|description| !description.is_empty()) {
            w.key("description").raw(description.token());
        }
        w.key("input_schema");
        match tool.parameters {
            Some(parameters) if strict => {
                let parameters = tool_schema::without_unions(parameters, &field)?;
                let parameters: Raw<'_> = read(&*parameters).unwrap_or(Raw::NULL);
                schema::write(w, parameters, &field)?;
                w.key("strict").bool(true);
            }
            parameters => tool_schema::write(w, parameters, &field)?,
        }
        if let Some(mark) = tool.cache_control {
            w.key("cache_control").raw(mark.get());
        }
        w.end_object();
        Ok(())
    }
}

fn function<'t, 'a>(tool: &'t AnyTool<'a>) -> Option<&'t Tool<'a>> {
    match tool {
        AnyTool::Function(tool) => Some(tool),
        AnyTool::Other { .. } => None,
    }
}

/// Writes the provider's web search tool for `web_search_options`, as `LiteLLM` does.
fn web_search(w: &mut Writer<'_>, options: Raw<'_>) -> Result<(), ErrorBody> {
    struct Options<'a> {
        search_context_size: Option<Text<'a>>,
        user_location: Option<Location<'a>>,
    }
    fields!(Options<'a> { search_context_size, user_location });
    struct Location<'a> {
        approximate: Option<Approximate<'a>>,
    }
    fields!(Location<'a> { approximate });
    struct Approximate<'a> {
        city: Option<JsonStr<'a>>,
        country: Option<JsonStr<'a>>,
        region: Option<JsonStr<'a>>,
        timezone: Option<JsonStr<'a>>,
    }
    fields!(Approximate<'a> { city, country, region, timezone });
    let options: Options<'_> =
        read(options).map_err(|_| ErrorBody::invalid("web_search_options", "expected an object"))?;
    w.object().key("type").string("web_search_20250305").key("name").string("web_search");
    if let Some(place) = options.user_location.and_then(|location| location.approximate) {
        w.key("user_location").object().key("type").string("approximate");
        let fields = [
            ("city", place.city),
            ("country", place.country),
            ("region", place.region),
            ("timezone", place.timezone),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                w.key(name).raw(value.token());
            }
        }
        w.end_object();
    }
    let uses = match options.search_context_size.as_deref() {
        Some("low") => Some(1),
        Some("medium") => Some(5),
        Some("high") => Some(10),
        _ => None,
    };
    if let Some(uses) = uses {
        w.key("max_uses").number(uses);
    }
    w.end_object();
    Ok(())
}
