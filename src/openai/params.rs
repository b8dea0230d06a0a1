//! Request parameters: which ones are standard, which values equal the default, and which ones are not
//! forwarded.

use crate::json::Raw;

/// Parameters of `/chat/completions` and `/completions` that a dialect may not support. `model`, `messages`,
/// `prompt` and `stream` are not listed, because every dialect supports them.
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

/// Whether a value equals the parameter's default.
///
/// Such a parameter is dropped even where an unsupported one is an error, because many SDKs always send it.
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

/// Whether a value is an empty array.
pub fn is_empty_array(value: Raw<'_>) -> bool {
    let items = value.get().strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    items.is_some_and(|items| items.trim_ascii().is_empty())
}

/// Parameters that admission reads, in any dialect. Later changes (`extra_body`, `additional_drop_params`)
/// must not touch them, because the request was admitted on the basis of these values.
pub fn is_admitted(name: &str) -> bool {
    // Some servers do not distinguish upper and lower case (Go's `encoding/json`).
    ADMITTED.iter().any(|admitted| admitted.eq_ignore_ascii_case(name))
}

const ADMITTED: &[&str] = &[
    "best_of",
    "candidateCount",
    "candidate_count",
    "contents",
    "input",
    "maxOutputTokens",
    "maxTokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "messages",
    "model",
    "n",
    "num_predict",
    "prompt",
    "service_tier",
    "stream",
    "stream_options",
];

/// Set by a client's format if `web_search_options` may not be left out: the request asks for nothing else.
pub const SEARCH_REQUIRED: &str = "web_search_required";

/// The beginning of ids of searches that another provider made than the one whose format the client has.
pub const SEARCH_ID: &str = "srvtoolu_sb1_";

/// Parameters for the gateway that are never forwarded: `LiteLLM`'s own (its `all_litellm_params`), and
/// credentials and accounts, which a request cannot choose here.
pub fn is_private(name: &str) -> bool {
    // Prefixes of parameter names. This runs for every parameter, and the first letter rules most of them
    // out.
    let families: &[&str] = match name.as_bytes().first() {
        Some(b'a') => &["arize_", "auto_router_", "aws_", "azur"],
        Some(b'g') => &["gcs_"],
        Some(b'i') => &["input_cost_per_"],
        Some(b'l') => &["langfuse_", "langsmith_", "litellm_"],
        Some(b'm') => &["mock_"],
        Some(b'o') => &["output_cost_per_"],
        Some(b'p') => &["posthog_", "prompt_variables", "prompt_version"],
        Some(b's') => &["s3_"],
        Some(b'u') => &["use_litellm"],
        Some(b'v') => &["vertex_"],
        _ => &[],
    };
    matches!(
        name,
        "additional_drop_params"
            | "allowed_openai_params"
            | "api_base"
            | "api_key"
            | "api_version"
            | "assistant_continue_message"
            | "base_model"
            | "base_url"
            | "budget_duration"
            | "cache"
            | "cache_control_injection_points"
            | "cache_key"
            | "caching"
            | "caching_groups"
            | "client_id"
            | "client_secret"
            | "configurable_clientside_auth_params"
            | "content_policy_fallbacks"
            | "context_window_fallback_dict"
            | "context_window_fallbacks"
            | "cooldown_time"
            | "custom_llm_provider"
            | "custom_prompt_dict"
            | "disable_fallbacks"
            | "drop_params"
            | "enable_tag_filtering"
            | "ensure_alternating_roles"
            | "extra_body"
            | "extra_headers"
            | "fallbacks"
            | "force_timeout"
            | "guardrails"
            | "headers"
            | "keepalive_seconds"
            | "max_budget"
            | "max_fallbacks"
            | "max_parallel_requests"
            | "max_retries"
            | "merge_reasoning_content_in_choices"
            | "model_info"
            | "model_list"
            | "no-log"
            | "no_log"
            | "num_retries"
            | "organization"
            | "priority"
            | "prompt_id"
            | "prompt_label"
            | "proxy_server_request"
            | "provider_specific_header"
            | "region_name"
            | "request_timeout"
            | "retry_policy"
            | "retry_strategy"
            | "routing_strategy"
            | "roles"
            | "rpm"
            | "secret_fields"
            | "stream_timeout"
            | "tags"
            | "tenant_id"
            | "timeout"
            | "tpm"
            | "ttl"
            | "turn_off_message_logging"
            | "user_continue_message"
            | "verbose"
            | SEARCH_REQUIRED
    ) || families.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_gateways_is_no_parameter_of_a_provider() {
        for name in
            STANDARD_PARAMS.iter().chain(&["model", "messages", "thinking", "top_k", "extra", "provider"])
        {
            assert!(!is_private(name), "{name}");
        }
        for name in [
            "priority",
            "prompt_id",
            "mock_timeout",
            "model_info",
            "aws_secret_access_key",
            "litellm_trace_id",
        ] {
            assert!(is_private(name), "{name}");
        }
    }
}
