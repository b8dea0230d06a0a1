//! `tools` and `tool_choice`.

use super::super::Target;
use super::models::Model;
use crate::json::{Object, Raw, Writer};
use crate::openai::{AnyTool, ErrorBody, Request, Tool, ToolChoice, ToolNames};

/// Maximum length of a function name, bytes.
const NAME_LIMIT: usize = 64;

/// The provider's own tools, by member name. The provider accepts both spellings.
const OWN_TOOLS: &[&str] = &[
    "codeExecution",
    "code_execution",
    "computerUse",
    "computer_use",
    "enterpriseWebSearch",
    "enterprise_web_search",
    "fileSearch",
    "file_search",
    "googleMaps",
    "google_maps",
    "googleSearch",
    "google_search",
    "googleSearchRetrieval",
    "google_search_retrieval",
    "retrieval",
    "urlContext",
    "url_context",
];

/// The tools of one request.
pub(super) struct Tools<'a> {
    functions: Vec<Tool<'a>>,
    own: Vec<Raw<'a>>,
    search: bool,
    choice: Option<ToolChoice<'a>>,
    /// The names as sent to the provider.
    pub(super) names: ToolNames,
}

impl<'a> Tools<'a> {
    /// Reads the tools.
    pub(super) fn of(request: &Request<'a>, to: &Target<'_>, model: &Model) -> Result<Self, ErrorBody> {
        let mut functions = Vec::new();
        let mut own = Vec::new();
        let mut search = request.get("web_search_options").is_some();
        for (at, tool) in request.any_tools()?.into_iter().enumerate() {
            match tool {
                AnyTool::Function(tool) => functions.push(tool),
                AnyTool::Other { kind, .. } if kind.starts_with("web_search") => search = true,
                AnyTool::Other { raw, .. } if is_own(raw) => own.push(raw),
                AnyTool::Other { kind, .. } => return Err(AnyTool::refused(at, &kind)),
            }
        }
        let choice = match request.tool_choice()? {
            Some(ToolChoice::Allowed { required: false, names }) => {
                functions.retain(|tool| names.contains(&tool.name));
                Some(ToolChoice::Auto)
            }
            choice => choice,
        };
        if search && !functions.is_empty() && !model.search_with_functions {
            to.note_no_search(request)?;
            to.refuse_value("web_search_options", "web search together with functions")?;
            search = false;
        }
        let asked: Vec<&str> = functions.iter().map(|tool| &*tool.name).collect();
        let names = ToolNames::letter_first(&asked, NAME_LIMIT);
        Ok(Self { functions, own, search, choice, names })
    }

    /// Writes `tools` and `toolConfig`.
    pub(super) fn write(&self, w: &mut Writer<'_>) -> Result<(), ErrorBody> {
        if self.functions.is_empty() && self.own.is_empty() && !self.search {
            return Ok(());
        }
        w.key("tools").array();
        if !self.functions.is_empty() {
            w.object().key("functionDeclarations").array();
            for (at, tool) in self.functions.iter().enumerate() {
                self.write_function(w, tool, at)?;
            }
            w.end_array().end_object();
        }
        if self.search {
            w.object().key("googleSearch").object().end_object().end_object();
        }
        for tool in &self.own {
            w.raw(tool.get());
        }
        w.end_array();
        if !self.functions.is_empty() {
            self.write_choice(w);
        }
        Ok(())
    }

    /// A function. Its schema is JSON Schema, copied verbatim (`parametersJsonSchema`); the older
    /// `parameters` supports only a subset of `OpenAPI`'s schemas.
    fn write_function(&self, w: &mut Writer<'_>, tool: &Tool<'_>, at: usize) -> Result<(), ErrorBody> {
        w.object().key("name").string(&self.names.sent(&tool.name));
        if let Some(description) = tool.description.filter(|description| !description.is_empty()) {
            w.key("description").raw(description.token());
        }
        if let Some(parameters) = tool.parameters {
            let object = Object::of(parameters).ok_or_else(|| {
                ErrorBody::invalid(
                    format!("tools[{at}].function.parameters"),
                    "expected a JSON Schema object",
                )
            })?;
            if !object.members().is_empty() {
                w.key("parametersJsonSchema").raw(parameters.get());
            }
        }
        w.end_object();
        Ok(())
    }

    fn write_choice(&self, w: &mut Writer<'_>) {
        let (mode, names) = match &self.choice {
            None => return,
            Some(ToolChoice::Auto) => ("AUTO", &[][..]),
            Some(ToolChoice::None) => ("NONE", &[][..]),
            Some(ToolChoice::Required) => ("ANY", &[][..]),
            Some(ToolChoice::Function(name)) => ("ANY", core::slice::from_ref(name)),
            Some(ToolChoice::Allowed { names, .. }) => ("ANY", names.as_slice()),
        };
        w.key("toolConfig").object().key("functionCallingConfig").object().key("mode").string(mode);
        if !names.is_empty() {
            w.key("allowedFunctionNames").array();
            for name in names {
                w.string(&self.names.sent(name));
            }
            w.end_array();
        }
        w.end_object().end_object();
    }
}

fn is_own(tool: Raw<'_>) -> bool {
    Object::of(tool).is_some_and(|tool| OWN_TOOLS.iter().any(|name| tool.get(name).is_some()))
}
