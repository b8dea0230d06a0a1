//! Errors: `OpenAI`'s envelope with the words and statuses that clients of this API act on.
//!
//! Codex repeats a request after most statuses, but not after 400, or after 429 with `insufficient_quota`.

use std::borrow::Cow;

use super::answer::write_frame;
use crate::inbound::Place;
use crate::json::Writer;
use crate::openai::ErrorBody;

/// The error for a spent budget, or for an account without credit.
const NO_QUOTA: &str = "insufficient_quota";

/// The status that a client of this language sees. Codex repeats a request that is answered with 422, whose cause does not
/// go away; nor does a spent budget.
pub(super) fn status(error: &ErrorBody) -> u16 {
    match error.status {
        _ if is_spent(error) => 429,
        422 => 400,
        status => status,
    }
}

fn is_spent(error: &ErrorBody) -> bool {
    error.kind == "budget_exceeded" || error.status == 402
}

/// `error.code`, where there is a word for it.
fn code(error: &ErrorBody) -> Option<&str> {
    match error.status {
        _ if is_spent(error) => Some(NO_QUOTA),
        429 => Some("rate_limit_exceeded"),
        _ => error.code.as_deref(),
    }
}

/// `error.code` of a failed response, which always has one. Codex repeats a request after every code that it does not know.
fn code_of_failure(error: &ErrorBody) -> &str {
    match code(error) {
        Some(known @ ("context_length_exceeded" | NO_QUOTA | "rate_limit_exceeded")) => known,
        _ if matches!(error.status, 408 | 409 | 500..) => "server_error",
        _ => "invalid_prompt",
    }
}

/// Writes the body.
pub(super) fn write(error: &ErrorBody, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.object().key("error").object().key("message").string(&error.message);
    w.key("type").string(if is_spent(error) { NO_QUOTA } else { &error.kind });
    match &error.param {
        Some(param) => w.key("param").string(param),
        None => w.key("param").raw("null"),
    };
    let code = code(error).map_or_else(|| error.status.to_string().into(), Cow::Borrowed);
    w.key("code").string(&code).end_object().end_object();
}

/// Writes `error` of a failed response.
pub(super) fn write_failure(error: &ErrorBody, w: &mut Writer<'_>) {
    w.object().key("code").string(code_of_failure(error)).key("message").string(&error.message).end_object();
}

/// Writes the last event of a stream that is idle. Codex ignores events of type `error`.
pub(super) fn write_event(error: &ErrorBody, place: &Place, out: &mut Vec<u8>) {
    let number = place.events.replace(place.events.get().saturating_add(1));
    write_frame(out, "response.failed", number, |w| {
        w.key("response").object().key("id").string(&place.answer).key("object").string("response");
        w.key("created_at").number(place.created).key("status").string("failed");
        write_failure(error, w.key("error"));
        w.key("incomplete_details").raw("null").key("instructions").raw("null").key("metadata").raw("null");
        w.key("model").string(&place.model).key("output").array().end_array();
        w.key("parallel_tool_calls").bool(true).key("store").bool(false).key("temperature").raw("null");
        w.key("tool_choice").string("auto").key("tools").array().end_array();
        w.key("top_p").raw("null").key("usage").raw("null").end_object();
    });
}
