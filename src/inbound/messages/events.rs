//! The events of a streamed message.
//!
//! Only one content block is open at a time, and indexes have no gaps, because the official SDKs look blocks
//! up in a list. If a call's arguments arrive before those of another call are complete, they are held back.

use std::rc::Rc;

use super::answer::{bare_token, carried, message_id, stop_reason, unsigned, write_stop, write_usage};
use super::error;
use super::names::asked;
use super::searches::Searched;
use super::whole::write_citation;
use crate::facts::{Citation, FinishReason, Logprob, Relay, Search, Sink, Thinking, Usage, Wire};
use crate::inbound::{Events, Output};
use crate::json::{JsonStr, JsonString, Object, Writer, read};
use crate::openai::{ErrorBody, Memo};

/// Writes the events of a response.
pub(super) struct EventWriter {
    pub(super) output: Output,
    memo: Memo,
    pub(super) id: String,
    begun: bool,
    /// Facts of choices other than the first are ignored.
    is_other_choice: bool,
    /// Number of blocks so far, including the open one.
    blocks: u64,
    open: Open,
    /// The open block is a thinking block without a signature.
    is_unsigned: bool,
    calls: Vec<Call>,
    /// Number of searches so far.
    searches: usize,
    refusal: String,
    finish: Option<FinishReason>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    None,
    Text,
    Thinking,
    /// The call with that index.
    Call(usize),
    /// A search by the provider, or its result.
    Search,
}

/// A call.
struct Call {
    id: JsonString,
    /// Signature of the thinking block before it.
    state: Option<JsonString>,
    name: String,
    /// Arguments so far, as the contents of a JSON string.
    arguments: String,
    begun: bool,
}

impl EventWriter {
    pub(super) fn new(memo: &Memo) -> Self {
        Self {
            output: Output::default(),
            id: message_id(None, memo),
            memo: memo.clone(),
            begun: false,
            is_other_choice: false,
            blocks: 0,
            open: Open::None,
            is_unsigned: false,
            calls: Vec::new(),
            searches: 0,
            refusal: String::new(),
            finish: None,
        }
    }

    fn is_void(&self) -> bool {
        self.output.ended || self.is_other_choice
    }

