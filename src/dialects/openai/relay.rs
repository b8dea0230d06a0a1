//! Relays a streamed response: events pass unchanged, except for tokens that must be replaced. A client with
//! another format receives facts instead.

use std::borrow::Cow;

use super::super::Stream;
use super::choices::{Choices, plain_text};
use super::completion::{has_finish_reason, object_name};
use super::error::read_error;
use super::facts::Facts;
use super::mend;
use super::{Answers, json_string, words};
use crate::facts::{Fault, Sink, Usage, Wire};
use crate::frame::Frame;
use crate::json::{JsonStr, Object, Raw, Splice, Writer, around, fields, read};
use crate::openai::{Memo, service_tier};

/// Relays one stream.
pub(super) struct Relay {
    rules: Answers,
    /// The request as sent to the provider.
    memo: Memo,
    wire: Wire,
    /// For a client that receives facts.
    facts: Facts,
    /// The client knows the response's id.
    has_id: bool,
    closed: bool,
    /// The client's model name as a JSON string.
    model: Vec<u8>,
    /// A choice has a finish reason. Vendors that send no `[DONE]` stop after that.
    finished: bool,
    /// The state of each choice, if chunks are edited.
    seen: Choices,
    /// The first chunk, whose common fields the gateway's own chunks copy.
    first: Vec<u8>,
    /// Usage that came together with a choice, as JSON; it gets a separate chunk.
    late_usage: Vec<u8>,
    /// Members of a first chunk without choices, which are added to the next chunk that has some.
    held: Vec<u8>,
}

struct Chunk<'a> {
    model: Option<Raw<'a>>,
    choices: Option<Raw<'a>>,
    usage: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
    object: Option<Raw<'a>>,
    service_tier: Option<Raw<'a>>,
    id: Option<Raw<'a>>,
}
fields!(Chunk<'a> { model, choices, usage, error, object, service_tier, id });

impl Relay {
    /// Creates the relay for a response to the request described by `memo`.
    pub(super) fn new(rules: Answers, memo: Memo, wire: Wire) -> Self {
        Self {
            rules,
            wire,
            facts: Facts::default(),
            has_id: false,
            closed: false,
            model: json_string(&memo.model),
            memo,
            finished: false,
            seen: Choices::default(),
            first: Vec::new(),
            late_usage: Vec::new(),
            held: Vec::new(),
        }
    }
}

impl Stream for Relay {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        if frame.data == b"[DONE]" {
            self.close(out);
            return Ok(());
        }
        // Ignored fields are relayed as well, so the whole event must be UTF-8.
        let chunk: Option<Chunk<'_>> = core::str::from_utf8(frame.data).ok().and_then(|data| read(data).ok());
        let mut chunk = chunk.ok_or_else(|| {
            Fault::garbled("the provider sent a stream event that is not a completion chunk")
        })?;
        chunk.usage = chunk.usage.or_else(|| mend::usage_inside(self.rules, frame.data));
        if let Some(error) = chunk.error {
            return Err(read_error(500, error));
        }
        if chunk.object.is_some_and(|object| object.get() == "\"error\"") {
            let flat = read(frame.data);
            return Err(flat.map_or_else(
                |_| Fault::garbled("the provider reported an error"),
                |flat| read_error(500, flat),
            ));
        }
        if !self.has_id
            && let Some(id) = chunk.id.and_then(JsonStr::of).filter(|id| !id.is_empty())
        {
            self.has_id = true;
            if let Some(relay) = out.relay(self.wire) {
                relay.set_id(id);
            }
        }
        let text = chunk.choices.and_then(plain_text);
        self.finished |=
            text.is_none() && chunk.choices.is_some_and(|choices| has_finish_reason(choices, false));
        let no_choices = chunk.choices.is_none_or(|choices| choices.get() == "[]");
        let usage = chunk.usage.and_then(Usage::parse);
        let usage = usage.map(|usage| Usage { tier: service_tier(chunk.service_tier), ..usage });
        if no_choices && usage.is_none() && self.rules.preamble {
            hold(frame.data, &mut self.held);
            return Ok(());
        }
        if let Some(relay) = out.relay(self.wire) {
            match (text, chunk.choices) {
                (Some(text), _) => relay.words(text),
                (None, Some(choices)) => words::each(choices.get(), |text| relay.words(text)),
                (None, None) => {}
            }
        }
        let other = chunk.model.filter(|model| model.get().as_bytes() != self.model);
        let hides_usage = no_choices && !self.memo.include_usage;
        if self.first.is_empty() && !no_choices {
            self.first.extend_from_slice(frame.data);
        }
        let suspect = self.rules.mended
            && match text {
                Some(text) => {
                    mend::is_misnamed(&self.memo, chunk.object)
                        || self.rules.thinks && !self.seen.only_speak(text)
                }
                None => mend::is_suspect(self.rules, &self.memo, chunk.object, chunk.choices, &self.seen),
            };
        let is_late = usage.is_some() && !no_choices;
        if usage.is_some() && no_choices {
            self.late_usage.clear();
        }
        if !suspect && !is_late && self.held.is_empty() && (usage.is_none() || !self.rules.mended) {
            if let Some(usage) = usage {
                out.usage(usage);
                if hides_usage {
                    return Ok(());
                }
            }
            match other.and_then(|model| around(frame.data, model.get())) {
                Some((before, after)) => pass(self.wire, &mut self.facts, &[before, &self.model, after], out),
                None => pass(self.wire, &mut self.facts, &[frame.data], out),
            }
            return Ok(());
        }
        let mut splice = Splice::new(frame.data);
        if let Some(usage) = usage {
            if let Some(raw) = chunk.usage.filter(|_| is_late) {
                let mut own = Splice::new(raw.get().as_bytes());
                out.usage(mend::usage_of(self.rules, usage, chunk.usage, &mut own));
                self.late_usage = own.write();
            } else {
                out.usage(mend::usage_of(self.rules, usage, chunk.usage, &mut splice));
            }
            if hides_usage {
                return Ok(());
            }
        }
        let object = if suspect || is_late {
            Object::parse(frame.data).unwrap_or_default()
        } else {
            Object::default()
        };
        for member in object.members().iter().filter(|member| is_late && member.is("usage")) {
            // As `OpenAI` does: usage has a separate chunk, and all other chunks have `null` if it was
            // requested.
            if self.memo.include_usage {
                splice.replace(member.value.get(), &b"null"[..]);
            } else {
                splice.remove(member);
            }
        }
        if let Some(model) = other {
            splice.replace(model.get(), Cow::Borrowed(&self.model[..]));
        }
        if suspect {
            mend::chunk(self.rules, &object, &self.memo, &mut self.seen, &mut splice);
        }
        if !self.held.is_empty() {
            splice.append(core::mem::take(&mut self.held));
        }
        pass(self.wire, &mut self.facts, &[&splice.write()], out);
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Sink) {
        if self.finished && !self.closed {
            self.close(out);
        }
    }
}

