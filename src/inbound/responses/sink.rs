//! The facts of an answer, as a response's items.

use core::cell::Cell;
use std::rc::Rc;

use super::answer::State;
use super::echo::Form;
use super::item::{self, Body, Call, Item, write_citation, write_logprobs, write_thought};
use super::writer::{Pending, ResponseWriter};
use crate::facts::{Citation, FinishReason, Logprob, Relay, Search, Sink, Thinking, Usage, Wire};
use crate::inbound::{Events, Output, Whole};
use crate::json::{JsonStr, JsonString, Writer};
use crate::openai::{Answer, ErrorBody, signature_of};

impl Sink for ResponseWriter {
    fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>) {
        if !self.begun {
            self.head.begin(id, created);
        }
    }

    fn choice(&mut self, index: usize) {
        self.is_other_choice = index > 0;
    }

    fn text(&mut self, text: JsonStr<'_>) {
        self.say(text, false);
    }

    fn reasoning(&mut self, text: JsonStr<'_>) {
        if text.is_empty() || self.is_void() {
            return;
        }
        self.frames.output.produced.add(text.inner());
        if self.head.echo.compacts {
            return;
        }
        if !matches!(self.open(), Some(Item { body: Body::Reasoning { .. }, .. })) {
            self.start_waiting();
        }
        if self.reasoning_state().is_none() {
            return;
        }
        let (index, is_summary, frames) = (self.last(), self.head.echo.summary, &mut self.frames);
        let Some(item) = self.items.last_mut() else { return };
        let Body::Reasoning { text: so_far, .. } = &mut item.body else { return };
        let is_first = so_far.is_empty();
        so_far.push_str(text.inner());
        let (added, delta, place, kind) = if is_summary {
            ("reasoning_summary_part.added", "reasoning_summary_text.delta", "summary_index", "summary_text")
        } else {
            ("content_part.added", "reasoning_text.delta", "content_index", "reasoning_text")
        };
        if is_first {
            frames.of(&["response.", added].concat(), item, index, |w| {
                write_thought(w.key(place).number(0).key("part"), kind, "");
            });
        }
        frames.of(&["response.", delta].concat(), item, index, |w| {
            w.key(place).number(0).key("delta").raw(text.token());
        });
    }

    fn thinking(&mut self, block: Thinking<'_>) {
        if self.is_void() || self.head.echo.compacts {
            return;
        }
        if matches!(block, Thinking::Redacted { .. }) {
            self.close("completed");
        }
        if let Some(state) = self.reasoning_state() {
            state.push(block);
        }
        self.close("completed");
    }

    fn thought_signature(&mut self, signature: JsonStr<'_>) {
        if !self.is_void() && !self.head.echo.compacts && !signature.is_empty() {
            self.text_signature = Some(JsonString::of(signature));
        }
    }

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        // Nobody runs a call of a model that should have written a summary.
        if self.is_void() || self.head.echo.compacts {
            return u32::MAX;
        }
        let at = self.calls.len();
        self.frames.output.produced.add(name);
        let form = self.head.echo.tool(name).map_or(Form::Function, |named| named.form);
        let in_id = signature_of(Some(id), None).map(|signature| JsonString::new(&signature));
        let signature = signature.filter(|signature| !signature.is_empty()).map(JsonString::of).or(in_id);
        let call =
            Call { id: self.head.call_id(id, at), sent: name.to_owned(), form, arguments: String::new() };
        self.calls.push(Pending { call, signature, item: None });
        self.start_ready();
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        let at = index as usize;
        if fragment.is_empty() || self.is_void() {
            return;
        }
        self.frames.output.produced.add(fragment.inner());
        let last = self.last();
        let Some(pending) = self.calls.get_mut(at) else { return };
        let (item, is_function) = (pending.item, pending.call.form == Form::Function);
        match item {
            Some(item) if self.is_open && item == last => {
                self.add_arguments(item, fragment.inner(), is_function);
            }
            Some(_) => {}
            None => {
                pending.call.arguments.push_str(fragment.inner());
                self.start_ready();
            }
        }
    }

    fn citation(&mut self, citation: Citation<'_>) {
        if self.is_void() || !self.is_open {
            return;
        }
        let (index, frames) = (self.last(), &mut self.frames);
        let Some(item) = self.items.last_mut() else { return };
        let Body::Message(parts) = &mut item.body else { return };
        let at = parts.len().saturating_sub(1) as u64;
        let Some(part) = parts.last_mut().filter(|part| !part.is_refusal) else { return };
        // A part's positions begin at its own text.
        let [start, end] = [citation.start, citation.end].map(|at| at.saturating_sub(part.start));
        let citation = Citation { start, end, ..citation };
        let number = part.annotation_count;
        part.annotation_count += 1;
        write_citation(&mut Writer::new(&mut part.annotations), &citation);
        frames.of("response.output_text.annotation.added", item, index, |w| {
            w.key("content_index").number(at).key("annotation_index").number(number);
            write_citation(w.key("annotation"), &citation);
        });
    }

    fn searched(&mut self, search: Search<'_>) {
        if self.is_void() || self.head.echo.compacts {
            return;
        }
        self.start_waiting();
        self.begin_item("ws", Body::Search(item::Search::new(&search)));
        let (index, frames) = (self.last(), &mut self.frames);
        if let Some(item) = self.items.last() {
            let end = (!search.failed).then_some("completed");
            for state in ["in_progress", "searching"].into_iter().chain(end) {
                frames.of(&["response.web_search_call.", state].concat(), item, index, |_| {});
            }
        }
        self.close(if search.failed { "failed" } else { "completed" });
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        self.say(text, true);
    }

    fn image(&mut self, _: &str, data: &str) {
        if !self.is_void() && !self.head.echo.compacts {
            self.start_waiting();
            self.begin_item("ig", Body::Image(data.to_owned()));
            self.close("completed");
        }
    }

    fn logprobs(&mut self, tokens: &[Logprob<'_>]) {
        if self.is_void() {
            return;
        }
        if let Some(Item { body: Body::Message(parts), .. }) = self.open()
            && let Some(part) = parts.last_mut()
        {
            write_logprobs(&mut Writer::new(&mut part.logprobs), tokens);
        }
    }

    fn finish(&mut self, reason: FinishReason) {
        if !self.is_void() {
            self.finish = self.finish.or(Some(reason));
        }
    }

    fn usage(&mut self, usage: Usage) {
        self.frames.output.usage = usage;
    }

    fn done(&mut self) {
        if self.frames.output.ended {
            return;
        }
        let state = self.end();
        let kind = match state {
            State::Incomplete { .. } => "response.incomplete",
            _ => "response.completed",
        };
        let usage = self.frames.output.usage;
        self.frames.event(kind, |w| self.head.write(w.key("response"), state, &self.items, Some(&usage)));
    }

    fn relay(&mut self, wire: Wire) -> Option<&mut dyn Relay> {
        if wire == Wire::Responses { Some(self) } else { None }
    }
}

