//! Requests that ask only how long a prompt is. A provider with the client's API counts; otherwise, and if the provider
//! fails, the client gets an estimate that says so. They cost nothing, and no limit counts them.

use super::super::headers::{COUNT_HEADER, ESTIMATE, Headers, answer_headers};
use super::{Attempt, Outgoing, Phase};
use crate::facts::Usage;
use crate::openai::Request;

impl Attempt {
    /// Writes the provider's request from the client's body.
    pub(super) fn request_count(&mut self, body: &[u8], now_ms: u64) -> Outgoing {
        if let Ok(request) = Request::parse(self.memo.operation, body) {
            // Of others, the prompt was noted in the common form.
            if self.call.language.is_read_as_it_is() {
                self.call.prompt.note(&request);
            }
            self.memo.wire = self.shared_wire(&request).filter(|_| self.dialect.counts_tokens());
        }
        if self.memo.wire.is_some() {
            return self.request_common(body.into(), now_ms);
        }
        self.phase = Phase::Closed;
        let mut reply =
            self.local(200, self.call.language.count(self.call.prompt_tokens()), Usage::default());
        reply = reply.with(COUNT_HEADER, ESTIMATE);
        Outgoing::Reply(reply)
    }

    /// The client's headers and body for the provider's response.
    pub(super) fn counted(&self, status: u16, body: &[u8]) -> (Headers, Vec<u8>) {
        let counted = self.dialect.count(body).filter(|_| (200..300).contains(&status));
        let told = self.call.language.count(counted.unwrap_or_else(|| self.call.prompt_tokens()));
        let mut headers = Headers::for_answer(200, "application/json");
        headers.set_length(told.len());
        answer_headers(&mut headers, &self.call, &self.endpoint, Some(&Usage::default()));
        if counted.is_none() {
            headers.set(COUNT_HEADER, ESTIMATE);
        }
        self.note(200);
        (headers, told)
    }
}
