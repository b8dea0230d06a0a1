//! The events of a stream.

use core::cell::Cell;
use std::rc::Rc;

use super::answer::{Head, write_frame};
use super::item::{Item, Part, write_thought};
use crate::inbound::Output;
use crate::json::Writer;

/// The events, where the client wants a stream.
pub(super) struct Frames {
    is_live: bool,
    pub(super) output: Output,
    pub(super) count: Rc<Cell<u64>>,
}

impl Frames {
    pub(super) fn new(is_live: bool) -> Self {
        Self { is_live, output: Output::default(), count: Rc::default() }
    }

    pub(super) fn event(&mut self, kind: &str, write: impl FnOnce(&mut Writer<'_>)) {
        if self.is_live {
            let number = self.count.get();
            self.count.set(number + 1);
            write_frame(&mut self.output.bytes, kind, number, write);
        }
    }

    /// An event of a provider with the same API.
    pub(super) fn relay(&mut self, kind: &str, data: &[&[u8]]) {
        if !self.is_live || self.output.ended {
            return;
        }
        self.count.set(self.count.get().saturating_add(1));
        self.output.named_event(kind, data);
    }

    /// An event about an item.
    pub(super) fn of(&mut self, kind: &str, item: &Item, index: usize, write: impl FnOnce(&mut Writer<'_>)) {
        self.event(kind, |w| {
            w.key("item_id").string(&item.id).key("output_index").number(index as u64);
            write(w);
        });
    }

    /// An event with a whole item.
    pub(super) fn whole(&mut self, kind: &str, item: &Item, index: usize, head: &Head) {
        self.event(kind, |w| {
            w.key("output_index").number(index as u64);
            item.write(w.key("item"), &head.echo);
        });
    }
}

/// Ends the text of a reasoning item.
pub(super) fn close_thought(frames: &mut Frames, head: &Head, item: &Item, index: usize, text: &str) {
    if head.echo.summary {
        frames.of("response.reasoning_summary_text.done", item, index, |w| {
            w.key("summary_index").number(0).key("text").escaped(text);
        });
        frames.of("response.reasoning_summary_part.done", item, index, |w| {
            write_thought(w.key("summary_index").number(0).key("part"), "summary_text", text);
        });
    } else {
        frames.of("response.reasoning_text.done", item, index, |w| {
            w.key("content_index").number(0).key("text").escaped(text);
        });
        frames.of("response.content_part.done", item, index, |w| {
            write_thought(w.key("content_index").number(0).key("part"), "reasoning_text", text);
        });
    }
}

/// Ends the last part of a message.
pub(super) fn close_part(frames: &mut Frames, item: &Item, index: usize, parts: &[Part]) {
    let Some(part) = parts.last() else { return };
    let at = parts.len().saturating_sub(1) as u64;
    if part.is_refusal {
        frames.of("response.refusal.done", item, index, |w| {
            w.key("content_index").number(at).key("refusal").escaped(&part.text);
        });
    } else {
        frames.of("response.output_text.done", item, index, |w| {
            w.key("content_index").number(at).key("text").escaped(&part.text);
            w.key("logprobs").array().end_array();
        });
    }
    frames.of("response.content_part.done", item, index, |w| {
        part.write(w.key("content_index").number(at).key("part"));
    });
}