impl Whole for ResponseWriter {
    fn answer(mut self: Box<Self>) -> Answer {
        if let Some(body) = self.relayed.take() {
            return Answer { body, usage: self.frames.output.usage, id: self.head.id.into() };
        }
        let state = self.end();
        let mut body = Vec::with_capacity(self.head.echo.members.len() + 2048);
        let (mut w, usage) = (Writer::new(&mut body), &self.frames.output.usage);
        if self.is_bare_compaction {
            self.head.write_compaction(&mut w, &self.items, usage);
        } else {
            self.head.write(&mut w, state, &self.items, Some(usage));
        }
        Answer { body, usage: self.frames.output.usage, id: self.head.id.into() }
    }
}

impl Events for ResponseWriter {
    fn fail(&mut self, error: &ErrorBody) {
        if self.frames.output.ended {
            return;
        }
        self.frames.output.ended = true;
        self.start();
        if let Some(item) = self.open() {
            item.status = "incomplete";
        }
        let usage = Some(self.frames.output.usage).filter(|usage| !usage.is_empty());
        let state = State::Failed(error);
        self.frames.event("response.failed", |w| {
            self.head.write(w.key("response"), state, &self.items, usage.as_ref());
        });
    }

    fn id(&self) -> &str {
        if self.begun { &self.head.id } else { "" }
    }

    fn count(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.frames.count)
    }

    fn output(&self) -> &Output {
        &self.frames.output
    }

    fn output_mut(&mut self) -> &mut Output {
        &mut self.frames.output
    }
}
