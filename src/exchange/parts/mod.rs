//! Splits a request for embeddings that has more inputs than a deployment accepts at once.
//!
//! Each part is sent as a request to the gateway's own listener, where it gets retries, fallbacks and
//! translation. The whole request is authenticated and reserved once. Responses are joined in the order of
//! the inputs, and the costs of the parts form one usage entry.
//!
//! [`Parts`] is told what has happened and returns the next part to send; the host sends it.

mod join;
mod plan;

use core::ops::Range;
use std::rc::Rc;

use crate::facts::{Class, Fault, Usage};
use crate::openai::{Answer, ErrorBody};

use super::call::{Call, Tried};
use super::head::Head;
use super::headers::{Headers, answer_headers, picodollars};
use super::{Reply, RequestSettings};

/// Maximum number of concurrent parts of a request.
const AT_ONCE: usize = 8;

/// Maximum number of parts of a request: the number of inputs that `OpenAI` accepts.
const MOST: usize = 2048;

/// The parts of a request and their state.
pub struct Parts {
    /// The client's body.
    body: String,
    /// Positions of the inputs in it.
    inputs: Vec<Range<usize>>,
    /// The body of a part up to its inputs: `{"model":…,"input":[`.
    opening: Vec<u8>,
    /// Index of the first input of each part.
    firsts: Vec<usize>,
    /// Index of the next part to send.
    next: usize,
    under_way: usize,
    /// Vectors of the answered parts, written for the joined response.
    answers: Vec<Option<Vec<u8>>>,
    account: Account,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Parts are being sent.
    Asking,
    /// A part has failed with this response.
    Failed(Reply),
    /// The client has its response, or has disconnected.
    Over,
}

/// Total usage of the parts.
#[derive(Debug, Default)]
struct Account {
    /// Prompt tokens.
    prompt: u64,
    /// Picodollars.
    cost: u64,
    retries: u64,
    fallbacks: u64,
}

impl core::fmt::Debug for Parts {
    /// Hides the texts, which are a person's.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Parts({} of {})", self.next, self.answers.len())
    }
}

impl Parts {
    /// The index and body of the next part to send now; `None` if enough are in flight or no more are needed.
    fn next(&mut self) -> Option<(usize, Vec<u8>)> {
        if !matches!(self.phase, Phase::Asking) || self.under_way >= AT_ONCE {
            return None;
        }
        let index = self.next;
        let inputs = self.inputs_of(index)?;
        let mut body = self.opening.clone();
        for (place, input) in inputs.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            body.extend_from_slice(self.body.get(input.clone()).unwrap_or_default().as_bytes());
        }
        body.extend_from_slice(b"]}");
        self.next += 1;
        self.under_way += 1;
        Some((index, body))
    }

    fn inputs_of(&self, index: usize) -> Option<&[Range<usize>]> {
        let first = *self.firsts.get(index)?;
        let end = self.firsts.get(index + 1).map_or(self.inputs.len(), |next| *next);
        self.inputs.get(first..end).filter(|inputs| !inputs.is_empty())
    }
}

impl Call {
    /// The index and body of the next part to send now.
    pub fn next_part(&self) -> Option<(usize, Vec<u8>)> {
        self.parts.borrow_mut().as_mut()?.next()
    }

    /// Stops sending parts, because the client is gone.
    pub fn stop_parts(&self) {
        if let Some(parts) = self.parts.borrow_mut().as_mut() {
            parts.phase = Phase::Over;
        }
    }

    /// Whether a response to a part is pending.
    pub fn awaits_parts(&self) -> bool {
        self.parts.borrow().as_ref().is_some_and(|parts| parts.under_way > 0)
    }

    /// Reports the response to a part; `status` is 0 if there was none. `head` and `body` are what a client
    /// would receive. `now_ms` is Unix time in milliseconds.
    pub fn part_answered(&self, index: usize, status: u16, head: Head, body: &[u8], now_ms: u64) {
        let mut parts = self.parts.borrow_mut();
        let Some(parts) = parts.as_mut() else { return };
        parts.under_way = parts.under_way.saturating_sub(1);
        let text = |name: &str| head.text(name);
        let number = |name: &str| text(name).and_then(|value| value.parse::<u64>().ok()).unwrap_or_default();
        let account = &mut parts.account;
        account.cost += text("x-litellm-response-cost").and_then(picodollars).unwrap_or_default();
        account.retries += number("x-litellm-attempted-retries");
        account.fallbacks += number("x-litellm-attempted-fallbacks");
        let mut progress = self.progress.borrow_mut();
        if let Some(endpoint) = text("x-litellm-model-id").and_then(|id| self.table.endpoint(id)) {
            // One entry stands for all parts: what the last one reports is true for most of them.
            progress.attempts.clear();
            progress.attempts.push(Tried { answered: status, ..Tried::new(Rc::clone(endpoint)) });
            self.journey.borrow_mut().serve();
        }
        let failed = if status == 200 {
            let first = parts.firsts.get(index).copied().unwrap_or_default();
            let count = parts.inputs_of(index).map_or(0, <[_]>::len);
            match join::read(body, first, count) {
                Ok((vectors, prompt)) => {
                    parts.account.prompt = parts.account.prompt.saturating_add(prompt);
                    if let Some(answer) = parts.answers.get_mut(index) {
                        *answer = Some(vectors);
                    }
                    None
                }
                Err(fault) => {
                    let provider = progress.attempts.last().map_or("", |tried| tried.endpoint.provider.name);
                    Some(Reply::from(fault.to_body(provider)))
                }
            }
        } else {
            // Without a call id it is not the gateway's response, but Envoy's own for a failed call.
            let is_answer = head.get("x-litellm-call-id").is_some();
            Some(if is_answer { refused(status, head, body) } else { self.unanswered_part(status, now_ms) })
        };
        progress.usage = Usage { prompt: parts.account.prompt, ..Usage::default() };
        progress.paid = Some(parts.account.cost);
        if let (Some(failed), Phase::Asking) = (failed, &parts.phase) {
            progress.error = failed.error.as_deref().map(ErrorBody::told);
            parts.phase = Phase::Failed(failed);
        }
    }

