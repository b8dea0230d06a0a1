//! Translates a response: a single object, or one object per line of a stream.

use std::borrow::Cow;

use super::super::Stream;
use super::fault;
use super::time::unix_seconds;
use crate::facts::{Fault, FinishReason, Sink, Usage};
use crate::frame::Frame;
use crate::json::{JsonStr, JsonString, Raw, Text, fields, read};
use crate::openai::{Memo, arguments_text, count, read_logprobs};

struct Wire<'a> {
    created_at: Option<Text<'a>>,
    message: Option<Message<'a>>,
    done: bool,
    done_reason: Option<Text<'a>>,
    prompt_eval_count: Option<Raw<'a>>,
    eval_count: Option<Raw<'a>>,
    logprobs: Option<Vec<Raw<'a>>>,
    error: Option<Raw<'a>>,
}
fields!(Wire<'a> { created_at, message, done, done_reason, prompt_eval_count, eval_count, logprobs, error });

struct Message<'a> {
    content: Option<JsonStr<'a>>,
    thinking: Option<JsonStr<'a>>,
    tool_calls: Option<Vec<Call<'a>>>,
}
fields!(Message<'a> { content, thinking, tool_calls });

struct Call<'a> {
    id: Option<JsonStr<'a>>,
    function: Function<'a>,
}
fields!(Call<'a> { id, function; "function" });

struct Function<'a> {
    name: Text<'a>,
    arguments: Option<Raw<'a>>,
}
fields!(Function<'a> { name, arguments });

impl<'a> Wire<'a> {
    /// `None` if it is not such an object.
    fn read(data: &'a [u8]) -> Option<Result<Self, Fault>> {
        let wire: Self = read(data).ok()?;
        Some(match wire.error {
            Some(error) => Err(fault(500, error)),
            None => Ok(wire),
        })
    }

    fn created(&self) -> Option<u64> {
        self.created_at.as_deref().and_then(unix_seconds)
    }

    fn calls(&self) -> impl Iterator<Item = &Call<'a>> {
        self.message.iter().flat_map(|message| message.tool_calls.iter().flatten())
    }

    fn finish_reason(&self, has_calls: bool) -> FinishReason {
        match self.done_reason.as_deref() {
            _ if has_calls => FinishReason::ToolCalls,
            Some("length") => FinishReason::Length,
            // `stop`, `load`, `unload`
            _ => FinishReason::Stop,
        }
    }

    /// Older servers omit the prompt's count if all of it was cached.
    fn usage(&self) -> Usage {
        Usage {
            prompt: count(self.prompt_eval_count).unwrap_or_default(),
            completion: count(self.eval_count).unwrap_or_default(),
            ..Usage::default()
        }
    }
}

impl Call<'_> {
    /// The id of the call for the client; older servers send none.
    fn id(&self, memo: &Memo, number: usize) -> JsonString {
        match self.id.and_then(JsonStr::decode).filter(|id| !id.is_empty()) {
            Some(id) => JsonString::new(&id),
            None => JsonString::new(&memo.call_id(number)),
        }
    }

    fn arguments(&self) -> Cow<'_, str> {
        arguments_text(self.function.arguments)
    }
}

/// Reports a whole answer.
pub(super) fn read_answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    let wire = Wire::read(body).unwrap_or_else(|| Err(Fault::unreadable(502, body)))?;
    let Some(message) = &wire.message else {
        return Err(Fault::garbled("the provider's response has no message"));
    };
    out.begin(None, wire.created());
    out.reasoning(message.thinking.unwrap_or(JsonStr::EMPTY));
    if let Some(content) = message.content.filter(|content| !content.is_empty()) {
        out.text(content);
    }
    for (number, call) in wire.calls().enumerate() {
        out.whole_call(call.id(memo, number).as_str(), &call.function.name, &call.arguments(), None);
    }
    if let Some(logprobs) = &wire.logprobs {
        out.logprobs(&read_logprobs(logprobs));
    }
    out.finish(wire.finish_reason(wire.calls().next().is_some()));
    out.usage(wire.usage());
    out.done();
    Ok(())
}

/// Translates lines.
pub(super) struct Translation {
    memo: Memo,
    begun: bool,
    /// Calls so far, over all lines.
    calls: usize,
}

impl Translation {
    /// Creates the translation for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        Self { memo: memo.clone(), begun: false, calls: 0 }
    }
}

impl Stream for Translation {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        let wire = Wire::read(frame.data);
        let wire = wire.unwrap_or_else(|| Err(Fault::garbled("the provider sent an invalid line")))?;
        if !core::mem::replace(&mut self.begun, true) {
            out.begin(None, wire.created());
        }
        if let Some(message) = &wire.message {
            out.reasoning(message.thinking.unwrap_or(JsonStr::EMPTY));
            out.text(message.content.unwrap_or(JsonStr::EMPTY));
        }
        if let Some(logprobs) = &wire.logprobs {
            out.logprobs(&read_logprobs(logprobs));
        }
        for call in wire.calls() {
            let id = call.id(&self.memo, self.calls);
            out.whole_call(id.as_str(), &call.function.name, &call.arguments(), None);
            self.calls += 1;
        }
        if wire.done {
            out.finish(wire.finish_reason(self.calls > 0));
            out.usage(wire.usage());
            out.done();
        }
        Ok(())
    }
}
