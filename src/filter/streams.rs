//! Writes to idle streams from ticks, because an idle stream has no callbacks.
//!
//! A wasm filter can inject data only while it holds the response back; otherwise Envoy has no buffer for it
//! ([`Host::HOLDS_STREAMS`]). So every chunk is held, and released by the same callback. After that the held buffer is
//! empty and can be written to. Only the first chunk cannot be released in its own callback, because Envoy starts
//! holding when the callback ends. The root releases it, as soon as the worker has processed the current event.
//!
//! Only the provider can end a stream cleanly: after the error event, the stream is reset.

use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use hashbrown::HashMap;

use crate::exchange::{Overdue, Silence};

use super::host::{Action, Host};

/// The streams of a worker that may be written to.
#[derive(Default)]
pub(super) struct Streams {
    all: RefCell<Vec<Weak<UnderWay>>>,
    /// The streams of requests, by number, if the host tells of those that break.
    of_requests: RefCell<HashMap<u64, Rc<UnderWay>>>,
    /// Streams whose first chunk waits to be released.
    begun: RefCell<Vec<Weak<UnderWay>>>,
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
    /// Starts watching a stream whose first `unsent` bytes are held, if this host holds streams; `None` if the root
    /// cannot be woken to release them.
    pub(super) fn begin<H: Host>(
        &self,
        (context, request): (u32, u64),
        silence: Silence,
        unsent: usize,
    ) -> Option<Rc<UnderWay>> {
        let mut begun = self.begun.borrow_mut();
        if H::HOLDS_STREAMS && begun.is_empty() && !H::ring() {
            return None;
        }
        let stream = Rc::new(UnderWay {
            context,
            silence: RefCell::new(silence),
            unsent: Cell::new(if H::HOLDS_STREAMS { unsent } else { 0 }),
            is_held: Cell::new(true),
            is_ended: Cell::new(false),
        });
        if H::HOLDS_STREAMS {
            begun.push(Rc::downgrade(&stream));
        }
        if H::TELLS_BREAKS {
            self.of_requests.borrow_mut().insert(request, Rc::clone(&stream));
        }
        self.all.borrow_mut().push(Rc::downgrade(&stream));
        Some(stream)
    }

    /// The stream of a request, if the host tells of those that break.
    pub(super) fn of_request<H: Host>(&self, request: u64) -> Option<Rc<UnderWay>> {
        if H::TELLS_BREAKS { self.of_requests.borrow().get(&request).cloned() } else { None }
    }

    /// The stream of a request is complete, or the request has ended. Returns the stream, if it was not complete.
    pub(super) fn end<H: Host>(&self, request: u64) -> Option<Rc<UnderWay>> {
        if H::TELLS_BREAKS { self.of_requests.borrow_mut().remove(&request) } else { None }
    }

    /// The root was woken: releases first chunks. `root` is the context to return to.
    pub(super) fn let_go<H: Host>(&self, root: u32) {
        for stream in self.begun.take().iter().filter_map(Weak::upgrade) {
            if stream.unsent.take() > 0 && H::act_for(stream.context) {
                H::resume_response();
                stream.is_held.set(false);
            }
        }
        H::act_for(root);
    }

    /// Writes what is due. `root` is the context to return to. Returns whether more is due immediately.
    pub(super) fn watch<H: Host>(&self, root: u32, now_ms: u64) -> bool {
        let mut all = self.all.borrow_mut();
        if all.is_empty() {
            return false;
        }
        all.retain(|stream| stream.upgrade().is_some_and(|stream| stream.watch::<H>(now_ms)));
        H::act_for(root);
        all.iter().filter_map(Weak::upgrade).any(|stream| stream.is_ended.get())
    }
}

impl UnderWay {
    /// The event for a client whose provider has reset the connection.
    pub(super) fn broken(&self) -> Vec<u8> {
        self.silence.borrow().broken()
    }

    /// Number of held bytes that are already translated.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.get()
    }

    /// Releases a chunk, in the callback that delivered it.
    pub(super) fn pass<H: Host>(&self, last: bool) -> Action {
        self.silence.borrow_mut().ended();
        if !H::HOLDS_STREAMS {
            return Action::Continue;
        }
        self.unsent.set(0);
        if last && self.is_held.get() {
            return Action::Continue;
        }
        self.is_held.set(true);
        H::resume_response();
        Action::Pause
    }

    /// Makes its attempt current, where a root watches it. Otherwise its request does, and is current.
    fn is_current<H: Host>(&self) -> bool {
        !H::HOLDS_STREAMS || H::act_for(self.context)
    }

    /// Returns whether the stream must still be watched.
    pub(super) fn watch<H: Host>(&self, now_ms: u64) -> bool {
        if self.is_ended.get() {
            if self.is_current::<H>() {
                H::reset_response();
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
        if !self.is_current::<H>() {
            return false;
        }
        H::write_response(words);
        self.is_held.set(false);
        true
    }
}