impl Relay {
    /// Ends the stream, adding what the vendor left out.
    fn close(&mut self, out: &mut dyn Sink) {
        if !self.finished && !self.first.is_empty() {
            let ending = self.seen.ending(&self.memo);
            let chunk = self.chunk(&ending, self.memo.include_usage.then_some(b"null"));
            pass(self.wire, &mut self.facts, &[&chunk], out);
        }
        if self.memo.include_usage && !self.late_usage.is_empty() {
            let chunk = self.chunk("[]", Some(&self.late_usage));
            pass(self.wire, &mut self.facts, &[&chunk], out);
        }
        self.closed = true;
        match out.relay(self.wire) {
            Some(relay) => relay.end(),
            None => out.done(),
        }
    }

    /// A chunk written by the gateway.
    fn chunk(&self, choices: &str, usage: Option<&[u8]>) -> Vec<u8> {
        let first = Object::parse(&self.first).unwrap_or_default();
        let mut chunk = Vec::with_capacity(self.first.len());
        let mut w = Writer::new(&mut chunk);
        w.object().key("id");
        match first.get("id") {
            Some(id) => w.raw(id.get()),
            None => w.string(&self.memo.answer_id()),
        };
        w.key("object").string(object_name(&self.memo, true));
        w.key("created");
        match first.get("created") {
            Some(created) => w.raw(created.get()),
            None => w.number(self.memo.created),
        };
        w.key("model").raw(&String::from_utf8_lossy(&self.model));
        w.key("choices").raw(choices);
        if let Some(usage) = usage {
            w.key("usage").raw(&String::from_utf8_lossy(usage));
        }
        w.end_object();
        chunk
    }
}

/// Passes on a chunk, unchanged or as facts.
fn pass(wire: Wire, facts: &mut Facts, pieces: &[&[u8]], out: &mut dyn Sink) {
    match out.relay(wire) {
        Some(relay) => relay.bytes(pieces),
        None => facts.report(&pieces.concat(), out),
    }
}

/// Keeps the members of a chunk that other chunks do not repeat.
fn hold(data: &[u8], held: &mut Vec<u8>) {
    const ENVELOPE: &[&str] =
        &["choices", "created", "id", "model", "object", "service_tier", "system_fingerprint", "usage"];
    let object = Object::parse(data).unwrap_or_default();
    for member in object.members().iter().filter(|member| !ENVELOPE.contains(&member.key.inner())) {
        if !held.is_empty() {
            held.push(b',');
        }
        held.extend_from_slice(member.key.token().as_bytes());
        held.push(b':');
        held.extend_from_slice(member.value.get().as_bytes());
    }
}
