//! Routes a request through the groups that may serve it.
//!
//! Envoy retries within a group: it selects another deployment, waits and counts. The filter decides which
//! errors are retried ([`After`]). When a group has failed, the request moves to the next one by an internal
//! redirect: Envoy's router discards the response and routes the request, with its body, to another cluster.
//! So each fallback is decided when it is needed, by the class of the error and the request's settings. For
//! failures that no filter sees, such as a failed connection, every cluster ends with an endpoint that is
//! [`nobody`](crate::config::NOBODY). An attempt that reaches it knows that the group has failed, or that all
//! its deployments are cooling down.

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
use super::journey::{After, Failed, Hop};
use super::retry_after::RetryAfter;

/// Routing instructions for Envoy.
#[derive(Debug, PartialEq, Eq)]
pub struct Leg<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// Selects the route with this number of retries; `None` for the default route.
    pub retries: Option<u32>,
    /// Maximum number of retries, if it differs from the route's.
    pub max_retries: Option<u32>,
    /// Timeout of an attempt, milliseconds, if it differs from the route's.
    pub timeout_ms: Option<u64>,
}

impl Call {
    /// The group that serves the request now.
    pub fn current(&self) -> Option<&Group> {
        self.table.groups.get(self.journey.borrow().group)
    }

    /// Maximum number of retries in a group.
    fn retries(&self, group: &Group) -> u32 {
        self.usual_retries(group)
            .max(group.retry_policy.most().unwrap_or(0))
            .min(self.table.settings.most_retries)
    }

    /// The same, without policies for error classes.
    fn usual_retries(&self, group: &Group) -> u32 {
        self.asked.retries.or(group.num_retries).unwrap_or(self.table.settings.num_retries)
    }

    /// How Envoy should route the request to its group.
    pub fn leg(&self) -> Leg<'_> {
        let usual = self.table.settings.num_retries;
        let Some(group) = self.current() else {
            return Leg { cluster: "", retries: None, max_retries: None, timeout_ms: None };
        };
        let goes_on = self.next(None).is_some();
        self.journey.borrow_mut().goes_on = goes_on;
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

    /// The timeout of an attempt, milliseconds, if it differs from the route's.
    fn own_timeout_ms(&self, group: &Group) -> Option<u64> {
        let stream =
            self.memo.stream.then_some(self.asked.stream_timeout_ms.or(group.stream_timeout_ms)).flatten();
        stream.or(self.asked.timeout_ms).or(group.timeout_ms)
    }

    /// What to report about an attempt that timed out: the timeout as a header value, and an error if the
    /// timeout differs from the one in Envoy's own message.
    pub fn timed_out(&self) -> (String, Option<ErrorBody>) {
        let own = self.current().and_then(|group| self.own_timeout_ms(group));
        let seconds = Duration::from_millis(own.unwrap_or(self.table.settings.timeout_ms)).as_secs_f64();
        let message =
            format!("litellm.Timeout: APITimeoutError - Request timed out. - timeout value={seconds:?}");
        (format!("{seconds:?}"), own.map(|_| ErrorBody::new(408, Class::Timeout.kind(), message)))
    }

    /// The idle timeout of a stream, milliseconds: the same as the timeout for its first event.
    pub fn patience_ms(&self) -> u64 {
        let group = self.current();
        let stream = self.asked.stream_timeout_ms.or(group.and_then(|group| group.stream_timeout_ms));
        let whole = self.asked.timeout_ms.or(group.and_then(|group| group.timeout_ms));
        stream.or(whole).unwrap_or(self.table.settings.timeout_ms)
    }

    /// Decides what happens after a failed attempt.
    pub fn fail(&self, failed: Failed) -> After {
        let (made, goes_on) = {
            let journey = self.journey.borrow();
            (journey.made, journey.goes_on)
        };
        let class = failed.class;
        let Some(group) = self.current() else {
            self.journey.borrow_mut().fail(failed);
            return After::End;
        };
        let most = attempts(group, self.retries(group));
        let worth = match self.worth(class, group) {
            None => 1,
            Some(retries) if retries >= self.retries(group) => most,
            Some(retries) => retries + 1,
        };
        let next = if made < worth { None } else { self.next(Some(class)) };
        let mut journey = self.journey.borrow_mut();
        match next {
            None if made < worth => {
                journey.retry(failed, None);
                After::Again
            }
            None => {
                journey.fail(failed);
                After::End
            }
            // The status counts against the deployment's health; a redirect would count in its favor.
            Some(hop) if goes_on && made == most => {
                journey.retry(failed, Some(hop));
                After::Again
            }
            Some(hop) => {
                journey.go_on(Some(failed), hop);
                After::Elsewhere
            }
        }
    }

