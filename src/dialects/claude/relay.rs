//! Relays responses in Anthropic's format to clients of the same API: the bytes pass unchanged, except for the model's name.
//! Usage is read on the way.

use super::super::Stream;
use super::fault;
use super::usage::Counters;
use crate::facts::{Fault, Sink, Wire};
use crate::frame::Frame;
use crate::json::{JsonStr, JsonString, Raw, Text, around, fields, read};
use crate::openai::Memo;

/// Relays a complete message.
pub(in crate::dialects) fn answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    struct Answer<'a> {
        id: Option<JsonStr<'a>>,
        model: Option<Raw<'a>>,
        content: Option<Raw<'a>>,
        usage: Option<Raw<'a>>,
        error: Option<Raw<'a>>,
    }
    fields!(Answer<'a> { id, model, content, usage, error });
    let answer: Answer<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    if let Some(error) = answer.error {
        return Err(fault(None, error));
    }
    if answer.content.is_none() {
        return Err(Fault::garbled("the provider's response has no content"));
    }
    let mut counters = Counters::default();
    answer.usage.into_iter().for_each(|usage| counters.hear(usage));
    out.usage(counters.usage());
    let Some(relay) = out.relay(Wire::Messages) else { return Err(not_shared()) };
    if let Some(id) = answer.id {
        relay.set_id(id);
    }
    match answer.model.and_then(|model| around(body, model.get())) {
        Some((before, after)) => relay.bytes(&[before, &model_token(memo), after]),
        None => relay.bytes(&[body]),
    }
    relay.end();
    Ok(())
}

/// Relays a stream, event by event.
pub(in crate::dialects) struct Relayed {
    /// The client's model name as a JSON string.
    model: Vec<u8>,
    counters: Counters,
    begun: bool,
    /// A block has begun.
    opened: bool,
    /// The message has a stop reason.
    finished: bool,
}

struct Event<'a> {
    kind: Text<'a>,
    message: Option<Message<'a>>,
    delta: Option<Delta<'a>>,
    usage: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
}
fields!(Event<'a> { kind = "type", message, delta, usage, error; "type" });

struct Message<'a> {
    id: Option<JsonStr<'a>>,
    model: Option<Raw<'a>>,
    usage: Option<Raw<'a>>,
}
fields!(Message<'a> { id, model, usage });

/// A delta of a block or of the message: what the model has generated.
struct Delta<'a> {
    text: Option<Raw<'a>>,
    thinking: Option<Raw<'a>>,
    partial_json: Option<Raw<'a>>,
    stop_reason: Option<Raw<'a>>,
}
fields!(Delta<'a> { text, thinking, partial_json, stop_reason });

impl Relayed {
    /// Creates the relay for a response to the request described by `memo`.
    pub(in crate::dialects) fn new(memo: &Memo) -> Self {
        let model = model_token(memo);
        Self { model, counters: Counters::default(), begun: false, opened: false, finished: false }
    }

    fn hear(&mut self, usage: Option<Raw<'_>>, out: &mut dyn Sink) {
        if let Some(usage) = usage {
            self.counters.hear(usage);
            out.usage(self.counters.usage());
        }
    }
}

impl Stream for Relayed {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        // Ignored fields are relayed as well, so the whole event must be UTF-8, and its name becomes a line.
        let event: Option<Event<'_>> = core::str::from_utf8(frame.data).ok().and_then(|data| read(data).ok());
        let is_line = |event: &Event<'_>| event.kind.bytes().all(|byte| byte.is_ascii_graphic());
        let event = event
            .filter(is_line)
            .ok_or_else(|| Fault::garbled("the provider sent a stream event that is not one of a message"))?;
        let mut model = None;
        match &*event.kind {
            "error" => {
                return Err(match event.error {
                    Some(error) => fault(None, error),
                    None => Fault::garbled("the provider reported an error without details"),
                });
            }
            "message_start" => {
                let is_second = core::mem::replace(&mut self.begun, true);
                if is_second && self.opened {
                    // Part of a block has been sent and cannot be retracted.
                    return Err(Fault::garbled("the provider started a second message in the same stream"));
                }
                if is_second {
                    self.hear(event.message.and_then(|message| message.usage), out);
                    return Ok(());
                }
                if let Some(message) = &event.message {
                    self.hear(message.usage, out);
                    if let (Some(id), Some(relay)) = (message.id, out.relay(Wire::Messages)) {
                        relay.set_id(id);
                    }
                    model = message.model;
                }
            }
            "content_block_start" => self.opened = true,
            // Bedrock may report the cache at the very end.
            "message_stop" => self.hear(event.usage, out),
            "message_delta" => {
                self.hear(event.usage, out);
                self.finished |= event.delta.as_ref().is_some_and(|delta| delta.stop_reason.is_some());
            }
            _ => {}
        }
        let Some(relay) = out.relay(Wire::Messages) else { return Err(not_shared()) };
        if let Some(delta) = &event.delta {
            let words = [delta.text, delta.thinking, delta.partial_json];
            words.into_iter().flatten().filter_map(JsonStr::of).for_each(|words| relay.words(words.inner()));
        }
        match model.and_then(|model| around(frame.data, model.get())) {
            Some((before, after)) => relay.named_event(&event.kind, &[before, &self.model, after]),
            None => relay.named_event(&event.kind, &[frame.data]),
        }
        if &*event.kind == "message_stop" {
            relay.end();
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Sink) {
        // Only the last event is missing.
        if let Some(relay) = out.relay(Wire::Messages).filter(|_| self.finished) {
            relay.named_event("message_stop", &[br#"{"type":"message_stop"}"#]);
            relay.end();
        }
    }
}

fn model_token(memo: &Memo) -> Vec<u8> {
    JsonString::new(&memo.model).into_bytes()
}

/// [`Memo::wire`] promises a client with this format.
#[cold]
fn not_shared() -> Fault {
    Fault::garbled("the response is in a format that the client does not have")
}
