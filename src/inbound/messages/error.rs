//! Errors in the format of the Messages API: <https://platform.claude.com/docs/en/api/errors>.

use crate::json::Writer;
use crate::openai::ErrorBody;

/// The status for a client of this API.
pub(super) fn status(error: &ErrorBody) -> u16 {
    match error.status {
        // Claude Code interprets 422 as a rejected beta feature, and sends six requests.
        422 if error.kind == "budget_exceeded" => 402,
        422 => 400,
        // Anthropic's status for an overload.
        503 => 529,
        status => status,
    }
}

/// Claude Code compacts the conversation when it reads these words.
const TOO_LONG: &str = "prompt is too long";

/// `error.type`
fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 | 405 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

/// Writes the body. `id` is the request's.
pub(super) fn write(error: &ErrorBody, id: &str, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.object().key("type").string("error").key("error").object();
    w.key("type").string(kind(status(error))).key("message");
    let is_overflow = error.message.starts_with("litellm.ContextWindowExceededError");
    if is_overflow && !error.message.contains(TOO_LONG) {
        w.string(&format!("{TOO_LONG}: {}", error.message));
    } else {
        w.string(&error.message);
    }
    w.end_object();
    w.key("request_id").string(id).end_object();
}

/// Writes the error as an event of a stream.
pub(super) fn write_event(error: &ErrorBody, id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: error\ndata: ");
    write(error, id, out);
    out.extend_from_slice(b"\n\n");
}
