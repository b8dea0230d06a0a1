//! Errors: their headers and body, and what happens to the request next.

use super::super::fallback::{After, Failed};
use super::super::head::Head;
use super::super::headers::{Headers, answer_headers, passed_on};
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
        if fault.class == Class::Authentication
            && let Some(name) = &self.endpoint.deployment.access_token
        {
            self.call.table.access_tokens.want(name, self.now_ms);
        }
        self.error_headers(fault.class, fault.to_body(self.endpoint.provider.name), fault.retry_after, head)
    }

    /// A missing credential is not the provider's failure, so it must not cause a cooldown: the deployment is
    /// usable as soon as the credential arrives.
    pub(super) fn absent_headers(&self, absent: &Absent) -> (Headers, ErrorBody) {
        let told = Fault::new(Class::ServiceUnavailable, &*absent.message);
        let error = told.to_body(self.endpoint.provider.name);
        let (mut headers, error) = self.error_headers(absent.class, error, None, Head::default());
        if !self.call.departs() {
            headers.set(":status", NO_FAILURE_STATUS.to_string());
        }
        (headers, error)
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
        let retry_after = wait;
        let told = UsageError::new(class.name(), &error.message);
        let failed = Failed { class, error: error.clone(), retry_after };
        let mut progress = self.call.progress.borrow_mut();
        (progress.failed, progress.error) = (Some(failed), Some(told));
        drop(progress);
        match self.call.after(class) {
            After::End => {}
            After::Again => {
                headers.set(RETRY_HEADER, class.name());
                self.call.progress.borrow_mut().marked = true;
            }
            After::Elsewhere => headers = self.call.depart(),
        }
        (headers, error)
    }
}
