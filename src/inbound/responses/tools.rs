//! `tools` and `tool_choice`: every kind of tool as a function, and how its calls are given back.
//!
//! Clients always send some tools that no other provider has. Those are left out, unless the request is for nothing else.

use super::builtin::{APPLY_PATCH, HOSTED, LOCAL_SHELL, SHELL, TOOL_SEARCH};
use super::echo::{Form, Named};
use crate::inbound::names::{LONGEST, hashed, qualified};
use crate::inbound::search;
use crate::json::{JsonStr, Object, Raw, Text, Writer, fields, read};
use crate::openai::{ErrorBody, SEARCH_REQUIRED};

struct Tool<'a> {
    kind: Text<'a>,
    name: Option<Text<'a>>,
    description: Option<Text<'a>>,
    parameters: Option<Raw<'a>>,
    strict: Option<Raw<'a>>,
    format: Option<Format<'a>>,
    /// Members of a namespace.
    tools: Option<Vec<Raw<'a>>>,
    /// Who runs a tool search.
    execution: Option<Text<'a>>,
    /// Where a shell runs.
    environment: Option<Environment<'a>>,
    search_context_size: Option<Raw<'a>>,
    user_location: Option<Raw<'a>>,
}
fields!(Tool<'a> {
    kind = "type", name, description, parameters, strict, format, tools, execution, environment, search_context_size,
    user_location
});

