//! Streams that may become idle, and what is due for them.
//!
//! An idle stream has no callbacks, so ticks write to it. A host that holds streams can write to one only while it holds the
//! response back; otherwise Envoy has no buffer for it. So every chunk is held, and released by the same callback. After
//! that the held buffer is empty and can be written to. Only the first chunk cannot be released in its own callback, because
//! Envoy starts holding when the callback ends. The root releases it as soon as the worker has processed the current event.
//!
//! Only the provider can end a stream cleanly: after the error event, the stream is reset.

use core::cell::{Cell, RefCell};
use std::borrow::Cow;
use std::rc::{Rc, Weak};

use crate::exchange::{Overdue, Silence};

/// The streams of a worker that may be written to.
#[derive(Debug, Default)]
pub struct Streams {
    all: RefCell<Vec<Weak<Streamed>>>,
    /// Streams whose first chunk waits to be released.
    begun: RefCell<Vec<Weak<Streamed>>>,
}

/// A response that is being streamed.
#[derive(Debug)]
pub struct Streamed {
    /// The context of its attempt.
    context: u32,
    silence: RefCell<Silence>,
    held: Cell<Held>,
    end: Cell<End>,
}

/// What Envoy holds of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// Nothing, ever: this host can write to a stream at any time.
    Never,
    /// The first chunk, of that many bytes. It is already translated.
    First(usize),
    /// What comes next, as after every chunk.
    Next,
    /// Nothing until the next chunk: a tick has written to the stream or released it.
    Nothing,
}

/// Whether the worker has ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// No.
    Open,
    /// The final event was written. An immediate reset would discard it, so the reset waits for another tick.
    Written,
    /// It was reset.
    Reset,
}

/// What is due for an idle stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// Write this to the response.
    Write(Cow<'static, [u8]>),
    /// Reset it.
    Reset,
}

/// What to do with a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Pass it on.
    Pass,
    /// Hold it, and resume the response in the same callback.
    Release,
}

impl Streams {
    /// Starts watching a stream. `held` is the number of its first bytes that Envoy holds, on a host that holds streams.
    /// `wake_root` has the root called to release them; without that, nothing is watched.
    pub fn begin(
        &self,
        context: u32,
        silence: Silence,
        held: Option<usize>,
        wake_root: impl FnOnce() -> bool,
    ) -> Option<Rc<Streamed>> {
        let mut begun = self.begun.borrow_mut();
        if held.is_some() && begun.is_empty() && !wake_root() {
            return None;
        }
        let stream = Rc::new(Streamed {
            context,
            silence: RefCell::new(silence),
            held: Cell::new(held.map_or(Held::Never, Held::First)),
            end: Cell::new(End::Open),
        });
        if held.is_some() {
            begun.push(Rc::downgrade(&stream));
        }
        self.all.borrow_mut().push(Rc::downgrade(&stream));
        Some(stream)
    }

    /// The contexts whose first chunk is to be released now.
    pub fn let_go(&self, mut release: impl FnMut(u32)) {
        for stream in self.begun.take().iter().filter_map(Weak::upgrade) {
            if matches!(stream.held.get(), Held::First(1..)) {
                stream.held.set(Held::Nothing);
                release(stream.context);
            }
        }
    }

    /// What is due, by context. Returns whether more is due immediately.
    pub fn watch(&self, now_ms: u64, mut due: impl FnMut(u32, Due)) -> bool {
        let (mut all, mut soon) = (self.all.borrow_mut(), false);
        all.retain(|stream| {
            let Some(stream) = stream.upgrade() else { return false };
            if let Some(what) = stream.tick(now_ms) {
                due(stream.context, what);
            }
            soon |= stream.end.get() == End::Written;
            stream.end.get() != End::Reset
        });
        soon
    }
}

impl Streamed {
    /// The event for a client whose provider has reset the connection.
    pub fn broken(&self) -> Vec<u8> {
        self.silence.borrow().broken()
    }

    /// Number of held bytes that are already translated.
    pub fn unsent(&self) -> usize {
        match self.held.get() {
            Held::First(bytes) => bytes,
            Held::Never | Held::Next | Held::Nothing => 0,
        }
    }

    /// A chunk is there; `last` says that no other follows.
    pub fn pass(&self, last: bool) -> Chunk {
        self.silence.borrow_mut().ended();
        match self.held.get() {
            Held::Never => Chunk::Pass,
            before => {
                self.held.set(Held::Next);
                if last && before != Held::Nothing { Chunk::Pass } else { Chunk::Release }
            }
        }
    }

    /// Time has passed. `now_ms` is a monotonic clock.
    pub fn tick(&self, now_ms: u64) -> Option<Due> {
        match self.end.get() {
            End::Open => {}
            End::Written => {
                self.end.set(End::Reset);
                return Some(Due::Reset);
            }
            End::Reset => return None,
        }
        let words = match self.silence.borrow_mut().tick(now_ms) {
            Overdue::Wait => return None,
            Overdue::Comment(comment) => Cow::Borrowed(comment),
            Overdue::End(event) => {
                self.end.set(End::Written);
                Cow::Owned(event)
            }
        };
        if self.held.get() != Held::Never {
            self.held.set(Held::Nothing);
        }
        Some(Due::Write(words))
    }
}
