//! Errors in Anthropic's format, in a response or inside a stream.

use std::borrow::Cow;

use super::super::wording::refined;
use crate::facts::{Class, Fault};
use crate::json::{JsonStr, Raw, Text, fields, read};

/// Parses the contents of `{"type":"error","error":{"type","message"}}`. `status` is absent inside a stream.
pub(in crate::dialects) fn fault(status: Option<u16>, error: Raw<'_>) -> Fault {
    #[derive(Default)]
    struct Wire<'a> {
        kind: Text<'a>,
        message: Option<JsonStr<'a>>,
    }
    fields!(Wire<'a> { kind = "type", message });
    let wire: Wire<'_> = read(error).unwrap_or_default();
    let message = wire
        .message
        .and_then(JsonStr::decode)
        .map_or_else(|| error.get().chars().take(512).collect(), Cow::into_owned);
    let class = match &*wire.kind {
        "request_too_large" => Class::BadRequest,
        // Used for every 4xx without a more specific type.
        "invalid_request_error" => Class::of_status(status.unwrap_or(400)),
        "authentication_error" => Class::Authentication,
        "permission_error" => Class::PermissionDenied,
        "not_found_error" => Class::NotFound,
        "billing_error" => Class::PaymentRequired,
        "rate_limit_error" => Class::RateLimit,
        "timeout_error" => Class::Timeout,
        "overloaded_error" => Class::ServiceUnavailable,
        // `api_error` is used for every 5xx; the status is more specific.
        _ => Class::of_status(status.unwrap_or(500)),
    };
    let class = match refined(class, &[], &message) {
        Class::BadRequest if message.contains("context window") => Class::ContextWindowExceeded,
        class => class,
    };
    Fault::new(class, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_inside_a_stream_is_classed_by_its_type() {
        let raw: Raw<'_> = Raw::parse(r#"{"type":"overloaded_error","message":"Overloaded"}"#).unwrap();
        assert_eq!(fault(None, raw), Fault::new(Class::ServiceUnavailable, "Overloaded"));
    }

    #[test]
    fn the_status_tells_what_a_type_for_everything_does_not() {
        let raw: Raw<'_> = Raw::parse(r#"{"type":"invalid_request_error","message":"Too late"}"#).unwrap();
        assert_eq!(fault(Some(408), raw).class, Class::Timeout);
        assert_eq!(fault(Some(400), raw).class, Class::BadRequest);
        assert_eq!(fault(None, raw).class, Class::BadRequest);
    }
}
