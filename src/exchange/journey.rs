//! Where a request is among the groups that may serve it, and the step that was decided on last.
//!
//! ```text
//!            ┌────────────────── Again ◄──┐
//!            ▼                            │
//!   Ready ─► Waiting ─► Served            │
//!     ▲      │   └────► an error ─────────┼─► Failed
//!     │      ▼                            ▼
//!     └───── nobody ──────────────────► Onward
//! ```

use crate::facts::Class;
use crate::openai::ErrorBody;

use super::retry_after::RetryAfter;

/// The position of a request, and its next step.
#[derive(Debug)]
pub struct Journey {
    /// The group that serves it now.
    pub(super) group: usize,
    /// What that group's `*` matched.
    wildcard: Option<String>,
    /// The groups tried so far, the current one last.
    pub(super) tried: Vec<usize>,
    /// The groups that led to this one, each with the class of the error that ended it.
    pub(super) trail: Vec<(usize, Option<Class>)>,
    /// Attempts in this group.
    pub(super) made: u32,
    /// Envoy routes it to nobody when its group has failed.
    pub(super) goes_on: bool,
    step: Step,
}

/// What happens next.
#[derive(Debug)]
enum Step {
    /// Its first attempt in this group. `before` is the error that ended the previous group.
    Ready { before: Option<Failed> },
    /// The attempt's response. `absent` is the error of a deployment without a credential, which gets no request.
    Waiting { absent: Option<Failed> },
    /// The response goes to the client.
    Served,
    /// The error goes to the client.
    Failed(Failed),
    /// Another attempt in this group; after the last one, this group, if it was decided on already.
    Again(Failed, Option<Hop>),
    /// A redirect to this group.
    Onward(Option<Failed>, Hop),
}

/// What happens after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Retry in this group; after the last retry, nobody.
    Again,
    /// Fall back to another group immediately.
    Elsewhere,
    /// Return the error to the client.
    End,
}

/// A way from one group to another.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) group: usize,
    /// What its `*` matches.
    pub(super) wildcard: Option<String>,
    /// Whose fallback list it is in: an index in [`Journey::trail`], or its length for the group that has just
    /// failed.
    pub(super) depth: usize,
}

/// The error of an attempt, kept in case it is the last one.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The class of the error.
    pub class: Class,
    /// The error for the client.
    pub error: ErrorBody,
    /// When to retry, if the provider said so.
    pub(super) retry_after: Option<RetryAfter>,
    /// The response has no body, so the downstream role writes it.
    pub(super) is_bare: bool,
}

impl Failed {
    /// An error.
    pub fn new(class: Class, error: ErrorBody) -> Self {
        Self { class, error, retry_after: None, is_bare: false }
    }
}

impl Journey {
    /// Starts at a group.
    pub fn new(group: usize, wildcard: Option<String>) -> Self {
        let (tried, trail) = (vec![group], Vec::new());
        let step = Step::Ready { before: None };
        Self { group, wildcard, tried, trail, made: 0, goes_on: false, step }
    }

    /// What the group's `*` matched.
    pub fn wildcard(&self) -> Option<&str> {
        self.wildcard.as_deref()
    }

    /// Number of groups after the first.
    pub fn fallbacks(&self) -> usize {
        self.tried.len().saturating_sub(1)
    }

    /// The last attempt has a response. If another attempt follows, it has none yet.
    pub fn has_response(&self) -> bool {
        match &self.step {
            Step::Ready { before: failed } | Step::Onward(failed, _) => failed.is_some(),
            Step::Waiting { .. } => false,
            Step::Served | Step::Failed(_) | Step::Again(..) => true,
        }
    }

    /// It is being redirected.
    pub fn departs(&self) -> bool {
        matches!(self.step, Step::Onward(..))
    }

    /// The response asks Envoy's router to retry. If it goes to the client, the marker must be removed.
    pub fn is_marked(&self) -> bool {
        matches!(self.step, Step::Again(..))
    }

    /// The error of the last attempt that had a response.
    pub fn failed(&self) -> Option<&Failed> {
        match &self.step {
            Step::Ready { before: failed } | Step::Waiting { absent: failed } | Step::Onward(failed, _) => {
                failed.as_ref()
            }
            Step::Served => None,
            Step::Failed(failed) | Step::Again(failed, _) => Some(failed),
        }
    }

    fn failed_mut(&mut self) -> Option<&mut Failed> {
        match &mut self.step {
            Step::Ready { before: failed } | Step::Waiting { absent: failed } | Step::Onward(failed, _) => {
                failed.as_mut()
            }
            Step::Served => None,
            Step::Failed(failed) | Step::Again(failed, _) => Some(failed),
        }
    }

    /// The error of a response without a body, once: the downstream role writes it.
    pub fn take_bare(&mut self) -> Option<ErrorBody> {
        let failed = self.failed_mut().filter(|failed| failed.is_bare)?;
        failed.is_bare = false;
        Some(failed.error.clone())
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self) {
        self.made += 1;
        self.step = Step::Waiting { absent: None };
    }

    /// The attempt's deployment has no credential, so nothing is sent.
    pub(super) fn lack(&mut self, failed: Failed) {
        self.step = Step::Waiting { absent: Some(failed) };
    }

    /// The attempt has a response for the client.
    pub(super) fn serve(&mut self) {
        self.step = Step::Served;
    }

    /// The error goes to the client.
    pub(super) fn fail(&mut self, failed: Failed) {
        self.step = Step::Failed(failed);
    }

    /// The error's response makes Envoy retry; after the last retry, `then` is next.
    pub(super) fn retry(&mut self, failed: Failed, then: Option<Hop>) {
        self.step = Step::Again(failed, then);
    }

    /// It will be redirected.
    pub(super) fn go_on(&mut self, failed: Option<Failed>, hop: Hop) {
        self.step = Step::Onward(failed, hop);
    }

    /// The response has no body.
    pub(super) fn set_bare(&mut self) {
        if let Some(failed) = self.failed_mut() {
            failed.is_bare = true;
        }
    }

    /// The next group, if it was decided on.
    pub(super) fn hop(&self) -> Option<&Hop> {
        match &self.step {
            Step::Again(_, hop) => hop.as_ref(),
            Step::Onward(_, hop) => Some(hop),
            Step::Ready { .. } | Step::Waiting { .. } | Step::Served | Step::Failed(_) => None,
        }
    }

    /// It has arrived at another group.
    pub(super) fn arrive(&mut self, hop: Hop) {
        let before = self.failed().cloned();
        if hop.depth == self.trail.len() {
            self.trail.push((self.group, before.as_ref().map(|failed| failed.class)));
        }
        self.trail.truncate(hop.depth + 1);
        self.tried.push(hop.group);
        (self.group, self.wildcard, self.made) = (hop.group, hop.wildcard, 0);
        self.step = Step::Ready { before };
    }
}
