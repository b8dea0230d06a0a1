//! What completions and their chunks consist of, as vendors write them.

use crate::facts::FinishReason;
use crate::json::{JsonStr, Object, Raw, read};
use crate::openai::{Memo, Operation};

/// `object` of a response or a chunk.
pub(super) fn object_name(memo: &Memo, is_chunk: bool) -> &'static str {
    match (memo.operation, is_chunk) {
        (Operation::Chat, true) => "chat.completion.chunk",
        (Operation::Chat, false) => "chat.completion",
        _ => "text_completion",
    }
}

/// Maps a vendor's finish reason to `OpenAI`'s.
pub(super) fn finish_reason(word: &str, has_calls: bool) -> FinishReason {
    match word {
        "length" | "max_tokens" | "model_context_window_exceeded" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" | "sensitive" => FinishReason::ContentFilter,
        // `eos`, `eos_token`, `error`, `network_error` …
        _ if has_calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// Looks for a `finish_reason` that is a string, without parsing the choices. Some vendors send an empty one
/// with every chunk.
pub(super) fn has_finish_reason(choices: Raw<'_>, or_empty: bool) -> bool {
    const KEY: &[u8] = b"\"finish_reason\":";
    let bytes = choices.get().as_bytes();
    memchr::memmem::find_iter(bytes, KEY).any(|at| {
        let word = bytes.get(at + KEY.len()..).unwrap_or_default().trim_ascii_start();
        word.starts_with(b"\"") && (or_empty || !word.starts_with(b"\"\""))
    })
}

/// The texts of a content, which is a string or parts.
pub(super) fn texts(content: Option<Raw<'_>>) -> Vec<JsonStr<'_>> {
    let Some(content) = content else { return Vec::new() };
    if let Some(text) = JsonStr::of(content) {
        return vec![text];
    }
    let parts: Vec<Object<'_>> = read(content).unwrap_or_default();
    parts.iter().filter_map(|part| part.get("text").and_then(JsonStr::of)).collect()
}
