//! Estimates prompt tokens on demand: for limits at admission, for a stream that ends before it reports
//! usage, and for embeddings whose provider reports none. The body may be gone by then, so a copy or a count
//! is kept.

use core::cell::{OnceCell, RefCell};
use core::fmt;

use crate::openai::{Operation, Request};

/// The largest body that is copied, bytes. Copying is cheaper than counting, and the copy is rarely needed.
/// Larger bodies are counted immediately, which costs little compared to the rest of their processing.
const COPIED: usize = 4_096;

/// The length of a prompt, computed on demand.
#[derive(Default)]
pub struct Prompt {
    tokens: OnceCell<u64>,
    body: RefCell<Option<Box<[u8]>>>,
}

impl Prompt {
    /// The number of tokens: counted before, or by `now`, or from the copy.
    pub(super) fn tokens(&self, operation: Operation, now: impl FnOnce() -> Option<u64>) -> u64 {
        let copied = || Some(Request::parse(operation, self.body.borrow().as_deref()?).ok()?.prompt_tokens());
        *self.tokens.get_or_init(|| now().or_else(copied).unwrap_or_default())
    }

    /// Records what may be needed later, before the body is dropped.
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

    /// Drops the copy: the provider has reported the usage.
    pub(super) fn forget(&self) {
        self.body.take();
    }
}

impl fmt::Debug for Prompt {
    /// Hides the contents, which are a person's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({:?})", self.tokens.get())
    }
}
