//! The way of a request through the groups that may serve it.
//!
//! Retries stay within a group, and are Envoy's: it picks another deployment, waits, counts. Which errors are worth one,
//! the filter says ([`After`]). When a group has failed, the request goes on to the next by an internal redirect:
//! Envoy's router takes the answer back, and serves the request anew, with its body, by the route to another cluster. So
//! every fallback can be decided when it is needed: by the class of the error, by what the request asks for. For what no
//! filter sees (a connection that fails), every cluster ends in an endpoint that is [`nobody`](crate::config::NOBODY):
//! an attempt that gets there finds the group failed, or all of its deployments cooling down.

use core::time::Duration;
use std::rc::Rc;

use crate::config::{Group, ONWARD_STATUS};
use crate::facts::{Class, Usage};
use crate::openai::ErrorBody;

use super::Reply;
use super::attempt::Outgoing;
use super::call::Call;
use super::head::Head;
use super::headers::{Headers, answer_headers};
use super::retry_after::RetryAfter;

/// Where a request is.
#[derive(Debug)]
pub struct Way {
    /// The group that serves it now.
    group: usize,
    /// What that group's `*` stands for.
    wildcard: Option<String>,
    /// The groups that have served it, this one last.
    tried: Vec<usize>,
    /// The groups that led to this one, each with the class of the error that it was left for.
    trail: Vec<(usize, Option<Class>)>,
    /// Attempts in this group.
    attempts: u32,
    /// Envoy is to lead it to nobody when its group has failed.
    goes_on: bool,
    /// It is between two groups.
    departs: bool,
}

/// What becomes of a request whose attempt has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Another attempt in this group; after the last one, nobody.
    Again,
    /// Another group, at once.
    Elsewhere,
    /// The client gets the error.
    End,
}

/// A group that stands in for one that has failed.
struct Next {
    group: usize,
    /// What its `*` stands for.
    wildcard: Option<String>,
    /// Whose list it is in: a place in [`Way::trail`], or its end for the group that has just failed.
    depth: usize,
}

/// How Envoy is told to route a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Leg<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The route for so many retries among several deployments; nothing for the usual route.
    pub retries: Option<u32>,
    /// How often Envoy may try again, where its route does not say so.
    pub max_retries: Option<u32>,
    /// Longest attempt, milliseconds, where the route does not say so.
    pub timeout_ms: Option<u64>,
}

/// The error of an attempt, kept for when it turns out to be the last one.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What kind of error.
    pub class: Class,
    /// What the client would be told.
    pub error: ErrorBody,
    /// When to try again, if the provider said so.
    pub(super) retry_after: Option<RetryAfter>,
}

impl Way {
    /// A request that begins in that group.
    pub fn new(group: usize, wildcard: Option<String>) -> Self {
        Self {
            group,
            wildcard,
            tried: vec![group],
            trail: Vec::new(),
            attempts: 0,
            goes_on: false,
            departs: false,
        }
    }

    /// What the group's `*` stands for.
    pub fn wildcard(&self) -> Option<&str> {
        self.wildcard.as_deref()
    }

    /// One more attempt in this group.
    pub(super) fn count(&mut self) {
        self.attempts += 1;
    }

    /// Groups after the first.
    pub fn fallbacks(&self) -> usize {
        self.tried.len().saturating_sub(1)
    }
}

impl Call {
    /// The group that serves the request now.
    pub fn current(&self) -> Option<&Group> {
        self.table.groups.get(self.way.borrow().group)
    }

    /// Attempts after the first in one group, at most.
    fn retries(&self, group: &Group) -> u32 {
        self.usual_retries(group)
            .max(group.retry_policy.most().unwrap_or(0))
            .min(self.table.settings.most_retries)
    }

    /// The same, where no class of errors says otherwise.
    fn usual_retries(&self, group: &Group) -> u32 {
        self.asked.retries.or(group.num_retries).unwrap_or(self.table.settings.num_retries)
    }