    /// The number of retries for an error; `None` if a retry would fail as well.
    fn worth(&self, class: Class, group: &Group) -> Option<u32> {
        let usual = self.usual_retries(group);
        let policy = &group.retry_policy;
        let (said, otherwise) = match class {
            Class::ContextWindowExceeded => (None, None),
            Class::BadRequest | Class::UnprocessableEntity | Class::NotFound => (policy.bad_request, None),
            Class::ContentPolicyViolation => (policy.content_policy_violation, None),
            // The deployment's account is at fault, not the client's, and another deployment may have a
            // working one.
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

    /// The next group after an error of that class or a failed connection: a fallback of the group that
    /// failed, or of the group that it replaced, and so on up to the first.
    fn next(&self, class: Option<Class>) -> Option<Hop> {
        let journey = self.journey.borrow();
        let used = u32::try_from(journey.fallbacks()).unwrap_or(u32::MAX);
        // An invalid request fails everywhere.
        let hopeless = matches!(class, Some(Class::BadRequest | Class::UnprocessableEntity));
        if hopeless || self.asked.disable_fallbacks || used >= self.table.settings.max_fallbacks {
            return None;
        }
        let failed = journey.trail.iter().copied().chain([(journey.group, class)]);
        let failed: Vec<_> = failed.enumerate().collect();
        failed.into_iter().rev().find_map(|(depth, (group, class))| {
            self.stand_ins(group, class)?.iter().find_map(|name| {
                let route = self.route(name)?;
                let wildcard = || route.wildcard.map(str::to_owned);
                let group = route.group;
                (!journey.tried.contains(&group)).then(|| Hop { group, wildcard: wildcard(), depth })
            })
        })
    }

    /// The fallbacks of a group for an error of that class. Fallbacks in the request replace all configured
    /// lists.
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

    /// The next group, decided now unless it was before.
    fn hop(&self) -> Option<Hop> {
        let (hop, class) = {
            let journey = self.journey.borrow();
            (journey.hop().cloned(), journey.failed().map(|failed| failed.class))
        };
        hop.or_else(|| self.next(class))
    }

    /// Whether it is being redirected.
    pub fn departs(&self) -> bool {
        self.journey.borrow().departs()
    }

    /// Moves to the next group. Returns whether there is one.
    pub fn arrive(&self) -> bool {
        let hop = self.hop();
        hop.map(|hop| self.journey.borrow_mut().arrive(hop)).is_some()
    }

    /// The response when no group is left: the last error, or that all deployments are cooling down.
    pub fn given_up(&self) -> Reply {
        let failed = self.journey.borrow().failed().cloned();
        let failed = failed.unwrap_or_else(|| self.unanswered());
        // This response has a body.
        self.journey.borrow_mut().fail(Failed { is_bare: false, ..failed.clone() });
        let last = self.progress.borrow().attempts.last().map(|tried| Rc::clone(&tried.endpoint));
        let mut headers = Headers::default();
        headers.set("content-type", "application/json");
        if let Some(endpoint) = last {
            answer_headers(&mut headers, self, &endpoint, Some(&Usage::default()));
        }
        if let Some(wait) = failed.retry_after {
            wait.write(&mut headers);
        }
        let reply = self.in_language(Reply { headers: headers.into_pairs(), ..failed.error.into() });
        if let Some(tried) = self.progress.borrow_mut().attempts.last_mut() {
            tried.status = reply.status;
        }
        reply.to_call(&self.id)
    }

    /// The error of a request that no provider has responded to.
    fn unanswered(&self) -> Failed {
        if let Some(error) = self.current().and_then(|group| unserved(group, &self.memo.model)) {
            return Failed::new(Class::BadRequest, error);
        }
        if let Some(error) = self.unfit() {
            return Failed::new(Class::Authentication, error);
        }
        if self.journey.borrow().made > 0 {
            let message = "litellm.ServiceUnavailableError: ServiceUnavailableError: Connection error.";
            let error = ErrorBody::new(503, Class::ServiceUnavailable.kind(), message);
            return Failed::new(Class::ServiceUnavailable, error);
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
        Failed { retry_after: Some(wait), ..Failed::new(Class::RateLimit, error) }
    }
}

/// The error for a group that has no usable deployment.
pub(super) fn unserved(group: &Group, model: &str) -> Option<ErrorBody> {
    let why = group.unserved.as_ref()?;
    let message =
        format!("litellm.BadRequestError: model={model} is configured, but cannot be served: {why}");
    Some(ErrorBody::bad_request(message).about("model"))
}

/// Attempts that Envoy makes at a group's deployments before it reaches nobody.
fn attempts(group: &Group, retries: u32) -> u32 {
    (retries + 1) * if group.has_spares { 2 } else { 1 }
}

/// An attempt at the endpoint `nobody`.
pub struct Nobody {
    call: Rc<Call>,
}

impl Nobody {
    /// Creates an attempt for a request.
    pub fn new(call: Rc<Call>) -> Self {
        Self { call }
    }

    /// The request to send. It goes to the gateway itself, which is always reachable, because Envoy follows a
    /// redirect only from an upstream response. `current` are the current headers.
    pub fn request(&self, current: &Head) -> Outgoing {
        let Some(hop) = self.call.hop() else { return Outgoing::Reply(self.call.given_up()) };
        let mut journey = self.call.journey.borrow_mut();
        let failed = journey.failed().cloned();
        journey.go_on(failed, hop);
        let headers = Headers::for_ourselves(current.text(":scheme").unwrap_or("http").to_owned());
        Outgoing::Send { headers, body: Vec::new() }
    }

    /// The headers that replace those of its response.
    pub fn response(&self) -> Headers {
        redirect()
    }
}

/// The response that makes Envoy redirect the request. The caller, who knows the request's number, adds
/// `location`.
pub(super) fn redirect() -> Headers {
    let mut headers = Headers::for_answer(ONWARD_STATUS, "application/json");
    headers.set_length(0);
    headers
}
