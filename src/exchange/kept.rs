//! A client's body on its way from admission to the first attempt, which need neither fetch nor read it again.
//!
//! It is there for that moment alone: the VM's memory never shrinks, and Envoy has the body for the attempts that follow.

use core::fmt;

use crate::json::{Edits, Span};
use crate::openai::{Operation, Request};

/// The largest body that stays in the VM while its request waits for room, bytes.
const WAITS: usize = 16 * 1024;

/// A body that was read, and where its members lie.
pub struct Kept {
    text: String,
    members: Vec<Span>,
}

impl Kept {
    /// Keeps a body whose members were read from `text`.
    pub(super) fn new(text: String, members: Vec<Span>) -> Self {
        Self { text, members }
    }

    /// The request in it. Nothing if the members are not of this text, which would be a fault of ours.
    pub fn request(&self, operation: Operation) -> Option<Request<'_>> {
        Request::again(operation, &self.text, &self.members)
    }

    /// The body.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The body alone.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The body, edited where it is.
    pub(super) fn edited(self, edits: Edits) -> Vec<u8> {
        edits.apply(self.text.into_bytes())
    }

    /// Whether it may stay while its request waits.
    pub(super) fn may_wait(&self) -> bool {
        self.text.len() <= WAITS
    }
}

impl fmt::Debug for Kept {
    /// Silent: it is a person's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({} bytes)", self.text.len())
    }
}
