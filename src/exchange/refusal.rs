//! Requests with a known key that are rejected before any provider is called. They are in the spend log, too.
//!
//! Requests with an unknown key are not logged, because callers without a key must not be able to fill the
//! database.

use std::borrow::Cow;
use std::rc::Rc;

use crate::key::{Detail, TokenHash, UsageEntry, UsageError, clipped};
use crate::openai::{ErrorBody, Operation, Request};

use super::Reply;
use super::origin::Origin;

/// Maximum length of a stored model name, bytes; clients can send any.
const LONGEST_MODEL: usize = 256;

/// A request that was rejected after its key was found.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) token: Option<TokenHash>,
    pub(super) operation: Operation,
    pub(super) call_id: Rc<str>,
    pub(super) origin: Origin,
    /// The requested model, as far as it was read.
    pub(super) model: String,
}

impl Refusal {
    /// The usage entry of a request that was answered with `reply`.
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
            detail: self.origin.detail("", reply.error.as_deref().map(ErrorBody::told).as_ref()),
            ..UsageEntry::default()
        }
    }

    /// The model named in a rejected body.
    #[cold]
    pub(super) fn model_in(operation: Operation, body: &[u8]) -> String {
        let request = Request::parse(operation, body).ok();
        request.and_then(|request| Some(request.model().ok()??.0.into_owned())).unwrap_or_default()
    }
}

impl Origin {
    /// Details for the spend log.
    pub(super) fn detail<'a>(&'a self, answer_id: &'a str, error: Option<&UsageError<'a>>) -> Detail<'a> {
        Detail {
            answer_id: Cow::Borrowed(answer_id),
            end_user: Cow::Borrowed(&self.end_user),
            tags: Cow::Borrowed(&self.tags),
            requester_ip: Cow::Borrowed(&self.ip),
            error: error.cloned(),
            ..Detail::default()
        }
    }
}