    /// Writes an event; `write` adds to its data.
    fn event(&mut self, kind: &str, write: impl FnOnce(&mut Writer<'_>)) {
        let out = &mut self.output.bytes;
        for piece in ["event: ", kind, "\ndata: "] {
            out.extend_from_slice(piece.as_bytes());
        }
        let mut w = Writer::new(out);
        w.object().key("type").string(kind);
        write(&mut w);
        w.end_object();
        out.extend_from_slice(b"\n\n");
    }

    fn start_message(&mut self) {
        if self.begun {
            return;
        }
        self.begun = true;
        let (id, model) = (self.id.clone(), Rc::clone(&self.memo.model));
        // Until the provider reports usage, an estimate of the prompt: clients show how full the context is.
        let prompt =
            if self.output.usage.prompt > 0 { self.output.usage.prompt } else { self.memo.prompt_estimate };
        let usage = Usage { prompt, completion: self.output.usage.completion.max(1), ..self.output.usage };
        self.event("message_start", |w| {
            w.key("message").object().key("id").string(&id).key("type").string("message");
            w.key("role").string("assistant").key("model").string(&model).key("content").array().end_array();
            w.key("stop_reason").raw("null").key("stop_sequence").raw("null");
            write_usage(w.key("usage"), &usage);
            w.end_object();
        });
    }

    /// Opens a block, and closes the previous one.
    fn start(&mut self, open: Open, write: impl FnOnce(&mut Writer<'_>)) {
        self.start_message();
        self.stop();
        let index = self.blocks;
        self.blocks += 1;
        self.open = open;
        self.event("content_block_start", |w| {
            w.key("index").number(index).key("content_block").object();
            write(w);
            w.end_object();
        });
        if index == 0 {
            self.event("ping", |_| {});
        }
    }

    /// Opens a thinking block, unless one is open.
    fn start_thinking(&mut self) {
        if self.open != Open::Thinking {
            self.start(Open::Thinking, |w| {
                w.key("type").string("thinking").key("thinking").string("").key("signature").string("");
            });
            self.is_unsigned = true;
        }
    }

    /// Signs the open thinking block.
    fn sign(&mut self, signature: JsonStr<'_>) {
        self.is_unsigned = false;
        self.delta("signature_delta", "signature", signature);
    }

    fn delta(&mut self, kind: &str, name: &str, token: JsonStr<'_>) {
        let index = self.blocks.saturating_sub(1);
        self.event("content_block_delta", |w| {
            w.key("index").number(index).key("delta").object();
            w.key("type").string(kind).key(name).raw(token.token()).end_object();
        });
    }

    /// Closes the open block.
    fn stop(&mut self) {
        if let Open::Call(at) = self.open
            && self.calls.get(at).is_some_and(|call| call.arguments.is_empty())
        {
            self.delta("input_json_delta", "partial_json", JsonString::new("{}").as_str());
        }
        if self.is_unsigned {
            self.sign(unsigned().as_str());
        }
        if core::mem::replace(&mut self.open, Open::None) != Open::None {
            let index = self.blocks.saturating_sub(1);
            self.event("content_block_stop", |w| {
                w.key("index").number(index);
            });
        }
    }

    /// Whether the open block may be closed: the arguments of a call must be complete.
    fn may_leave(&self) -> bool {
        let Open::Call(at) = self.open else { return true };
        self.calls.get(at).is_none_or(|call| is_complete(&call.arguments))
    }

    fn start_call(&mut self, at: usize) {
        let Some(call) = self.calls.get_mut(at) else { return };
        call.begun = true;
        let state = call.state.take();
        let (id, name, arguments) = (call.id.clone(), call.name.clone(), call.arguments.clone());
        if let Some(state) = state {
            self.start_thinking();
            self.sign(state.as_str());
        }
        self.start(Open::Call(at), |w| {
            w.key("type").string("tool_use").key("id").raw(id.as_str().token()).key("name").string(&name);
            w.key("input").object().end_object();
        });
        let token = ["\"", &arguments, "\""].concat();
        if let Some(token) = read::<JsonStr<'_>>(token.as_str()).ok().filter(|token| !token.is_empty()) {
            self.delta("input_json_delta", "partial_json", token);
        }
    }

    /// Writes the calls that were held back.
    fn start_waiting(&mut self) {
        for at in 0..self.calls.len() {
            if self.calls.get(at).is_some_and(|call| !call.begun) {
                self.start_call(at);
            }
        }
    }
}

/// Whether arguments are a complete JSON object.
fn is_complete(arguments: &str) -> bool {
    let token = ["\"", arguments, "\""].concat();
    let text = read::<JsonStr<'_>>(token.as_str()).ok().and_then(|token| Some(token.decode()?.into_owned()));
    text.is_some_and(|text| Object::parse(text.as_bytes()).is_ok())
}

impl Sink for EventWriter {
    fn begin(&mut self, id: Option<JsonStr<'_>>, _: Option<u64>) {
        if !self.begun {
            self.id = message_id(id, &self.memo);
        }
    }

    fn choice(&mut self, index: usize) {
        self.is_other_choice = index > 0;
    }

    fn text(&mut self, text: JsonStr<'_>) {
        if text.is_empty() || self.is_void() {
            return;
        }
        self.output.produced.add(text.inner());
        if self.open != Open::Text {
            self.start_waiting();
            self.start(Open::Text, |w| {
                w.key("type").string("text").key("text").string("");
            });
        }
        self.delta("text_delta", "text", text);
    }

