//! The parameters of the request language: which are `OpenAI`'s, which values mean nothing, which stay here.

use crate::json::Raw;

/// Parameters of `/chat/completions` and `/completions` that a dialect may lack. `model`, `messages`, `prompt` and
/// `stream` are not among them: every dialect has those.
pub const STANDARD_PARAMS: &[&str] = &[
    "audio",
    "best_of",
    "echo",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "metadata",
    "modalities",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream_options",
    "suffix",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Whether a value is what the parameter means when it is absent.
///
/// Such a parameter is left out even where an unsupported one is an error: many SDKs always send it.
pub fn is_default(name: &str, value: Raw<'_>) -> bool {
    if matches!(name, "tools" | "functions" | "stop") {
        return is_empty_array(value);
    }
    let value = value.get();
    match name {
        "n" | "best_of" => value == "1",
        "frequency_penalty" | "presence_penalty" => matches!(value, "0" | "0.0"),
        "echo" | "logprobs" | "store" | "stream" => value == "false",
        "suffix" => value == r#""""#,
        "parallel_tool_calls" => value == "true",
        "logit_bias" => value == "{}",
        "modalities" => value.chars().filter(|c| !c.is_whitespace()).eq(r#"["text"]"#.chars()),
        "service_tier" => value == r#""auto""#,
        _ => value == "null",
    }
}

/// Whether a value is an array without items.
pub fn is_empty_array(value: Raw<'_>) -> bool {
    let items = value.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    items.is_some_and(|items| items.trim_ascii().is_empty())
}

/// Parameters that speak to the gateway and never leave it (`LiteLLM`'s own request fields).
pub fn is_private(name: &str) -> bool {
    matches!(
        name,
        "additional_drop_params"
            | "allowed_openai_params"
            | "api_key"
            | "api_version"
            | "cache"
            | "caching"
            | "context_window_fallbacks"
            | "content_policy_fallbacks"
            | "cooldown_time"
            | "custom_llm_provider"
            | "disable_fallbacks"
            | "drop_params"
            | "extra_headers"
            | "fallbacks"
            | "guardrails"
            | "litellm_call_id"
            | "litellm_metadata"
            | "litellm_session_id"
            | "litellm_trace_id"
            | "max_retries"
            | "mock_response"
            | "mock_testing_fallbacks"
            | "no-log"
            | "num_retries"
            | "retry_policy"
            | "stream_timeout"
            | "tags"
            | "timeout"
            | "ttl"
    )
}
