//! Translates a streamed response, event by event. Unknown event types are ignored.

use super::super::Stream;
use super::answer::{Call, Citation, Part, report_logprobs};
use super::{finish_reason, usage};
use crate::facts::{Class, Fault, Sink};
use crate::frame::Frame;
use crate::json::{self, JsonStr, JsonString, Place, Raw, Text, fields};
use crate::openai::Memo;

/// Translates events.
pub(super) struct Translation {
    memo: Memo,
    /// The current call: its index, and whether it has arguments so far.
    call: Option<(u32, bool)>,
}

struct Event<'a> {
    kind: Text<'a>,
    id: Option<JsonStr<'a>>,
    delta: Option<Delta<'a>>,
    logprobs: Option<Raw<'a>>,
    /// An error outside of an event.
    message: Option<JsonStr<'a>>,
}
fields!(Event<'a> { kind = "type", id, delta, logprobs, message });

struct Delta<'a> {
    message: Option<Message<'a>>,
    finish_reason: Option<Text<'a>>,
    usage: Option<Raw<'a>>,
    error: Option<JsonStr<'a>>,
}
fields!(Delta<'a> { message, finish_reason, usage, error });

/// Each is a single object here, but an empty list in the message's start.
struct Message<'a> {
    content: Option<Raw<'a>>,
    tool_plan: Option<JsonStr<'a>>,
    tool_calls: Option<Raw<'a>>,
    citations: Option<Raw<'a>>,
}
fields!(Message<'a> { content, tool_plan, tool_calls, citations });

fn read<'a, T: Place<'a>>(raw: Option<Raw<'a>>) -> Option<T> {
    json::read(raw?).ok()
}

impl Translation {
    /// Creates the translation for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        Self { memo: memo.clone(), call: None }
    }

    fn start_call(&mut self, call: &Call<'_>, out: &mut dyn Sink, number: usize) {
        let Some(function) = &call.function else { return };
        let made = JsonString::new(&self.memo.call_id(number));
        let name = function.name.as_deref().unwrap_or_default();
        let index = out.call(call.id.unwrap_or(made.as_str()), name, None);
        self.call = Some((index, false));
        self.more(call, out);
    }

    fn more(&mut self, call: &Call<'_>, out: &mut dyn Sink) {
        let arguments = call.function.as_ref().and_then(|function| function.arguments);
        if let (Some((index, begun)), Some(fragment)) = (&mut self.call, arguments) {
            // A call without arguments sends none, or `null`.
            let is_null = !*begun && fragment.inner() == "null";
            if !is_null && !fragment.is_empty() {
                *begun = true;
                out.arguments(*index, fragment);
            }
        }
    }
}

impl Stream for Translation {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        if frame.data == b"[DONE]" {
            return Ok(());
        }
        let event: Event<'_> = json::read(frame.data)
            .map_err(|_| Fault::garbled("the provider sent an invalid stream event"))?;
        let message = event.delta.as_ref().and_then(|delta| delta.message.as_ref());
        match (&*event.kind, message) {
            ("message-start", _) => out.begin(event.id, None),
            ("content-start" | "content-delta", Some(message)) => {
                if let Some(part) = read::<Part<'_>>(message.content) {
                    out.reasoning(part.thinking.unwrap_or(JsonStr::EMPTY));
                    out.text(part.text.unwrap_or(JsonStr::EMPTY));
                }
                if let Some(logprobs) = event.logprobs {
                    report_logprobs(logprobs, out);
                }
            }
            ("tool-plan-delta", Some(message)) => {
                out.reasoning(message.tool_plan.unwrap_or(JsonStr::EMPTY));
            }
            ("tool-call-start", Some(message)) => {
                let number = self.call.map_or(0, |(index, _)| index as usize + 1);
                if let Some(call) = read::<Call<'_>>(message.tool_calls) {
                    self.start_call(&call, out, number);
                }
            }
            ("tool-call-delta", Some(message)) => {
                if let Some(call) = read::<Call<'_>>(message.tool_calls) {
                    self.more(&call, out);
                }
            }
            ("tool-call-end", _) => {
                if let Some((index, begun)) = &mut self.call
                    && !core::mem::replace(begun, true)
                {
                    out.arguments(*index, JsonString::new("{}").as_str());
                }
            }
            ("citation-start", Some(message)) => {
                if let Some(citation) = read::<Citation<'_>>(message.citations) {
                    citation.report(out);
                }
            }
            ("message-end", _) => {
                if let Some(delta) = &event.delta {
                    end(delta, out)?;
                }
            }
            ("", _) => {
                let said = event.message.and_then(JsonStr::decode).unwrap_or_default();
                return Err(Fault::new(Class::InternalServer, said));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The last event.
fn end(delta: &Delta<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
    if let Some(raw) = delta.usage {
        out.usage(usage(raw));
    }
    if let Some(error) = delta.error.and_then(JsonStr::decode).filter(|error| !error.is_empty()) {
        return Err(Fault::new(Class::InternalServer, error));
    }
    out.finish(finish_reason(delta.finish_reason.as_deref().unwrap_or_default())?);
    out.done();
    Ok(())
}
