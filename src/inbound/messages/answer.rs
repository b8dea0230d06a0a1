//! Common parts of complete responses and streams.

use crate::facts::{FinishReason, Usage};
use crate::inbound::carrier::State;
use crate::json::{JsonStr, JsonString, Writer};
use crate::openai::{Memo, bare_id};

/// The id of a response: the provider's, if it has Anthropic's format.
pub(super) fn message_id(given: Option<JsonStr<'_>>, memo: &Memo) -> String {
    match given.map(JsonStr::inner) {
        Some(id) if id.starts_with("msg_") => id.to_owned(),
        _ => ["msg_", &memo.id.replace('-', "")].concat(),
    }
}

/// A call's id without the signature that it may contain for clients of other APIs: Anthropic and OpenAI would reject it
/// after a change of the model.
pub(super) fn bare_token(id: JsonStr<'_>) -> JsonString {
    match id.decode().map(bare_id) {
        Some(id) => JsonString::new(&id),
        None => JsonString::of(id),
    }
}

/// A call's signature as that of the thinking block before it.
pub(super) fn carried(call: JsonStr<'_>, signature: JsonStr<'_>) -> JsonString {
    let call = call.decode().unwrap_or_default().into_owned();
    let mut state = State::default();
    state.calls.push((call, JsonString::of(signature)));
    JsonString::new(&state.encrypted(""))
}

/// The signature of a thinking block of a model that signs none: an empty carrier. Some SDKs drop blocks without a
/// signature, but such models need their reasoning back in the next turn.
pub(super) fn unsigned() -> JsonString {
    JsonString::new(&State::default().encrypted(""))
}

/// `stop_reason`. `calls`: the response has tool calls.
pub(super) fn stop_reason(reason: Option<FinishReason>, calls: bool, refused: bool) -> &'static str {
    match reason {
        _ if refused => "refusal",
        Some(FinishReason::ContentFilter | FinishReason::Refusal) => "refusal",
        Some(FinishReason::Length) => "max_tokens",
        Some(FinishReason::PauseTurn) => "pause_turn",
        _ if calls => "tool_use",
        Some(FinishReason::StopSequence) => "stop_sequence",
        Some(FinishReason::ToolCalls | FinishReason::Stop) | None => "end_turn",
    }
}

/// Writes `stop_reason` and the members that depend on it.
pub(super) fn write_stop(w: &mut Writer<'_>, reason: &str, explanation: &str) {
    w.key("stop_reason").string(reason).key("stop_sequence").raw("null");
    if reason == "refusal" {
        w.key("stop_details").object().key("type").string("refusal").key("category").raw("null");
        w.key("explanation");
        if explanation.is_empty() {
            w.raw("null")
        } else {
            w.escaped(explanation)
        };
        w.end_object();
    }
}

/// Writes `usage`. Anthropic's `input_tokens` do not include tokens read from or written to a cache.
pub(super) fn write_usage(w: &mut Writer<'_>, usage: &Usage) {
    let fresh = usage.prompt.saturating_sub(usage.cached).saturating_sub(usage.cache_write);
    w.object().key("input_tokens").number(fresh);
    w.key("cache_creation_input_tokens").number(usage.cache_write);
    w.key("cache_read_input_tokens").number(usage.cached);
    w.key("cache_creation").object();
    w.key("ephemeral_5m_input_tokens").number(usage.cache_write.saturating_sub(usage.cache_write_1h));
    w.key("ephemeral_1h_input_tokens").number(usage.cache_write_1h).end_object();
    w.key("output_tokens").number(usage.completion);
    if usage.reasoning > 0 {
        w.key("output_tokens_details").object().key("thinking_tokens").number(usage.reasoning).end_object();
    }
    if usage.searches > 0 {
        w.key("server_tool_use").object().key("web_search_requests").number(usage.searches);
        w.key("web_fetch_requests").number(0).end_object();
    }
    w.end_object();
}
