//! Writes to idle streams from the root context's ticks, because an idle stream has no callbacks.
//!
//! A filter can inject data only while it holds the response back; otherwise Envoy has no buffer for it. So
//! every chunk is held, and released by the same callback. After that the held buffer is empty and can be
//! written to. Only the first chunk cannot be released in its own callback, because Envoy starts holding when
//! the callback ends. A queue wakes the root context, which releases it, as soon as the worker has processed
//! the current event.
//!
//! Only the provider can end a stream cleanly: after the error event, the stream is reset.

use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use proxy_wasm::types::Action;

use crate::exchange::{Overdue, Silence};

use super::host;

/// The streams of a worker that may be written to.
#[derive(Default)]
pub(super) struct Streams {
    all: RefCell<Vec<Weak<UnderWay>>>,
    /// Streams whose first chunk waits to be released.
    begun: RefCell<Vec<Weak<UnderWay>>>,
    /// The queue that wakes the root context.
    queue: Cell<Option<u32>>,
}

/// A stream.
pub(super) struct UnderWay {
    /// The context of its attempt.
    context: u32,
    silence: RefCell<Silence>,
    /// Number of held bytes that wait to be released.
    unsent: Cell<usize>,
    /// Envoy holds the stream back, as it does after every chunk, but not after a tick has written to it.
    is_held: Cell<bool>,
    /// The final event was written. An immediate reset would discard it, so the reset waits for another tick.
    is_ended: Cell<bool>,
}

impl Streams {
    /// Registers the current root context for the queue. `name` is unique to this worker.
    pub(super) fn hear(&self, name: &str) {
        self.queue.set(host::join_queue(name));
    }

    /// Wakes the root context for another reason than a stream.
    pub(super) fn ring(&self) -> bool {
        self.queue.get().is_some_and(host::ring)
    }

    /// Starts watching a stream whose first `unsent` bytes are held; `None` if there is no queue.
    pub(super) fn begin(&self, context: u32, silence: Silence, unsent: usize) -> Option<Rc<UnderWay>> {
        let queue = self.queue.get()?;
        let mut begun = self.begun.borrow_mut();
        if begun.is_empty() && !host::ring(queue) {
            return None;
        }
        let stream = Rc::new(UnderWay {
            context,
            silence: RefCell::new(silence),
            unsent: Cell::new(unsent),
            is_held: Cell::new(true),
            is_ended: Cell::new(false),
        });
        begun.push(Rc::downgrade(&stream));
        self.all.borrow_mut().push(Rc::downgrade(&stream));
        Some(stream)
    }

    /// The queue has woken the root context: releases first chunks. `root` is the context to return to.
    pub(super) fn let_go(&self, root: u32) {
        if let Some(queue) = self.queue.get() {
            host::hush(queue);
        }
        for stream in self.begun.take().iter().filter_map(Weak::upgrade) {
            if stream.unsent.take() > 0 && host::act_for(stream.context) {
                host::resume_response();
                stream.is_held.set(false);
            }
        }
        host::act_for(root);
    }

    /// Writes what is due. `root` is the context to return to. Returns whether more is due immediately.
    pub(super) fn watch(&self, root: u32, now_ms: u64) -> bool {
        let mut all = self.all.borrow_mut();
        if all.is_empty() {
            return false;
        }
        all.retain(|stream| stream.upgrade().is_some_and(|stream| stream.watch(now_ms)));
        host::act_for(root);
        all.iter().filter_map(Weak::upgrade).any(|stream| stream.is_ended.get())
    }
}

impl UnderWay {
    /// Number of held bytes that are already translated.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.get()
    }

    /// Releases a chunk, in the callback that delivered it.
    pub(super) fn pass(&self, last: bool) -> Action {
        self.silence.borrow_mut().ended();
        self.unsent.set(0);
        if last && self.is_held.get() {
            return Action::Continue;
        }
        self.is_held.set(true);
        host::resume_response();
        Action::Pause
    }

    /// Returns whether the stream must still be watched.
    fn watch(&self, now_ms: u64) -> bool {
        if self.is_ended.get() {
            if host::act_for(self.context) {
                host::reset_response();
            }
            return false;
        }
        let overdue = self.silence.borrow_mut().tick(now_ms);
        let words = match &overdue {
            Overdue::Wait => return true,
            Overdue::Comment(comment) => comment,
            Overdue::End(event) => {
                self.is_ended.set(true);
                event.as_slice()
            }
        };
        if !host::act_for(self.context) {
            return false;
        }
        host::replace_response_body(0, words);
        self.is_held.set(false);
        host::resume_response();
        true
    }
}