    /// How Envoy is to route it to its group.
    pub fn leg(&self) -> Leg<'_> {
        let usual = self.table.settings.num_retries;
        let Some(group) = self.current() else {
            return Leg { cluster: "", retries: None, max_retries: None, timeout_ms: None };
        };
        let goes_on = self.next(None).is_some();
        self.way.borrow_mut().goes_on = goes_on;
        let retries = self.retries(group);
        let alone = self.table.members(&group.name).len() <= 1 && !goes_on;
        let (route, said, total) = if alone {
            (None, usual, retries)
        } else {
            (Some(retries), retries, attempts(group, retries) - u32::from(!goes_on))
        };
        Leg {
            cluster: &group.cluster,
            retries: route,
            max_retries: (total != said).then_some(total),
            timeout_ms: self.own_timeout_ms(group),
        }
    }

    /// The longest attempt, milliseconds, where it is not the route's.
    fn own_timeout_ms(&self, group: &Group) -> Option<u64> {
        let stream =
            self.memo.stream.then_some(self.asked.stream_timeout_ms.or(group.stream_timeout_ms)).flatten();
        stream.or(self.asked.timeout_ms).or(group.timeout_ms)
    }

    /// What is told of an attempt that has waited in vain: the time that counted, as the header's value, and the error
    /// where that is another time than Envoy's own words say.
    pub fn timed_out(&self) -> (String, Option<ErrorBody>) {
        let own = self.current().and_then(|group| self.own_timeout_ms(group));
        let seconds = Duration::from_millis(own.unwrap_or(self.table.settings.timeout_ms)).as_secs_f64();
        let message =
            format!("litellm.Timeout: APITimeoutError - Request timed out. - timeout value={seconds:?}");
        (format!("{seconds:?}"), own.map(|_| ErrorBody::new(408, Class::Timeout.kind(), message)))
    }

    /// Longest wait for a stream's next event, milliseconds: as long as for its first.
    pub fn patience_ms(&self) -> u64 {
        let group = self.current();
        let stream = self.asked.stream_timeout_ms.or(group.and_then(|group| group.stream_timeout_ms));
        let whole = self.asked.timeout_ms.or(group.and_then(|group| group.timeout_ms));
        stream.or(whole).unwrap_or(self.table.settings.timeout_ms)
    }

    /// What becomes of the request now that an attempt has failed.
    pub fn after(&self, class: Class) -> After {
        let Some(group) = self.current() else { return After::End };
        let (made, goes_on) = {
            let way = self.way.borrow();
            (way.attempts, way.goes_on)
        };
        let most = attempts(group, self.retries(group));
        let worth = match self.worth(class, group) {
            None => 1,
            Some(retries) if retries >= self.retries(group) => most,
            Some(retries) => retries + 1,
        };
        if made < worth {
            return After::Again;
        }
        match self.next(Some(class)) {
            None => After::End,
            // The status counts against the deployment; a redirect would count for it.
            Some(_) if goes_on && made == most => After::Again,
            Some(_) => After::Elsewhere,
        }
    }

    /// Attempts after the first that an error is worth; nothing when the next one would fail as well.
    fn worth(&self, class: Class, group: &Group) -> Option<u32> {
        let usual = self.usual_retries(group);
        let policy = &group.retry_policy;
        let (said, otherwise) = match class {
            Class::ContextWindowExceeded => (None, None),
            Class::BadRequest | Class::UnprocessableEntity | Class::NotFound => (policy.bad_request, None),
            Class::ContentPolicyViolation => (policy.content_policy_violation, None),
            // The deployment's account, not the client's: another deployment may have a better one.
            Class::Authentication | Class::PaymentRequired | Class::PermissionDenied => {
                let others = self.table.members(&group.name).len() > 1;
                (policy.authentication, others.then_some(usual))
            }
            Class::Timeout => (policy.timeout, Some(usual)),
            Class::RateLimit => (policy.rate_limit, Some(usual)),
            Class::InternalServer | Class::BadGateway | Class::ServiceUnavailable => {
                (policy.internal_server, Some(usual))
            }
        };
        said.or(otherwise)
    }

    /// The next group after an error of that class or a connection that failed: one that stands in for the group
    /// that has failed, or for the one that this stood in for, and so on to the first.
    fn next(&self, class: Option<Class>) -> Option<Next> {
        let way = self.way.borrow();
        let used = u32::try_from(way.fallbacks()).unwrap_or(u32::MAX);
        // A request that is wrong is wrong everywhere.
        let hopeless = matches!(class, Some(Class::BadRequest | Class::UnprocessableEntity));
        if hopeless || self.asked.disable_fallbacks || used >= self.table.settings.max_fallbacks {
            return None;
        }
        let failed = way.trail.iter().copied().chain([(way.group, class)]);
        let failed: Vec<_> = failed.enumerate().collect();
        failed.into_iter().rev().find_map(|(depth, (group, class))| {
            self.stand_ins(group, class)?.iter().find_map(|name| {
                let route = self.table.routes.find(name)?;
                let wildcard = || route.wildcard.map(str::to_owned);
                let group = route.group;
                (!way.tried.contains(&group)).then(|| Next { group, wildcard: wildcard(), depth })
            })
        })
    }

    /// Who stands in for a group after an error of that class. What the request says takes the place of every list.
    fn stand_ins(&self, group: usize, class: Option<Class>) -> Option<&[String]> {
        let (group, asked) = (self.table.groups.get(group)?, &self.asked);
        let own = match class {
            Some(Class::ContextWindowExceeded) => {
                asked.context_window_fallbacks.as_ref().or(group.context_window_fallbacks.as_ref())
            }
            Some(Class::ContentPolicyViolation) => {
                asked.content_policy_fallbacks.as_ref().or(group.content_policy_fallbacks.as_ref())
            }
            _ => None,
        };
        Some(own.or(asked.fallbacks.as_ref()).unwrap_or(&group.fallbacks))
    }

    /// The answer that makes Envoy serve the request anew. Who knows the request's number adds `location`.
    pub(super) fn depart(&self) -> Headers {
        self.way.borrow_mut().departs = true;
        let mut headers = Headers::for_answer(ONWARD_STATUS, "application/json");
        headers.set_length(0);
        headers
    }

    /// Whether it is between two groups.
    pub fn departs(&self) -> bool {
        self.way.borrow().departs
    }

    /// It has come to the next group. Returns whether there is one.
    pub fn arrive(&self) -> bool {
        let class = self.progress.borrow().failed.as_ref().map(|failed| failed.class);
        let next = self.next(class);
        let mut way = self.way.borrow_mut();
        way.departs = false;
        let Some(next) = next else { return false };
        if next.depth == way.trail.len() {
            let failed = (way.group, class);
            way.trail.push(failed);
        }
        way.trail.truncate(next.depth + 1);
        way.tried.push(next.group);
        (way.group, way.wildcard, way.attempts) = (next.group, next.wildcard, 0);
        true
    }

    /// The answer of a request that nobody is left to serve: the last error, or that all deployments are cooling down.
    pub fn given_up(&self) -> Reply {
        self.way.borrow_mut().departs = false;
        let (failed, last) = {
            let progress = self.progress.borrow();
            (progress.failed.clone(), progress.attempts.last().map(|tried| Rc::clone(&tried.endpoint)))
        };
        let failed = failed.unwrap_or_else(|| self.unanswered());
        let mut headers = Headers::default();
        headers.set("content-type", "application/json");
        if let Some(endpoint) = last {
            answer_headers(&mut headers, self, &endpoint, Some(&Usage::default()));
        }
        if let Some(wait) = failed.retry_after {
            wait.write(&mut headers);
        }
        let mut progress = self.progress.borrow_mut();
        progress.answered = true;
        if let Some(tried) = progress.attempts.last_mut() {
            tried.status = failed.error.status;
        }
        Reply { headers: headers.into_pairs(), ..failed.error.into() }.to_call(&self.id)
    }

    /// Of a request that no provider has answered.
    fn unanswered(&self) -> Failed {
        if let Some(error) = self.current().and_then(|group| unserved(group, &self.memo.model)) {
            return Failed { class: Class::BadRequest, error, retry_after: None };
        }
        if self.way.borrow().attempts > 0 {
            let message = "litellm.ServiceUnavailableError: ServiceUnavailableError: Connection error.";
            let error = ErrorBody::new(503, Class::ServiceUnavailable.kind(), message);
            return Failed { class: Class::ServiceUnavailable, error, retry_after: None };
        }
        let seconds = self.table.settings.cooldown_s.max(1.0).ceil();
        let message = format!(
            "No deployments available for selected model, Try again in {seconds} seconds. All deployments for \
             selected model are in cooldown. Passed model={}.",
            self.memo.model
        );
        let error = ErrorBody::new(429, Class::RateLimit.kind(), message);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and 1 at least")]
        let wait = RetryAfter::seconds(seconds as u64);
        Failed { class: Class::RateLimit, error, retry_after: Some(wait) }
    }
}

