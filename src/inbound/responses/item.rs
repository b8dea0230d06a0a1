//! Output items.

use super::super::carrier::{State, encrypted_summary};
use super::arguments;
use super::echo::{Echo, Form};
use crate::facts::{self, Citation, Logprob};
use crate::json::{JsonStr, JsonString, Raw, Writer};

/// An item. Texts are the contents of JSON strings.
pub(super) struct Item {
    pub(super) id: String,
    pub(super) status: &'static str,
    pub(super) body: Body,
    /// Whether it is a message that calls follow: Codex shows it as what the model says while it works.
    pub(super) is_commentary: bool,
}

pub(super) enum Body {
    Reasoning {
        text: String,
        state: State,
    },
    Message(Vec<Part>),
    Call(Call),
    Search(Search),
    /// An image's base64.
    Image(String),
    /// The summary of the conversation.
    Compaction(String),
}

/// A search of the web by the provider.
pub(super) struct Search {
    query: JsonString,
    /// `queries`, without the brackets.
    queries: Vec<u8>,
    /// `sources`, without the brackets.
    sources: Vec<u8>,
}

impl Search {
    pub(super) fn new(search: &facts::Search<'_>) -> Self {
        let (mut queries, mut sources) = (Vec::new(), Vec::new());
        for query in search.queries {
            Writer::new(&mut queries).raw(query.token());
        }
        for (url, _) in search.results {
            let mut w = Writer::new(&mut sources);
            w.object().key("type").string("url").key("url").raw(url.token()).end_object();
        }
        let query = JsonString::of(search.queries.first().copied().unwrap_or(JsonStr::EMPTY));
        Self { query, queries, sources }
    }

    /// `sources` only if the request includes them, as at `OpenAI`.
    fn write(&self, w: &mut Writer<'_>, has_sources: bool) {
        w.key("action").object().key("type").string("search").key("query").raw(self.query.as_str().token());
        w.key("queries").array().bytes().extend_from_slice(&self.queries);
        w.end_array();
        if has_sources {
            w.key("sources").array().bytes().extend_from_slice(&self.sources);
            w.end_array();
        }
        w.end_object();
    }
}

/// A part of a message.
#[derive(Default)]
pub(super) struct Part {
    pub(super) text: String,
    /// How many characters of the answer are before it.
    pub(super) start: u64,
    pub(super) is_refusal: bool,
    pub(super) annotations: Vec<u8>,
    pub(super) annotation_count: u64,
    pub(super) logprobs: Vec<u8>,
}

/// A call.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) id: String,
    /// The function's name in the chat.
    pub(super) sent: String,
    pub(super) form: Form,
    pub(super) arguments: String,
}

impl Call {
    /// The beginning of its item's id.
    pub(super) fn prefix(&self) -> &'static str {
        match self.form {
            Form::Function => "fc",
            Form::Custom => "ctc",
            Form::ToolSearch => "tsc",
            Form::LocalShell => "lsh",
            Form::Shell => "sh",
            Form::ApplyPatch => "apc",
        }
    }

    /// Whether its item begins before its arguments are complete.
    pub(super) fn begins_early(&self) -> bool {
        matches!(self.form, Form::Function | Form::Custom)
    }

    fn write(&self, w: &mut Writer<'_>, echo: &Echo, status: &str) {
        let arguments = &self.arguments;
        let named = echo.tool(&self.sent);
        match self.form {
            Form::Function | Form::Custom => {
                w.key("call_id")
                    .string(&self.id)
                    .key("name")
                    .string(named.map_or(&self.sent, |named| &named.name));
                if let Some(namespace) = named.and_then(|named| named.namespace.as_deref()) {
                    w.key("namespace").string(namespace);
                }
                if self.form == Form::Custom {
                    // This type has no status.
                    let input =
                        if arguments.is_empty() { String::new() } else { arguments::input(arguments) };
                    w.key("input").escaped(&input);
                    return;
                }
                w.key("arguments").escaped(arguments);
            }
            Form::ToolSearch => {
                w.key("call_id").string(&self.id).key("execution").string("client");
                w.key("arguments").raw(&arguments::object(arguments));
            }
            Form::LocalShell => {
                w.key("call_id").string(&self.id).key("action").object().key("type").string("exec");
                for (name, default) in
                    [("command", "[]"), ("env", "{}"), ("timeout_ms", "null"), ("working_directory", "null")]
                {
                    w.key(name).raw(arguments::member(arguments, name).as_deref().unwrap_or(default));
                }
                w.end_object();
            }
            Form::Shell => {
                w.key("call_id").string(&self.id).key("action").object();
                for (name, default) in
                    [("commands", "[]"), ("timeout_ms", "null"), ("max_output_length", "null")]
                {
                    w.key(name).raw(arguments::member(arguments, name).as_deref().unwrap_or(default));
                }
                w.end_object().key("environment").raw("null");
            }
            Form::ApplyPatch => {
                let operation = arguments::member(arguments, "operation");
                w.key("call_id").string(&self.id).key("operation").raw(operation.as_deref().unwrap_or("{}"));
            }
        }
        // A patch has no status for a call that was cut.
        let is_cut = self.form == Form::ApplyPatch && status == "incomplete";
        w.key("status").string(if is_cut { "in_progress" } else { status });
    }
}

