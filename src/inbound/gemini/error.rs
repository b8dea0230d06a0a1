//! Errors in Google's form: <https://cloud.google.com/apis/design/errors>.

use crate::json::Writer;
use crate::openai::ErrorBody;

/// The status that a client of this language sees. A spent budget is 402, which no SDK retries.
pub(super) fn status(error: &ErrorBody) -> u16 {
    match error.status {
        422 if error.kind == "budget_exceeded" => 402,
        422 => 400,
        status => status,
    }
}

/// `error.status`: the canonical code for an HTTP status.
fn code(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 => "FAILED_PRECONDITION",
        403 => "PERMISSION_DENIED",
        404 | 405 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

/// Writes the body.
pub(super) fn write(error: &ErrorBody, out: &mut Vec<u8>) {
    let status = status(error);
    let mut w = Writer::new(out);
    w.object().key("error").object().key("code").number(status.into());
    w.key("message").string(&error.message).key("status").string(code(status));
    if let Some(details) = &error.details {
        w.key("details").raw(details);
    }
    w.end_object().end_object();
}
