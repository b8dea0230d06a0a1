//! Writes a response from the facts of an answer: as one object, or as events that lead to the same object.
//!
//! One item is open at a time. A call whose arguments come while another call's are not complete waits for it.

use super::super::carrier;
use super::answer::{Head, State, ending};
use super::arguments::{self, is_complete};
use super::echo::Form;
use super::frames::{Frames, close_part, close_thought};
use super::item::{Body, Call, Item, Part};
use crate::facts::FinishReason;
use crate::json::{JsonStr, JsonString};
use crate::openai::Memo;

/// Writes one response.
pub(super) struct ResponseWriter {
    pub(super) head: Head,
    pub(super) frames: Frames,
    pub(super) begun: bool,
    /// Facts of another choice than the first are left out: a response has one.
    pub(super) is_other_choice: bool,
    /// In the order of `output_index`.
    pub(super) items: Vec<Item>,
    /// Whether the last item is open.
    pub(super) is_open: bool,
    pub(super) calls: Vec<Pending>,
    /// Gemini's signature of the text, which no item has yet.
    pub(super) text_signature: Option<JsonString>,
    pub(super) finish: Option<FinishReason>,
    /// Characters of the answer so far: the positions of citations.
    said: u64,
    /// The text of a compaction so far.
    summary: String,
    /// A provider's own response.
    pub(super) relayed: Option<Vec<u8>>,
    /// The client asked for nothing but a compaction.
    pub(super) is_bare_compaction: bool,
}

/// A call, and the item that has it.
pub(super) struct Pending {
    pub(super) call: Call,
    pub(super) signature: Option<JsonString>,
    pub(super) item: Option<usize>,
}

impl ResponseWriter {
    pub(super) fn new(memo: &Memo, is_live: bool, is_bare_compaction: bool) -> Self {
        Self {
            head: Head::new(memo),
            frames: Frames::new(is_live),
            begun: false,
            is_other_choice: false,
            items: Vec::new(),
            is_open: false,
            calls: Vec::new(),
            text_signature: None,
            finish: None,
            said: 0,
            summary: String::new(),
            relayed: None,
            is_bare_compaction,
        }
    }

    pub(super) fn is_void(&self) -> bool {
        self.frames.output.ended || self.is_other_choice
    }

    pub(super) fn start(&mut self) {
        if !core::mem::replace(&mut self.begun, true) {
            for kind in ["response.created", "response.in_progress"] {
                self.frames.event(kind, |w| self.head.write(w.key("response"), State::InProgress, &[], None));
            }
        }
    }

    /// Index of the last item.
    pub(super) fn last(&self) -> usize {
        self.items.len().saturating_sub(1)
    }

    /// The open item.
    pub(super) fn open(&mut self) -> Option<&mut Item> {
        if self.is_open { self.items.last_mut() } else { None }
    }

    /// Opens an item, after closing the one that was open.
    pub(super) fn begin_item(&mut self, prefix: &str, body: Body) {
        self.start();
        self.close("completed");
        let index = self.items.len();
        let begins_early = !matches!(&body, Body::Call(call) if !call.begins_early());
        let item =
            Item { id: self.head.item_id(prefix, index), status: "in_progress", body, is_commentary: false };
        if begins_early {
            self.frames.whole("response.output_item.added", &item, index, &self.head);
        }
        self.items.push(item);
        self.is_open = true;
    }

    /// Closes the open item.
    pub(super) fn close(&mut self, status: &'static str) {
        if !core::mem::replace(&mut self.is_open, false) {
            return;
        }
        let (index, frames, head) = (self.last(), &mut self.frames, &self.head);
        let Some(item) = self.items.last_mut() else { return };
        if let Body::Call(call) = &mut item.body
            && call.arguments.is_empty()
            && call.form == Form::Function
        {
            // OpenAI's call without arguments has an empty object.
            "{}".clone_into(&mut call.arguments);
            frames.of("response.function_call_arguments.delta", item, index, |w| {
                w.key("delta").string("{}");
            });
        }
        match &item.body {
            Body::Reasoning { text, .. } if !text.is_empty() => {
                close_thought(frames, head, item, index, text);
            }
            Body::Message(parts) => close_part(frames, item, index, parts),
            Body::Call(call) => match call.form {
                Form::Function => frames.of("response.function_call_arguments.done", item, index, |w| {
                    w.key("arguments").escaped(&call.arguments);
                }),
                Form::Custom => {
                    let input = arguments::input(&call.arguments);
                    if !input.is_empty() {
                        frames.of("response.custom_tool_call_input.delta", item, index, |w| {
                            w.key("delta").escaped(&input);
                        });
                    }
                    frames.of("response.custom_tool_call_input.done", item, index, |w| {
                        w.key("input").escaped(&input);
                    });
                }
                _ => frames.whole("response.output_item.added", item, index, head),
            },
            Body::Reasoning { .. } | Body::Search(_) | Body::Image(_) | Body::Compaction(_) => {}
        }
        item.status = status;
        frames.whole("response.output_item.done", item, index, head);
    }

    /// Whether an item may follow the open one: the arguments of a call must be complete.
    pub(super) fn may_leave(&mut self) -> bool {
        match self.open() {
            Some(Item { body: Body::Call(call), .. }) => is_complete(&call.arguments),
            _ => true,
        }
    }

