//! The estimate of a prompt that nobody counted, made only for those who need it: limits at admission, a stream that dies
//! before it is counted, vectors whose provider counts nothing. By then the body is gone, so something of it is kept.

use core::cell::{OnceCell, RefCell};
use core::fmt;

use crate::openai::{Operation, Request};

/// The largest body of which a copy is kept, bytes: to copy it is cheaper than to count it, and hardly any copy is needed.
/// A larger one is counted at once, which is little beside what else is done with it.
const COPIED: usize = 4_096;

/// How long a prompt is, as soon as somebody asks.
#[derive(Default)]
pub struct Prompt {
    tokens: OnceCell<u64>,
    body: RefCell<Option<Box<[u8]>>>,
}

impl Prompt {
    /// The number of tokens: as counted before, or in the request that `now` counts, or in the copy.
    pub(super) fn tokens(&self, operation: Operation, now: impl FnOnce() -> Option<u64>) -> u64 {
        let copied = || Some(Request::parse(operation, self.body.borrow().as_deref()?).ok()?.prompt_tokens());
        *self.tokens.get_or_init(|| now().or_else(copied).unwrap_or_default())
    }

    /// The body goes: notes what may be asked for later.
    pub(super) fn note(&self, request: &Request<'_>) {
        if self.tokens.get().is_some() {
            return;
        }
        if request.body.len() <= COPIED {
            self.body.replace(Some(request.body.into()));
        } else {
            self.tokens.get_or_init(|| request.prompt_tokens());
        }
    }

    /// The provider has counted: nobody will ask.
    pub(super) fn forget(&self) {
        self.body.take();
    }
}

impl fmt::Debug for Prompt {
    /// Silent: it is a person's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({:?})", self.tokens.get())
    }
}
