//! The client's body between admission and the first attempt, which then does not have to fetch and parse it
//! again.
//!
//! It is kept only for that moment, because the VM's memory never shrinks. Later attempts read the body from
//! Envoy.

use core::fmt;

use crate::json::{Edits, Span};
use crate::openai::{Operation, Request};

/// The largest body that stays in the VM while its request waits for capacity, bytes.
const WAITS: usize = 16 * 1024;

/// A parsed body and the positions of its members.
pub struct AdmittedBody {
    text: String,
    members: Vec<Span>,
    is_summary: bool,
}

impl AdmittedBody {
    /// Keeps a body whose members were parsed from `text`.
    pub(super) fn new(text: String, members: Vec<Span>, is_summary: bool) -> Self {
        Self { text, members, is_summary }
    }

    /// Whether it has only the length of the request ([`Language::summary`](crate::inbound::Language::summary)).
    pub(super) fn is_summary(&self) -> bool {
        self.is_summary
    }

    /// The request in it. `None` if the members do not belong to this text, which would be a bug.
    pub fn request(&self, operation: Operation) -> Option<Request<'_>> {
        Request::again(operation, &self.text, &self.members)
    }

    /// The body.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The body as a `String`.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The body with edits applied in place.
    pub(super) fn edited(self, edits: Edits) -> Vec<u8> {
        edits.apply(self.text.into_bytes())
    }

    /// Whether it may stay in memory while its request waits.
    pub(super) fn may_wait(&self) -> bool {
        self.text.len() <= WAITS
    }
}

impl fmt::Debug for AdmittedBody {
    /// Hides the contents, which are a person's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdmittedBody({} bytes)", self.text.len())
    }
}
