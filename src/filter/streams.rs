//! Streams on their way to their clients, and what is said in them when nothing comes: by the root context's ticks, for
//! no callback comes either.
//!
//! A filter can say something by itself only while it holds the answer back: Envoy gives it no buffer otherwise. So
//! every chunk is held, and let go by the same callback; what is held then is nothing, and may become something. Only
//! the first chunk cannot go in its own callback, as Envoy begins to hold when that is over: a queue, whose bell rings
//! as soon as the worker has done what it does, lets it go.
//!
//! Nobody but its provider can give a stream a good end: after the event the connection breaks.

use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use proxy_wasm::types::Action;

use crate::exchange::{Overdue, Silence};

use super::host;

/// The streams of a worker that may have something said in them.
#[derive(Default)]
pub(super) struct Streams {
    all: RefCell<Vec<Weak<UnderWay>>>,
    /// Those whose first chunk waits for the bell.
    begun: RefCell<Vec<Weak<UnderWay>>>,
    /// The queue with the bell.
    queue: Cell<Option<u32>>,
}

/// One stream.
pub(super) struct UnderWay {
    /// The context of its attempt.
    context: u32,
    silence: RefCell<Silence>,
    /// Bytes that wait for the bell.
    unsent: Cell<usize>,
    /// Envoy holds it back, as after every chunk. It does not after something was said by a tick.
    is_held: Cell<bool>,
    /// Its end was told. What breaks at once takes the last words with it, so that has to wait for another tick.
    is_ended: Cell<bool>,
}

impl Streams {
    /// Makes the root context whose callback this is the one that hears the bell. No other worker has that `name`.
    pub(super) fn hear(&self, name: &str) {
        self.queue.set(host::join_queue(name));
    }

    /// Rings the bell for another reason than a stream: the root context looks what there is to do.
    pub(super) fn ring(&self) -> bool {
        self.queue.get().is_some_and(host::ring)
    }

    /// Begins to watch over a stream whose first `unsent` bytes are held; nothing where there is no bell.
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

    /// The bell has rung. `root` is the context to return to.
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

    /// Says what is due. `root` is the context to return to. Returns whether more is due at once.
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
    /// Bytes at the beginning of what is held that are the client's already.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.get()
    }

    /// Lets a chunk go, in the callback that brought it.
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

    /// Returns whether there is more to be watched.
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