/// What is told of a group that nothing can serve.
pub(super) fn unserved(group: &Group, model: &str) -> Option<ErrorBody> {
    let why = group.unserved.as_ref()?;
    let message =
        format!("litellm.BadRequestError: model={model} is configured, but cannot be served: {why}");
    Some(ErrorBody::bad_request(message).about("model"))
}

/// Attempts that Envoy makes at the deployments of a group before it comes to nobody.
fn attempts(group: &Group, retries: u32) -> u32 {
    (retries + 1) * if group.has_spares { 2 } else { 1 }
}

/// An attempt at nobody.
pub struct Nobody {
    call: Rc<Call>,
}

impl Nobody {
    /// An attempt of that request.
    pub fn new(call: Rc<Call>) -> Self {
        Self { call }
    }

    /// The request: to the gateway itself, which is there for certain, for only an answer from outside makes Envoy
    /// follow a redirect. `current` are the headers as they are now.
    pub fn request(&self, current: &Head) -> Outgoing {
        let class = self.call.progress.borrow().failed.as_ref().map(|failed| failed.class);
        if self.call.next(class).is_none() {
            return Outgoing::Reply(self.call.given_up());
        }
        let headers = Headers::for_ourselves(current.text(":scheme").unwrap_or("http").to_owned());
        Outgoing::Send { headers, body: Vec::new() }
    }

    /// What takes the place of its answer.
    pub fn response(&self) -> Headers {
        self.call.depart()
    }
}
