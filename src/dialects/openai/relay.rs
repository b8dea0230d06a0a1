//! A streamed answer: events pass as they came, but for the tokens that must change.

use std::borrow::Cow;

use super::super::Stream;
use super::error::read_error;
use super::mend::{self, Calls};
use super::{Answers, json_string, words};
use crate::frame::Frame;
use crate::json::{JsonStr, Object, Raw, Splice, around, fields, read};
use crate::openai::{ChunkWriter, Fault, Memo, Usage, service_tier};

/// Relays one stream.
pub(super) struct Relay {
    rules: Answers,
    memo: Memo,
    /// The client's model name as a JSON string.
    model: Vec<u8>,
    /// Some choice has said why it ended: vendors that send no `[DONE]` stop after that.
    finished: bool,
    /// Calls so far, where the vendor does not number them.
    calls: Calls,
    /// Members of a first chunk without choices, which wait for one that has some.
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
    /// The beginning of an answer to that request.
    pub(super) fn new(rules: Answers, memo: &Memo) -> Self {
        Self {
            rules,
            model: json_string(&memo.model),
            memo: memo.clone(),
            finished: false,
            calls: Calls::default(),
            held: Vec::new(),
        }
    }
}

impl Stream for Relay {
    fn frame(&mut self, frame: Frame<'_>, out: &mut ChunkWriter) -> Result<(), Fault> {
        if frame.data == b"[DONE]" {
            // Upstream's own usage chunk was relayed when it was asked for, so the writer has none to add.
            out.relay(&[b"[DONE]"]);
            out.end_relay();
            return Ok(());
        }
        // Fields that are passed over are relayed as well: all of the event must be text.
        let chunk: Option<Chunk<'_>> = core::str::from_utf8(frame.data).ok().and_then(|data| read(data).ok());
        let mut chunk =
            chunk.ok_or_else(|| Fault::garbled("the provider sent a stream event that is not a chunk"))?;
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
        if out.id().is_empty()
            && let Some(id) = chunk.id.and_then(JsonStr::of)
        {
            out.relays(id);
        }
        self.finished |= chunk.choices.is_some_and(has_finish_reason);
        let no_choices = chunk.choices.is_none_or(|choices| choices.get() == "[]");
        let usage = chunk.usage.and_then(Usage::parse);
        let usage = usage.map(|usage| Usage { tier: service_tier(chunk.service_tier), ..usage });
        if no_choices && usage.is_none() && self.rules.preamble {
            hold(frame.data, &mut self.held);
            return Ok(());
        }
        if let Some(choices) = chunk.choices {
            words::each(choices.get(), |text| out.relayed(text));
        }
        let other = chunk.model.filter(|model| model.get().as_bytes() != self.model);
        let hides_usage = no_choices && !self.memo.include_usage;
        let suspect =
            self.rules.mended && mend::is_suspect(self.rules, &self.memo, chunk.object, chunk.choices);
        if !suspect && self.held.is_empty() && (usage.is_none() || !self.rules.mended) {
            if let Some(usage) = usage {
                out.usage(usage);
                if hides_usage {
                    return Ok(());
                }
            }
            match other.and_then(|model| around(frame.data, model.get())) {
                Some((before, after)) => out.relay(&[before, &self.model, after]),
                None => out.relay(&[frame.data]),
            }
            return Ok(());
        }
        let mut splice = Splice::new(frame.data);
        if let Some(usage) = usage {
            out.usage(mend::usage_of(self.rules, usage, chunk.usage, &mut splice));
            if hides_usage {
                return Ok(());
            }
        }
        if let Some(model) = other {
            splice.replace(model.get(), Cow::Borrowed(&self.model[..]));
        }
        if suspect {
            let object = Object::parse(frame.data).unwrap_or_default();
            mend::chunk(self.rules, &object, &self.memo, &mut self.calls, &mut splice);
        }
        if !self.held.is_empty() {
            splice.append(core::mem::take(&mut self.held));
        }
        out.relay(&[&splice.write()]);
        Ok(())
    }

    fn end(&mut self, out: &mut ChunkWriter) {
        if self.finished && !out.ended() {
            out.relay(&[b"[DONE]"]);
            out.end_relay();
        }
    }
}

/// Keeps what a chunk says besides what every chunk says.
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

/// Looks for a `finish_reason` that is a string, without reading the choices.
pub(super) fn has_finish_reason(choices: Raw<'_>) -> bool {
    const KEY: &[u8] = b"\"finish_reason\":";
    let bytes = choices.get().as_bytes();
    memchr::memmem::find_iter(bytes, KEY)
        .any(|at| bytes.get(at + KEY.len()..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\"")))
}
