//! A streamed `GenerateContentResponse`. Each event has the new parts of a candidate; calls come whole. The finish reasons
//! are in the last event, so that a stream that was cut never looks complete.

use super::answer::{Call, Ending, response_id, split_half, write_end, write_image, write_text};
use super::error;
use super::signature::Carried;
use crate::facts::{Citation, FinishReason, Logprob, Relay, Search, Sink, Thinking, Usage, Wire};
use crate::inbound::{Events, Output};
use crate::json::{JsonStr, Writer};
use crate::openai::{ErrorBody, Memo};

/// The most candidates that a request may ask for.
const MOST: usize = 128;

/// How events follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Server-sent events (`alt=sse`).
    Sse,
    /// The items of one JSON array.
    Array,
}

impl Form {
    pub(super) fn open(self, is_first: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(match self {
            Self::Sse => b"data: ",
            Self::Array if is_first => b"[",
            Self::Array => b",\r\n",
        });
    }

    pub(super) fn close(self, is_last: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(match self {
            Self::Sse => b"\r\n\r\n",
            Self::Array if is_last => b"\r\n]",
            Self::Array => b"",
        });
    }

    /// Ends a stream of which no event was written as the last one.
    pub(super) fn finish(self, is_empty: bool, out: &mut Vec<u8>) {
        if self == Self::Array {
            out.extend_from_slice(if is_empty { &b"[\r\n]"[..] } else { b"\r\n]" });
        }
    }

    /// Writes an error, which ends the stream.
    pub(super) fn write_error(self, error: &ErrorBody, is_first: bool, out: &mut Vec<u8>) {
        self.open(is_first, out);
        error::write(error, out);
        self.close(true, out);
    }
}

/// Writes the events of one answer.
pub(super) struct EventWriter {
    pub(super) form: Form,
    pub(super) output: Output,
    memo: Memo,
    pub(super) id: String,
    pub(super) begun: bool,
    candidates: Vec<Candidate>,
    current: usize,
}

#[derive(Default)]
struct Candidate {
    calls: Vec<Call>,
    /// How many of them are written.
    written: usize,
    /// Reasoning that must come back with the next call.
    carried: Carried,
    /// Half a surrogate pair, which waits for the other half.
    half: String,
    ending: Ending,
}

impl EventWriter {
    pub(super) fn new(memo: &Memo, form: Form) -> Self {
        Self {
            form,
            output: Output::default(),
            id: response_id(None, memo),
            memo: memo.clone(),
            begun: false,
            candidates: vec![Candidate::default()],
            current: 0,
        }
    }

    fn candidate(&mut self) -> Option<&mut Candidate> {
        if self.output.ended { None } else { self.candidates.get_mut(self.current) }
    }

    /// Writes an event with these parts.
    fn event(&mut self, parts: &mut dyn FnMut(&mut Writer<'_>)) {
        if self.output.ended {
            return;
        }
        self.form.open(!core::mem::replace(&mut self.begun, true), &mut self.output.bytes);
        let mut w = Writer::new(&mut self.output.bytes);
        w.object().key("candidates").array().object().key("content").object().key("parts").array();
        parts(&mut w);
        w.end_array().key("role").string("model").end_object();
        w.key("index").number(self.current as u64).end_object().end_array();
        write_end(&mut w, None, &self.memo, &self.id);
        w.end_object();
        self.form.close(false, &mut self.output.bytes);
    }

    /// Writes the calls that are complete, or all of them, because nothing else can come.
    fn write_calls(&mut self, all: bool) {
        let Some(candidate) = self.candidate() else { return };
        let mut calls = Vec::new();
        while let Some(call) = candidate.calls.get(candidate.written).filter(|call| all || call.is_complete())
        {
            call.write(&mut Writer::new(&mut calls));
            candidate.written += 1;
        }
        if !calls.is_empty() {
            self.event(&mut |w| w.bytes().extend_from_slice(&calls));
        }
    }

    fn say(&mut self, text: JsonStr<'_>, thought: bool) {
        let Some(candidate) = self.candidate().filter(|_| !text.is_empty()) else { return };
        let joined = core::mem::take(&mut candidate.half) + text.inner();
        let (whole, half) = split_half(&joined);
        half.clone_into(&mut candidate.half);
        self.output.produced.add(text.inner());
        if !whole.is_empty() {
            self.write_calls(false);
            self.event(&mut |w| write_text(w, whole, thought, None));
        }
    }
}

impl Sink for EventWriter {
    fn begin(&mut self, id: Option<JsonStr<'_>>, _: Option<u64>) {
        if !self.begun {
            self.id = response_id(id, &self.memo);
        }
    }

