//! Determines an error's class by its code and message, if its status is not specific.

use crate::facts::Class;
use crate::wordings::{Said, WORDINGS};

/// The class of an error with these codes (`code`, `type`) and this message. `class` is that of its status.
///
/// A specific status is kept, because a throttled request's message may also mention tokens. A 403 can only
/// be refined to a content error.
pub(super) fn refined(class: Class, codes: &[Option<&str>], message: &str) -> Class {
    let is_vague = match class {
        Class::BadRequest | Class::UnprocessableEntity | Class::InternalServer => true,
        Class::PermissionDenied => false,
        _ => return class,
    };
    let message = message.to_lowercase();
    let fits = |said: Said| match said {
        Said::Code(code) => codes.iter().flatten().any(|given| given.eq_ignore_ascii_case(code)),
        Said::Words(words) => memchr::memmem::find(message.as_bytes(), words.as_bytes()).is_some(),
    };
    let row = WORDINGS
        .iter()
        .find(|row| (is_vague || row.class == Class::ContentPolicyViolation) && fits(row.said));
    row.map_or(class, |row| row.class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_precise_stays() {
        let too_many = "Too many input tokens, please wait before trying again.";
        assert_eq!(refined(Class::RateLimit, &[], too_many), Class::RateLimit);
        assert_eq!(refined(Class::BadRequest, &[], too_many), Class::ContextWindowExceeded);
        assert_eq!(refined(Class::PermissionDenied, &[], "prompt is too long"), Class::PermissionDenied);
        assert_eq!(refined(Class::NotFound, &[Some("content_filter")], ""), Class::NotFound);
    }
}