    fn reasoning(&mut self, text: JsonStr<'_>) {
        if text.is_empty() || self.is_void() {
            return;
        }
        self.output.produced.add(text.inner());
        if self.open != Open::Thinking {
            self.start_waiting();
            self.start_thinking();
        }
        self.delta("thinking_delta", "thinking", text);
    }

    fn thinking(&mut self, block: Thinking<'_>) {
        if self.is_void() {
            return;
        }
        match block {
            Thinking::Signed { signature, .. } => {
                self.start_thinking();
                self.sign(signature);
            }
            Thinking::Redacted { data } => self.start(Open::Thinking, |w| {
                w.key("type").string("redacted_thinking").key("data").raw(data.token());
            }),
        }
        self.stop();
    }

    fn thought_signature(&mut self, _: JsonStr<'_>) {}

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        let at = self.calls.len();
        if self.is_void() {
            return u32::MAX;
        }
        self.output.produced.add(name);
        let id = bare_token(id);
        self.calls.push(Call {
            state: signature.map(|signature| carried(id.as_str(), signature)),
            id,
            name: asked(&self.memo, name).to_owned(),
            arguments: String::new(),
            begun: false,
        });
        if self.may_leave() {
            self.start_call(at);
        }
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        let at = index as usize;
        if fragment.is_empty() || self.is_void() {
            return;
        }
        self.output.produced.add(fragment.inner());
        let Some(call) = self.calls.get_mut(at) else { return };
        call.arguments.push_str(fragment.inner());
        if self.open == Open::Call(at) {
            self.delta("input_json_delta", "partial_json", fragment);
        } else if !call.begun && self.may_leave() {
            self.start_call(at);
        }
    }

    fn citation(&mut self, citation: Citation<'_>) {
        if self.is_void() || self.open != Open::Text {
            return;
        }
        let index = self.blocks.saturating_sub(1);
        self.event("content_block_delta", |w| {
            w.key("index").number(index).key("delta").object().key("type").string("citations_delta");
            write_citation(w.key("citation"), citation);
            w.end_object();
        });
    }

    fn searched(&mut self, search: Search<'_>) {
        if self.is_void() {
            return;
        }
        self.start_waiting();
        let searched = Searched::new(&search, &self.id, self.searches);
        self.searches += searched.len();
        for at in 0..searched.len() {
            self.start(Open::Search, |w| searched.write_call(at, true, w));
            self.delta("input_json_delta", "partial_json", JsonString::new(&searched.input(at)).as_str());
            self.start(Open::Search, |w| searched.write_result(at, w));
        }
        self.stop();
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        self.refusal.push_str(text.inner());
        self.text(text);
    }

    fn image(&mut self, _: &str, _: &str) {}

    fn logprobs(&mut self, _: &[Logprob<'_>]) {}

    fn finish(&mut self, reason: FinishReason) {
        if !self.is_void() {
            self.finish = self.finish.or(Some(reason));
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.output.usage = usage;
    }

    fn done(&mut self) {
        if self.output.ended {
            return;
        }
        self.start_message();
        self.start_waiting();
        self.stop();
        let reason = stop_reason(self.finish, !self.calls.is_empty(), !self.refusal.is_empty());
        let (refusal, usage) = (self.refusal.clone(), self.output.usage);
        self.event("message_delta", |w| {
            w.key("delta").object();
            write_stop(w, reason, &refusal);
            w.end_object();
            write_usage(w.key("usage"), &usage);
        });
        self.event("message_stop", |_| {});
        self.output.ended = true;
    }

    fn relay(&mut self, wire: Wire) -> Option<&mut dyn Relay> {
        if wire == Wire::Messages { Some(self) } else { None }
    }
}

impl Events for EventWriter {
    fn fail(&mut self, error: &ErrorBody) {
        if !self.output.ended {
            self.output.ended = true;
            error::write_event(error, &self.memo.id, &mut self.output.bytes);
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
