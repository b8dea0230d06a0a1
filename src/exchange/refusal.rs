//! Requests of a known key that are refused before any provider is asked: they are in the spend log too.
//!
//! A request whose key is not known is in no log: whoever has no key must not be able to fill a database.

use std::borrow::Cow;
use std::rc::Rc;

use crate::key::{Detail, TokenHash, UsageEntry, UsageError, clipped};
use crate::openai::{Operation, Request};

use super::Reply;
use super::origin::Origin;

/// Longest model name that is kept, bytes: it is the client's to choose.
const LONGEST_MODEL: usize = 256;

/// A request that was refused after its key was found.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) token: Option<TokenHash>,
    pub(super) operation: Operation,
    pub(super) call_id: Rc<str>,
    pub(super) origin: Origin,
    /// What it asked for, as far as it was read.
    pub(super) model: String,
}

impl Refusal {
    /// The account of a request that was answered with that.
    pub(super) fn entry(&self, reply: &Reply, started_ms: u64, now_ms: u64) -> UsageEntry<'_> {
        UsageEntry {
            call_id: Cow::Borrowed(&self.call_id),
            token: self.token,
            mode: Cow::Borrowed(self.operation.mode()),
            model_group: Cow::Borrowed(clipped(&self.model, LONGEST_MODEL)),
            requests: 1,
            status: reply.status,
            started_ms,
            duration_ms: now_ms.saturating_sub(started_ms),
            detail: self.origin.detail("", reply.error.as_deref()),
            ..UsageEntry::default()
        }
    }

    /// The model that a refused body names.
    #[cold]
    pub(super) fn model_in(operation: Operation, body: &[u8]) -> String {
        let request = Request::parse(operation, body).ok();
        request.and_then(|request| Some(request.model().ok()??.0.into_owned())).unwrap_or_default()
    }
}

impl Origin {
    /// As the spend log has it.
    pub(super) fn detail<'a>(&'a self, answer_id: &'a str, error: Option<&UsageError<'a>>) -> Detail<'a> {
        Detail {
            answer_id: Cow::Borrowed(answer_id),
            end_user: Cow::Borrowed(&self.end_user),
            tags: Cow::Borrowed(&self.tags),
            requester_ip: Cow::Borrowed(&self.ip),
            error: error.cloned(),
        }
    }
}