/// `format` of a custom tool's input.
struct Format<'a> {
    syntax: Option<Text<'a>>,
    definition: Option<Text<'a>>,
}
fields!(Format<'a> { syntax, definition });

struct Environment<'a> {
    kind: Text<'a>,
}
fields!(Environment<'a> { kind = "type" });

/// How deep tools may be nested: in a namespace, or as chat completions nest a function.
const MOST_DEPTH: u32 = 1;

/// How many kinds of tools that are left out are named.
const MOST_DROPPED: usize = 20;

/// Each tool is compared with every other one.
const MOST_TOOLS: usize = 2_000;

/// The tools of a request.
#[derive(Default)]
pub(super) struct Tools {
    list: Vec<Function>,
    /// `web_search_options`
    web_search: Option<Vec<u8>>,
    /// The first hosted tool: its place and its kind.
    hosted: Option<(String, String)>,
    /// Kinds of tools that are left out.
    dropped: Vec<String>,
}

/// A tool as a function.
struct Function {
    named: Named,
    /// The function as an item of `tools`.
    json: Vec<u8>,
}

impl Tools {
    /// Adds a tool of `tools`, or one that the input brings. A newer definition replaces an older one.
    pub(super) fn add(&mut self, raw: Raw<'_>, at: &str) -> Result<(), ErrorBody> {
        self.add_to(None, raw, at, 0)
    }

    fn add_to(
        &mut self,
        namespace: Option<(&str, Option<&str>)>,
        raw: Raw<'_>,
        at: &str,
        depth: u32,
    ) -> Result<(), ErrorBody> {
        // No depth of a request may exhaust the stack.
        if depth > MOST_DEPTH {
            return Err(ErrorBody::invalid(at.to_owned(), "tools are nested too deeply"));
        }
        let mut tool: Tool<'_> =
            read(raw).map_err(|error| ErrorBody::invalid(at.to_owned(), &error.to_string()))?;
        let name = tool.name.take().unwrap_or_default().0;
        let parameters = tool.parameters.map(Raw::get);
        let (form, name, parameters) = match &*tool.kind {
            "namespace" if namespace.is_some() => return Ok(()),
            "namespace" => {
                let namespace = Some((&*name, tool.description.as_deref()));
                for (n, member) in tool.tools.iter().flatten().enumerate() {
                    self.add_to(namespace, *member, &format!("{at}.tools[{n}]"), depth + 1)?;
                }
                return Ok(());
            }
            "function" | "" if !name.is_empty() => (Form::Function, name, parameters),
            "function" => {
                // As chat completions nest it.
                let nested = Object::of(raw).and_then(|object| object.get("function"));
                let is_named = |nested: &Raw<'_>| {
                    Object::of(*nested).is_some_and(|function| {
                        function.get("name").is_some() && function.get("type").is_none()
                    })
                };
                return match nested.filter(is_named) {
                    Some(nested) if namespace.is_none() => self.add_to(None, nested, at, depth + 1),
                    _ => Err(ErrorBody::invalid(at.to_owned(), "expected a `name`")),
                };
            }
            "custom" if !name.is_empty() => (Form::Custom, name, None),
            "tool_search" if tool.execution.as_deref() == Some("client") => {
                (Form::ToolSearch, "tool_search".into(), parameters.or(Some(TOOL_SEARCH)))
            }
            "local_shell" => (Form::LocalShell, "local_shell".into(), Some(LOCAL_SHELL)),
            "shell" if !tool.is_in_container() => (Form::Shell, "shell".into(), Some(SHELL)),
            "apply_patch" => (Form::ApplyPatch, "apply_patch".into(), Some(APPLY_PATCH)),
            kind if kind.starts_with("web_search") => {
                self.web_search = Some(tool.web_search_options());
                return Ok(());
            }
            kind => {
                if self.hosted.is_none() && (HOSTED.contains(&kind) || kind == "shell") {
                    self.hosted = Some((at.to_owned(), kind.to_owned()));
                }
                self.drop_kind(kind);
                return Ok(());
            }
        };
        let prefix = namespace.and_then(|(_, description)| description);
        let (namespace, name) = (namespace.map(|(name, _)| name.to_owned()), name.into_owned());
        let sent = self.free_name(namespace.as_deref(), &name);
        if self.list.len() >= MOST_TOOLS {
            return Err(ErrorBody::invalid(at.to_owned(), &format!("a request may have {MOST_TOOLS} tools")));
        }
        let mut json = Vec::new();
        tool.write(form, &sent, prefix, parameters, &mut Writer::new(&mut json));
        self.list.retain(|function| function.named.sent != sent);
        self.list.push(Function { named: Named { sent, form, name, namespace }, json });
        Ok(())
    }

    /// Notes that a kind of tools is left out. Clients may send any; a header has to have it.
    fn drop_kind(&mut self, kind: &str) {
        let is_word = |kind: &str| {
            kind.len() <= LONGEST && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if self.dropped.len() < MOST_DROPPED
            && is_word(kind)
            && !self.dropped.iter().any(|known| known == kind)
        {
            self.dropped.push(kind.to_owned());
        }
    }

    /// Kinds of tools that are left out.
    pub(super) fn dropped(&self) -> &[String] {
        &self.dropped
    }

    /// The name of a tool that is added: qualified, and unlike the name of every other tool.
    fn free_name(&self, namespace: Option<&str>, name: &str) -> String {
        let sent = qualified(namespace, name);
        let is_taken =
            self.list.iter().any(|other| other.named.sent == sent && !other.named.is(namespace, name));
        if is_taken { hashed(namespace, name) } else { sent }
    }

    /// The name that a tool has in the chat.
    pub(super) fn sent_name(&self, namespace: Option<&str>, name: &str) -> String {
        let known = self.list.iter().find(|function| function.named.is(namespace, name));
        known.map_or_else(|| qualified(namespace, name), |function| function.named.sent.clone())
    }

    /// Writes `tools`, `tool_choice`, `parallel_tool_calls` and `web_search_options`.
    pub(super) fn write(
        &self,
        w: &mut Writer<'_>,
        choice: Option<Raw<'_>>,
        parallel: Option<bool>,
    ) -> Result<(), ErrorBody> {
        if let Some((at, kind)) = &self.hosted
            && self.list.is_empty()
            && self.web_search.is_none()
        {
            return Err(unsupported(format!("{at}.type"), kind));
        }
        if let Some(options) = &self.web_search {
            w.key("web_search_options").bytes().extend_from_slice(options);
        }
        let mut chosen = Vec::new();
        let choice = choice.filter(|choice| !choice.is_null());
        if let Some(choice) = choice {
            self.write_choice(&mut Writer::new(&mut chosen), choice)?;
        }
        let is_chosen = || choice.is_some_and(|choice| is_search(choice));
        let is_none = || choice.is_some_and(|choice| choice.get() == "\"none\"");
        if self.web_search.is_some()
            && (self.list.is_empty() && !is_none() || is_chosen() && chosen.is_empty())
        {
            w.key(SEARCH_REQUIRED).bool(true);
        }
        if self.list.is_empty() {
            return Ok(());
        }
        self.write_list(w);
        if !chosen.is_empty() {
            w.key("tool_choice").bytes().extend_from_slice(&chosen);
        }
        if let Some(parallel) = parallel {
            w.key("parallel_tool_calls").bool(parallel);
        }
        Ok(())
    }

    /// Writes `tools` for a request that may not call them. Providers want the definitions of the tools in a conversation.
    pub(super) fn write_uncalled(&self, w: &mut Writer<'_>) {
        if !self.list.is_empty() {
            self.write_list(w);
            w.key("tool_choice").string("none");
        }
    }

    fn write_list(&self, w: &mut Writer<'_>) {
        w.key("tools").array();
        for function in &self.list {
            // Every item ends in a bracket, which the writer sees.
            w.raw(core::str::from_utf8(&function.json).unwrap_or("{}"));
        }
        w.end_array();
    }

    fn write_choice(&self, w: &mut Writer<'_>, choice: Raw<'_>) -> Result<(), ErrorBody> {
        const FORMS: &str = "expected `auto`, `none`, `required`, or an object with the `type` of a tool";
        if let Some(word) = JsonStr::of(choice) {
            return match word.inner() {
                word @ ("auto" | "none" | "required") => {
                    w.string(word);
                    Ok(())
                }
                _ => Err(ErrorBody::invalid("tool_choice", FORMS)),
            };
        }
        let choice: Choice<'_> = read(choice).map_err(|_| ErrorBody::invalid("tool_choice", FORMS))?;
        match &*choice.kind {
            "allowed_tools" if !choice.tools.iter().flatten().any(|tool| self.chosen(tool).is_some()) => {
                // All that may be called is left out.
                w.string("none");
            }
            "allowed_tools" => {
                w.object().key("type").string("allowed_tools").key("allowed_tools").object();
                w.key("mode").string(choice.mode.as_deref().unwrap_or("auto")).key("tools").array();
                for named in choice.tools.iter().flatten().filter_map(|tool| self.chosen(tool)) {
                    write_named(w, named);
                }
                w.end_array().end_object().end_object();
            }
            kind if kind.starts_with("web_search") && self.web_search.is_some() => {}
            kind if HOSTED.contains(&kind) => return Err(unsupported("tool_choice.type".to_owned(), kind)),
            _ => match self.chosen(&choice) {
                Some(named) => write_named(w, named),
                // The choice of a tool that is left out goes with it.
                None if self.dropped.iter().any(|kind| **kind == *choice.kind) => {}
                None => {
                    return Err(ErrorBody::invalid("tool_choice", "this tool is not in `tools`"));
                }
            },
        }
        Ok(())
    }

    /// The tool that is meant.
    fn chosen(&self, choice: &Choice<'_>) -> Option<&Named> {
        let (name, namespace) = (choice.name.as_deref(), choice.namespace.as_deref());
        let name = name.unwrap_or(&choice.kind);
        let mut all = self.list.iter().map(|function| &function.named);
        all.find(|named| {
            named.name == name && (namespace.is_none() || named.namespace.as_deref() == namespace)
        })
    }

    /// The tools whose calls are not those of a plain function.
    pub(super) fn into_named(self) -> Vec<Named> {
        self.list.into_iter().map(|function| function.named).filter(|named| !named.is_plain()).collect()
    }
}

/// `tool_choice`, or one of the tools that it allows.
struct Choice<'a> {
    kind: Text<'a>,
    name: Option<Text<'a>>,
    namespace: Option<Text<'a>>,
    mode: Option<Text<'a>>,
    tools: Option<Vec<Choice<'a>>>,
}
fields!(Choice<'a> { kind = "type", name, namespace, mode, tools });

/// Whether `tool_choice` is the search of the web.
fn is_search(choice: Raw<'_>) -> bool {
    read::<Choice<'_>>(choice).is_ok_and(|choice| choice.kind.starts_with("web_search"))
}

fn write_named(w: &mut Writer<'_>, named: &Named) {
    w.object().key("type").string("function").key("function").object();
    w.key("name").string(&named.sent).end_object().end_object();
}

fn unsupported(param: String, kind: &str) -> ErrorBody {
    ErrorBody::invalid(
        param,
        &format!("`{kind}` runs at OpenAI only and is not supported here; use function tools instead"),
    )
}

impl Tool<'_> {
    fn is_in_container(&self) -> bool {
        self.environment.as_ref().is_some_and(|environment| environment.kind.starts_with("container"))
    }

    fn write(
        &self,
        form: Form,
        name: &str,
        prefix: Option<&str>,
        parameters: Option<&str>,
        w: &mut Writer<'_>,
    ) {
        w.object().key("type").string("function").key("function").object().key("name").string(name);
        let description = self.description(form, prefix);
        if !description.is_empty() {
            w.key("description").string(&description);
        }
        w.key("parameters");
        match (form, parameters) {
            (Form::Custom, _) => {
                w.raw(r#"{"type":"object","properties":{"input":{"type":"string","description":"The whole input, verbatim."}},"required":["input"],"additionalProperties":false}"#);
            }
            (_, Some(parameters)) if parameters != "null" => {
                w.raw(parameters);
            }
            _ => {
                w.raw(r#"{"type":"object","properties":{}}"#);
            }
        }
        if let Some(strict) = self.strict.filter(|strict| !strict.is_null()) {
            w.key("strict").raw(strict.get());
        }
        w.end_object().end_object();
    }

    fn description(&self, form: Form, prefix: Option<&str>) -> String {
        let given = self.description.as_deref();
        let known = match form {
            Form::LocalShell => Some("Runs a program on the user's machine."),
            Form::Shell => Some("Runs shell commands on the user's machine."),
            Form::ApplyPatch => Some("Creates, changes or deletes a file."),
            Form::ToolSearch => Some("Finds tools that are not loaded yet."),
            Form::Function | Form::Custom => None,
        };
        let grammar = self.format.as_ref().and_then(|format| {
            let (syntax, definition) = (format.syntax.as_deref(), format.definition.as_deref()?);
            Some(format!("The input must match this {} grammar:\n{definition}", syntax.unwrap_or_default()))
        });
        let texts = [prefix, given.or(known), grammar.as_deref()];
        let texts: Vec<&str> = texts.into_iter().flatten().filter(|text| !text.is_empty()).collect();
        texts.join("\n\n")
    }

    fn web_search_options(&self) -> Vec<u8> {
        let mut options = Vec::new();
        search::write_options(&mut Writer::new(&mut options), self.search_context_size, self.user_location);
        options
    }
}
