//! Responses that are not JSON: they are passed on as they arrive, and charged by what the request asked for.

use super::super::head::Head;
use super::super::headers::{Headers, answer_headers, passed_on};
use super::{Attempt, Phase};
use crate::facts::Usage;

/// Headers of the provider's response that describe its body.
const OF_BODY: [&str; 3] = ["content-type", "content-length", "content-encoding"];

impl Attempt {
    /// The client's headers for a response whose body is passed on.
    pub(super) fn relayed_head(&mut self, head: Head) -> Headers {
        self.phase = Phase::Closed;
        let usage = Usage { prompt: self.call.prompt_tokens(), units: self.call.units, ..Usage::default() };
        let mut headers = Headers::for_answer(200, "application/octet-stream");
        for name in OF_BODY {
            if let Some(value) = head.text(name) {
                headers.set(name, value.to_owned());
            }
        }
        answer_headers(&mut headers, &self.call, &self.endpoint, Some(&usage));
        passed_on(&mut headers, head, self.call.started_ms);
        self.note(200);
        self.call.progress.borrow_mut().usage = usage;
        headers
    }
}