    /// The response to the client once it is complete: the failed part's, or all parts joined.
    pub fn joined(&self) -> Option<Reply> {
        let mut parts = self.parts.borrow_mut();
        let parts = parts.as_mut()?;
        let reply = match core::mem::replace(&mut parts.phase, Phase::Over) {
            Phase::Failed(reply) => {
                Some(self.in_language(reply).with("x-litellm-call-id", Rc::clone(&self.id)))
            }
            Phase::Asking if parts.answers.iter().all(Option::is_some) => Some(self.join(parts)),
            phase => {
                parts.phase = phase;
                None
            }
        }?;
        if let Some(tried) = self.progress.borrow_mut().attempts.last_mut() {
            tried.status = reply.status;
        }
        Some(reply)
    }

    fn join(&self, parts: &mut Parts) -> Reply {
        let usage = Usage { prompt: parts.account.prompt, ..Usage::default() };
        let answers = core::mem::take(&mut parts.answers).into_iter().flatten();
        let body = join::write(answers, &self.memo.model, usage.prompt);
        let Answer { body, usage, .. } = self.language.embeddings(Answer { body, usage, id: Box::default() });
        let mut headers = Headers::default();
        headers.set("content-type", "application/json");
        let endpoint = self.progress.borrow().attempts.last().map(|tried| Rc::clone(&tried.endpoint));
        match endpoint {
            Some(endpoint) => {
                answer_headers(&mut headers, self, &endpoint, Some(&usage));
                headers.set("x-litellm-attempted-retries", parts.account.retries.to_string());
                headers.set("x-litellm-attempted-fallbacks", parts.account.fallbacks.to_string());
            }
            None => headers.set("x-litellm-call-id", Rc::clone(&self.id)),
        }
        Reply { status: 200, headers: headers.into_pairs(), body, error: None }
    }

    /// Envoy sends 504 for a call that timed out, and its timer may fire slightly early by this clock.
    fn unanswered_part(&self, status: u16, now_ms: u64) -> Reply {
        if status != 504 && now_ms < self.deadline_ms() {
            let message = "cannot send part of the request to the gateway's own listener";
            return ErrorBody::new(503, Class::ServiceUnavailable.kind(), message).into();
        }
        let seconds = f64::from(u32::try_from(self.timeout_ms()).unwrap_or(u32::MAX)) / 1000.0;
        let message =
            format!("litellm.Timeout: APITimeoutError - Request timed out. - timeout value={seconds:?}");
        ErrorBody::new(408, Class::Timeout.kind(), message).into()
    }

    /// When the parts time out, Unix milliseconds: they share the timeout of the whole request.
    pub fn deadline_ms(&self) -> u64 {
        match self.timeout_ms() {
            0 => u64::MAX,
            timeout_ms => self.started_ms.saturating_add(timeout_ms),
        }
    }

    fn timeout_ms(&self) -> u64 {
        let group = self.asked.timeout_ms.or(self.current().and_then(|group| group.timeout_ms));
        group.unwrap_or(self.table.settings.timeout_ms)
    }

    /// The headers of a request for a part, to which the host adds its own.
    pub fn part_headers(&self) -> Vec<(&'static str, String)> {
        let RequestSettings { retries, timeout_ms, .. } = &self.asked;
        let mut headers = vec![
            ("x-litellm-call-id", self.id.to_string()),
            (crate::config::PART_HEADER, self.table.part_secret.reveal().to_owned()),
        ];
        headers.extend(self.inherited().header().map(|json| (crate::config::PART_OF_HEADER, json)));
        headers.extend(retries.map(|retries| ("x-litellm-num-retries", retries.to_string())));
        let seconds = |ms: u64| f64::from(u32::try_from(ms).unwrap_or(u32::MAX)) / 1000.0;
        headers.extend(timeout_ms.map(|ms| ("x-litellm-timeout", seconds(ms).to_string())));
        headers
    }
}

/// Turns a failed part's response into the response for the whole request.
fn refused(status: u16, head: Head, body: &[u8]) -> Reply {
    let error = Some(Box::new(ErrorBody::new(status, Class::of_status(status).name(), join::message(body))));
    let mut reply = Reply { status, headers: Vec::new(), body: body.to_vec(), error };
    for (name, value) in head.into_pairs() {
        let is_told = matches!(&*name, "content-type" | "request-id")
            || name.starts_with("retry-after")
            || name.starts_with("llm_provider-")
            || name.starts_with("x-litellm-") && name != "x-litellm-call-id";
        if let (true, Ok(value)) = (is_told, String::from_utf8(value)) {
            reply.headers.push((name.into(), value.into()));
        }
    }
    reply
}

/// The error for an invalid response to a part.
fn garbled(what: &str) -> Fault {
    Fault::garbled(format!("the response to part of the request {what}"))
}
