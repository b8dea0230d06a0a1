//! Errors: their headers and body, and what happens to the request next.

use super::super::fallback::redirect;
use super::super::head::Head;
use super::super::headers::{Headers, answer_headers, passed_on};
use super::super::journey::{After, Failed};
use super::super::retry_after::RetryAfter;
use super::Attempt;
use crate::auth::Absent;
use crate::config::{NO_FAILURE_STATUS, RETRY_HEADER};
use crate::facts::{Class, Fault, Usage};
use crate::key::UsageError;
use crate::openai::ErrorBody;

impl Attempt {
    /// The headers and body of an error.
    pub(super) fn told(&self, fault: &Fault, head: Head) -> (Headers, Vec<u8>) {
        let (headers, error) = self.fault_headers(fault, head);
        (headers, if self.call.departs() { Vec::new() } else { self.error_json(&error) })
    }

    pub(super) fn fault_headers(&self, fault: &Fault, head: Head) -> (Headers, ErrorBody) {
        let error = fault.to_body(self.endpoint.provider.name);
        if self.is_outdated(fault) {
            // Neither the deployment nor its account has failed.
            let (headers, error) = self.error_headers(Class::ServiceUnavailable, error, None, head);
            let is_last = !self.call.journey.borrow().is_marked();
            return (if is_last { headers } else { self.harmless(headers) }, error);
        }
        self.error_headers(fault.class, error, fault.retry_after, head)
    }

    /// A missing credential is not the provider's failure, so it must not cause a cooldown: the deployment is
    /// usable as soon as the credential arrives.
    pub(super) fn absent_headers(&self, absent: &Absent) -> (Headers, ErrorBody) {
        let told = Fault::new(Class::ServiceUnavailable, &*absent.message);
        let error = told.to_body(self.endpoint.provider.name);
        let (headers, error) = self.error_headers(absent.class, error, None, Head::default());
        (self.harmless(headers), error)
    }

    /// Headers that do not count as a failure of the deployment.
    fn harmless(&self, mut headers: Headers) -> Headers {
        if !self.call.departs() {
            headers.set(":status", NO_FAILURE_STATUS.to_string());
        }
        headers
    }

    /// An error in the client's language.
    pub(super) fn error_json(&self, error: &ErrorBody) -> Vec<u8> {
        self.call.language.error(error, &self.call.id).unwrap_or_else(|| error.to_json())
    }

    /// The headers of an error, and what happens to the request next.
    pub(super) fn error_headers(
        &self,
        class: Class,
        error: ErrorBody,
        retry_after: Option<u64>,
        head: Head,
    ) -> (Headers, ErrorBody) {
        let status = self.call.language.status(&error);
        let mut headers = Headers::for_answer(status, "application/json");
        headers.set_length(self.error_json(&error).len());
        answer_headers(&mut headers, &self.call, &self.endpoint, Some(&Usage::default()));
        let wait = RetryAfter::of(&head, self.call.started_ms).or(retry_after.map(RetryAfter::seconds));
        passed_on(&mut headers, head, self.call.started_ms);
        if let Some(wait) = wait {
            wait.write(&mut headers);
        }
        self.note(status);
        self.call.progress.borrow_mut().error = Some(UsageError::new(class.name(), &error.message));
        match self.call.fail(Failed { retry_after: wait, ..Failed::new(class, error.clone()) }) {
            After::End => {}
            After::Again => headers.set(RETRY_HEADER, class.name()),
            After::Elsewhere => headers = redirect(),
        }
        (headers, error)
    }
}
