//! What a response needs of its request.

use core::any::Any;
use std::rc::Rc;

use crate::json::{Raw, Writer};
use crate::openai::Memo;

/// What is kept of a request for its response.
#[derive(Debug)]
pub(super) struct Echo {
    /// Members of the response object, without braces: settings of the request, and defaults.
    pub(super) members: String,
    /// The tools whose calls are not those of a plain function.
    pub(super) tools: Vec<Named>,
    /// Whether the reasoning is shown as a summary.
    pub(super) summary: bool,
    /// Whether the results of searches are shown (`include`).
    pub(super) sources: bool,
    /// Whether the answer is a compaction of the conversation.
    pub(super) compacts: bool,
    /// Kinds of tools that were left out, as a list for a header.
    pub(super) dropped: String,
    /// Whether the response will be stored.
    pub(super) is_stored: bool,
    /// The response that the request continues.
    pub(super) previous: Option<String>,
}

/// A tool: its name in the chat, and what the client calls it.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) sent: String,
    pub(super) form: Form,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

/// The kind of a tool, which decides the kind of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Function,
    Custom,
    ToolSearch,
    LocalShell,
    Shell,
    ApplyPatch,
}

impl Named {
    pub(super) fn is(&self, namespace: Option<&str>, name: &str) -> bool {
        self.name == name && self.namespace.as_deref() == namespace
    }

    pub(super) fn is_plain(&self) -> bool {
        self.form == Form::Function && self.namespace.is_none() && self.sent == self.name
    }
}

/// The settings of a request that its response repeats.
#[derive(Default)]
pub(super) struct Settings<'a> {
    pub(super) instructions: Option<Raw<'a>>,
    pub(super) max_output_tokens: Option<Raw<'a>>,
    pub(super) max_tool_calls: Option<Raw<'a>>,
    pub(super) metadata: Option<Raw<'a>>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) effort: Option<&'a str>,
    pub(super) summary: Option<&'a str>,
    pub(super) service_tier: Option<Raw<'a>>,
    pub(super) temperature: Option<Raw<'a>>,
    pub(super) format: Option<Raw<'a>>,
    pub(super) verbosity: Option<Raw<'a>>,
    pub(super) tool_choice: Option<Raw<'a>>,
    pub(super) tools: Option<Raw<'a>>,
    pub(super) top_logprobs: Option<Raw<'a>>,
    pub(super) top_p: Option<Raw<'a>>,
    pub(super) prompt_cache_key: Option<Raw<'a>>,
    pub(super) safety_identifier: Option<Raw<'a>>,
    pub(super) user: Option<Raw<'a>>,
}

impl Echo {
    pub(super) fn new(settings: &Settings<'_>, tools: Vec<Named>) -> Self {
        Self {
            members: settings.members(),
            tools,
            summary: settings.summary.is_some_and(|summary| summary != "none"),
            sources: false,
            compacts: false,
            dropped: String::new(),
            is_stored: false,
            previous: None,
        }
    }

    /// What was kept of the request.
    pub(super) fn of(memo: &Memo) -> Rc<Self> {
        let kept: Option<Rc<dyn Any>> = memo.echo.clone();
        let kept = kept.and_then(|echo| echo.downcast::<Self>().ok());
        kept.unwrap_or_else(|| Rc::new(Self::new(&Settings::default(), Vec::new())))
    }

    /// The tool with this name in the chat, unless it is a plain function.
    pub(super) fn tool(&self, sent: &str) -> Option<&Named> {
        self.tools.iter().find(|named| named.sent == sent)
    }
}

impl Settings<'_> {
    fn members(&self) -> String {
        let mut out = Vec::with_capacity(512);
        let mut w = Writer::new(&mut out);
        // `truncation` says what is done, not what was asked for.
        for (name, value, default) in [
            ("instructions", self.instructions, "null"),
            ("max_output_tokens", self.max_output_tokens, "null"),
            ("max_tool_calls", self.max_tool_calls, "null"),
            ("metadata", self.metadata, "{}"),
        ] {
            w.key(name).raw(value.map_or(default, Raw::get));
        }
        w.key("parallel_tool_calls").bool(self.parallel_tool_calls.unwrap_or(true));
        w.key("reasoning").object();
        for (name, value) in [("effort", self.effort), ("summary", self.summary)] {
            match value {
                Some(value) => w.key(name).string(value),
                None => w.key(name).raw("null"),
            };
        }
        w.end_object();
        if let Some(tier) = self.service_tier {
            w.key("service_tier").raw(tier.get());
        }
        w.key("temperature").raw(self.temperature.map_or("1.0", Raw::get));
        w.key("text").object().key("format").raw(self.format.map_or(r#"{"type":"text"}"#, Raw::get));
        if let Some(verbosity) = self.verbosity {
            w.key("verbosity").raw(verbosity.get());
        }
        w.end_object();
        for (name, value, default) in [
            ("tool_choice", self.tool_choice, r#""auto""#),
            ("tools", self.tools, "[]"),
            ("top_logprobs", self.top_logprobs, "0"),
            ("top_p", self.top_p, "1.0"),
        ] {
            w.key(name).raw(value.map_or(default, Raw::get));
        }
        w.key("truncation").string("disabled");
        for (name, value) in
            [("prompt_cache_key", self.prompt_cache_key), ("safety_identifier", self.safety_identifier)]
        {
            if let Some(value) = value {
                w.key(name).raw(value.get());
            }
        }
        w.key("user").raw(self.user.map_or("null", Raw::get));
        String::from_utf8(out).unwrap_or_default()
    }
}