    fn choice(&mut self, index: usize) {
        self.current = index.min(MOST - 1);
        if self.candidates.len() <= self.current {
            self.candidates.resize_with(self.current + 1, Candidate::default);
        }
    }

    fn text(&mut self, text: JsonStr<'_>) {
        self.say(text, false);
    }

    fn reasoning(&mut self, text: JsonStr<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.carried.add_text(text.inner());
        }
        self.say(text, true);
    }

    fn thinking(&mut self, block: Thinking<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.carried.add_block(block);
        }
    }

    fn thought_signature(&mut self, signature: JsonStr<'_>) {
        self.event(&mut |w| write_text(w, "", false, Some(signature)));
    }

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        let Some(candidate) = self.candidate() else { return u32::MAX };
        let call = Call::new(id, name, signature, &mut candidate.carried);
        candidate.calls.push(call);
        let index = u32::try_from(candidate.calls.len() - 1).unwrap_or(u32::MAX);
        self.output.produced.add(name);
        index
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        let call = self.candidate().and_then(|candidate| candidate.calls.get_mut(index as usize));
        if let Some(call) = call {
            call.arguments.push_str(fragment.inner());
            self.output.produced.add(fragment.inner());
        }
    }

    fn citation(&mut self, citation: Citation<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.ending.cite(citation);
        }
    }

    fn searched(&mut self, search: Search<'_>) {
        if let Some(candidate) = self.candidate() {
            candidate.ending.searched(search);
        }
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        if let Some(candidate) = self.candidate().filter(|_| !text.is_empty()) {
            candidate.ending.refuse();
            self.say(text, false);
        }
    }

    fn image(&mut self, media_type: &str, data: &str) {
        self.write_calls(false);
        self.event(&mut |w| write_image(w, media_type, data));
    }

    fn logprobs(&mut self, tokens: &[Logprob<'_>]) {
        if let Some(candidate) = self.candidate() {
            candidate.ending.logprobs(tokens);
        }
    }

    fn finish(&mut self, reason: FinishReason) {
        self.write_calls(true);
        if let Some(candidate) = self.candidate() {
            candidate.ending.finish(reason);
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.output.usage = usage;
    }

    fn done(&mut self) {
        if self.output.ended {
            return;
        }
        for index in 0..self.candidates.len() {
            self.current = index;
            self.write_calls(true);
        }
        self.form.open(!core::mem::replace(&mut self.begun, true), &mut self.output.bytes);
        let mut w = Writer::new(&mut self.output.bytes);
        w.object().key("candidates").array();
        for (index, candidate) in self.candidates.iter().enumerate() {
            w.object().key("content").object().key("parts").array();
            write_text(&mut w, "", false, None);
            w.end_array().key("role").string("model").end_object();
            candidate.ending.write(&mut w);
            w.key("index").number(index as u64).end_object();
        }
        w.end_array();
        write_end(&mut w, Some(&self.output.usage), &self.memo, &self.id);
        w.end_object();
        self.form.close(true, &mut self.output.bytes);
        self.output.ended = true;
    }

    fn relay(&mut self, wire: Wire) -> Option<&mut dyn Relay> {
        if wire == Wire::Contents { Some(self) } else { None }
    }
}

impl Events for EventWriter {
    fn fail(&mut self, error: &ErrorBody) {
        if !core::mem::replace(&mut self.output.ended, true) {
            self.form.write_error(error, !self.begun, &mut self.output.bytes);
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn output(&self) -> &Output {
        &self.output
    }

    fn output_mut(&mut self) -> &mut Output {
        &mut self.output
    }
}