    /// Adds to the text of a message, or to its refusal.
    pub(super) fn say(&mut self, text: JsonStr<'_>, is_refusal: bool) {
        if text.is_empty() || self.is_void() {
            return;
        }
        self.frames.output.produced.add(text.inner());
        if self.head.echo.compacts {
            self.start();
            self.summary.push_str(text.inner());
            return;
        }
        if !matches!(self.open(), Some(Item { body: Body::Message(_), .. })) {
            self.start_waiting();
            self.begin_item("msg", Body::Message(Vec::new()));
        }
        let (index, frames) = (self.last(), &mut self.frames);
        let Some(item) = self.items.last_mut() else { return };
        let Body::Message(parts) = &mut item.body else { return };
        if parts.last().is_none_or(|part| part.is_refusal != is_refusal) {
            let part = Part { is_refusal, start: self.said, ..Part::default() };
            let at = parts.len() as u64;
            if let Body::Message(parts) = &item.body {
                close_part(frames, item, index, parts);
            }
            frames.of("response.content_part.added", item, index, |w| {
                part.write(w.key("content_index").number(at).key("part"));
            });
            if let Body::Message(parts) = &mut item.body {
                parts.push(part);
            }
        }
        let Body::Message(parts) = &mut item.body else { return };
        let at = parts.len().saturating_sub(1) as u64;
        if let Some(part) = parts.last_mut() {
            part.text.push_str(text.inner());
        }
        if !is_refusal {
            self.said += text.chars();
        }
        let kind = if is_refusal { "response.refusal.delta" } else { "response.output_text.delta" };
        frames.of(kind, item, index, |w| {
            w.key("content_index").number(at).key("delta").raw(text.token());
            if !is_refusal {
                w.key("logprobs").array().end_array();
            }
        });
    }

    /// The state of the reasoning item that is open, or of a new one.
    pub(super) fn reasoning_state(&mut self) -> Option<&mut carrier::State> {
        if !matches!(self.open(), Some(Item { body: Body::Reasoning { .. }, .. })) {
            self.begin_item("rs", Body::Reasoning { text: String::new(), state: carrier::State::default() });
        }
        match self.open() {
            Some(Item { body: Body::Reasoning { state, .. }, .. }) => Some(state),
            _ => None,
        }
    }

    /// Opens a call's item. What a provider needs back with it goes into a reasoning item before it.
    pub(super) fn start_call(&mut self, at: usize) {
        let Some(pending) = self.calls.get_mut(at) else { return };
        let (call, signature) = (pending.call.clone(), pending.signature.take());
        if let Some(item @ Item { body: Body::Message(_), .. }) = self.open() {
            item.is_commentary = true;
        }
        if let Some(signature) = signature {
            let text_signature = self.text_signature.take();
            if let Some(state) = self.reasoning_state() {
                state.text_signature = text_signature;
                state.calls.push((call.id.clone(), signature));
            }
        }
        let (index, is_function) = (self.items.len(), call.form == Form::Function);
        let arguments = call.arguments.clone();
        let empty = Call { arguments: String::new(), ..call };
        self.begin_item(empty.prefix(), Body::Call(empty));
        if let Some(pending) = self.calls.get_mut(at) {
            pending.item = Some(index);
        }
        if !arguments.is_empty() {
            self.add_arguments(index, &arguments, is_function);
        }
    }

    pub(super) fn add_arguments(&mut self, index: usize, fragment: &str, is_function: bool) {
        let Some(item) = self.items.get_mut(index) else { return };
        let Body::Call(call) = &mut item.body else { return };
        call.arguments.push_str(fragment);
        if is_function {
            self.frames.of("response.function_call_arguments.delta", item, index, |w| {
                w.key("delta").escaped(fragment);
            });
        }
    }

    /// The first call that has no item yet.
    fn waiting(&self) -> Option<usize> {
        self.calls.iter().position(|pending| pending.item.is_none())
    }

    /// Opens items of calls, in their order, as long as the open one is complete.
    pub(super) fn start_ready(&mut self) {
        while let Some(at) = self.waiting().filter(|_| self.may_leave()) {
            self.start_call(at);
        }
    }

    /// Writes all calls that had to wait.
    pub(super) fn start_waiting(&mut self) {
        while let Some(at) = self.waiting() {
            self.start_call(at);
        }
    }

    pub(super) fn end(&mut self) -> State<'static> {
        let is_refused = self.items.iter().any(
            |item| matches!(&item.body, Body::Message(parts) if parts.iter().any(|part| part.is_refusal)),
        );
        let state = ending(self.finish, is_refused);
        if !core::mem::replace(&mut self.frames.output.ended, true) {
            self.start();
            self.start_waiting();
            if self.head.echo.compacts {
                let summary = core::mem::take(&mut self.summary);
                self.begin_item("cmp", Body::Compaction(summary));
            }
            self.close(if matches!(state, State::Incomplete { .. }) { "incomplete" } else { "completed" });
            if let Some(signature) = self.text_signature.take()
                && let Some(state) = self.reasoning_state()
            {
                state.text_signature = Some(signature);
                self.close("completed");
            }
        }
        state
    }
}