impl Item {
    /// Writes the item.
    pub(super) fn write(&self, w: &mut Writer<'_>, echo: &Echo) {
        w.object().key("type").string(self.kind()).key("id").string(&self.id);
        match &self.body {
            Body::Reasoning { text, state } => {
                let is_done = self.status != "in_progress";
                let shown = if is_done { text } else { "" };
                w.key("summary").array();
                if echo.summary && !shown.is_empty() {
                    write_thought(w, "summary_text", shown);
                }
                w.end_array();
                if !echo.summary && !text.is_empty() {
                    w.key("content").array();
                    if is_done {
                        write_thought(w, "reasoning_text", text);
                    }
                    w.end_array();
                }
                if is_done {
                    w.key("encrypted_content").string(&state.encrypted(text));
                }
            }
            Body::Message(parts) => {
                w.key("role").string("assistant").key("status").string(self.status).key("content").array();
                for part in parts {
                    part.write(w);
                }
                w.end_array();
                if self.is_commentary {
                    w.key("phase").string("commentary");
                }
            }
            Body::Call(call) => call.write(w, echo, self.status),
            Body::Search(search) => {
                w.key("status").string(self.status);
                search.write(w, echo.sources);
            }
            Body::Image(data) => {
                w.key("status").string(self.status).key("result").escaped(data);
            }
            Body::Compaction(summary) => {
                w.key("encrypted_content").string(&encrypted_summary(summary));
            }
        }
        w.end_object();
    }

    fn kind(&self) -> &'static str {
        match &self.body {
            Body::Reasoning { .. } => "reasoning",
            Body::Message(_) => "message",
            Body::Search(_) => "web_search_call",
            Body::Image(_) => "image_generation_call",
            Body::Compaction(_) => "compaction",
            Body::Call(call) => match call.form {
                Form::Function => "function_call",
                Form::Custom => "custom_tool_call",
                Form::ToolSearch => "tool_search_call",
                Form::LocalShell => "local_shell_call",
                Form::Shell => "shell_call",
                Form::ApplyPatch => "apply_patch_call",
            },
        }
    }
}

/// Writes a text of reasoning.
pub(super) fn write_thought(w: &mut Writer<'_>, kind: &str, text: &str) {
    w.object().key("type").string(kind).key("text").escaped(text).end_object();
}

impl Part {
    pub(super) fn write(&self, w: &mut Writer<'_>) {
        if self.is_refusal {
            w.object().key("type").string("refusal").key("refusal").escaped(&self.text).end_object();
            return;
        }
        w.object().key("type").string("output_text").key("text").escaped(&self.text);
        for (name, items) in [("annotations", &self.annotations), ("logprobs", &self.logprobs)] {
            w.key(name).array().bytes().extend_from_slice(items);
            w.end_array();
        }
        w.end_object();
    }
}

/// A source of the text.
pub(super) fn write_citation(w: &mut Writer<'_>, citation: &Citation<'_>) {
    w.object().key("type").string("url_citation").key("url").raw(citation.url.token());
    w.key("title").raw(citation.title.token()).key("start_index").number(citation.start);
    w.key("end_index").number(citation.end).end_object();
}

/// Log probabilities of a part's tokens.
pub(super) fn write_logprobs(w: &mut Writer<'_>, tokens: &[Logprob<'_>]) {
    let write = |w: &mut Writer<'_>, token: &Logprob<'_>| {
        w.key("token").raw(token.token.token()).key("bytes").raw(token.bytes.map_or("[]", Raw::get));
        w.key("logprob").raw(token.logprob);
    };
    for token in tokens {
        w.object();
        write(w, token);
        w.key("top_logprobs").array();
        for top in &token.top {
            w.object();
            write(w, top);
            w.end_object();
        }
        w.end_array().end_object();
    }
}
