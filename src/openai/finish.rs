//! `finish_reason`

use crate::facts::FinishReason;

/// The word for a reason. Strict clients know five of them; `function_call` is for one that asked with `functions`.
pub fn finish_word(reason: FinishReason, knows_function_call: bool) -> &'static str {
    match reason {
        FinishReason::Stop | FinishReason::StopSequence => "stop",
        // Says that there is more to come.
        FinishReason::Length | FinishReason::PauseTurn => "length",
        FinishReason::ToolCalls if knows_function_call => "function_call",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
    }
}
