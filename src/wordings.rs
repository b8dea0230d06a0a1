//! Error messages whose meaning the status does not express: a prompt that is too long, rejected content, an
//! account without credit.
//!
//! Each row describes one vendor, but every row is applied to all errors, because aggregators and proxies
//! pass on the messages of the vendor that serves the model. `tests/fixtures/wordings.json` has an error for
//! each row.

use crate::facts::Class;

/// A known error.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    /// The vendor that sends it.
    pub vendor: &'static str,
    /// What it means.
    pub class: Class,
    /// How to recognize it.
    pub said: Said,
}

/// How an error is recognized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// The error's `code` or `type`, ignoring case.
    Code(&'static str),
    /// A substring of the message, ignoring case; lowercase here.
    Words(&'static str),
}

const fn code(vendor: &'static str, class: Class, code: &'static str) -> Wording {
    Wording { vendor, class, said: Said::Code(code) }
}

const fn words(vendor: &'static str, class: Class, words: &'static str) -> Wording {
    Wording { vendor, class, said: Said::Words(words) }
}

use Class::{ContentPolicyViolation as POLICY, ContextWindowExceeded as WINDOW, PaymentRequired, RateLimit};

/// All known errors, by class and vendor. The first match counts, so codes come before messages.
pub const WORDINGS: &[Wording] = &[
    code("github", WINDOW, "model_max_prompt_tokens_exceeded"),
    code("github", WINDOW, "tokens_limit_reached"),
    code("llama.cpp", WINDOW, "exceed_context_size_error"),
    code("openai", WINDOW, "context_length_exceeded"),
    code("zai", WINDOW, "1261"),
    code("azure", POLICY, "content_filter"),
    code("azure", POLICY, "ResponsibleAIPolicyViolation"),
    code("dashscope", POLICY, "data_inspection_failed"),
    code("dashscope", POLICY, "DataInspectionFailed"),
    code("openai", POLICY, "content_policy_violation"),
    code("openai", POLICY, "moderation_blocked"),
    code("volcengine", POLICY, "InputTextSensitiveContentDetected"),
    code("volcengine", POLICY, "OutputTextSensitiveContentDetected"),
    code("volcengine", POLICY, "SensitiveContentDetected"),
    code("zai", POLICY, "1301"),
    code("groq", RateLimit, "rate_limit_exceeded"),
    code("openai", RateLimit, "insufficient_quota"),
    code("openai", RateLimit, "rate_limit_error"),
    code("dashscope", PaymentRequired, "Arrearage"),
    words("anthropic", WINDOW, "exceed context limit"),
    words("anthropic", WINDOW, "prompt is too long"),
    words("bedrock", WINDOW, "expected maxlength"),
    words("bedrock", WINDOW, "input is too long"),
    words("bedrock", WINDOW, "input tokens exceeded"),
    words("bedrock", WINDOW, "too many input tokens"),
    words("cohere", WINDOW, "too many tokens: "),
    words("dashscope", WINDOW, "range of input length should be"),
    words("ds4", WINDOW, "but the configured context size is"),
    words("gemini", WINDOW, "exceeds the maximum number of tokens allowed"),
    words("groq", WINDOW, "reduce the length of the messages"),
    words("llama.cpp", WINDOW, "exceeds the available context size"),
    words("llama-cpp-python", WINDOW, "exceed context window of"),
    words("lm_studio", WINDOW, "greater than the context length"),
    words("lm_studio", WINDOW, "loaded with context length of only"),
    words("minimax", WINDOW, "context window exceeds limit"),
    words("moonshot", WINDOW, "exceeded model token limit"),
    words("ollama", WINDOW, "exceeded max context length"),
    words("ollama", WINDOW, "exceeds the context length"),
    words("openai", WINDOW, "exceeds the context window"),
    words("openai", WINDOW, "input tokens exceed the configured limit"),
    words("openai", WINDOW, "maximum context length"),
    words("openrouter", WINDOW, "maximum allowed input length"),
    words("sglang", WINDOW, "longer than the model's context length"),
    words("together_ai", WINDOW, "`inputs` must have less than"),
    words("together_ai", WINDOW, "`inputs` tokens + `max_new_tokens` must be"),
    words("vertex_ai", WINDOW, "but model only supports up to"),
    words("vllm", WINDOW, "longer than the maximum model length"),
    words("vllm", WINDOW, "model's context length is only"),
    words("volcengine", WINDOW, "exceed max message tokens"),
    words("xai", WINDOW, "maximum prompt length is"),
    words("zai", WINDOW, "prompt exceeds max length"),
    words("anthropic", POLICY, "content filtering policy"),
    words("azure", POLICY, "content management policy"),
    words("bedrock", POLICY, "blocked by our content filter"),
    words("dashscope", POLICY, "may contain inappropriate content"),
    words("deepseek", POLICY, "content exists risk"),
    words("gemini", POLICY, "blocked by our safety"),
    words("minimax", POLICY, "new_sensitive"),
    words("moonshot", POLICY, "considered high risk"),
    words("openai", POLICY, "limited access to this content for safety reasons"),
    words("openai", POLICY, "rejected as a result of our safety system"),
    words("openrouter", POLICY, "your input was flagged"),
    words("volcengine", POLICY, "may contain sensitive information"),
    words("xai", POLICY, "content violates usage guidelines"),
    words("zai", POLICY, "unsafe or sensitive content"),
    words("zai", POLICY, "不安全或敏感内容"),
    words("anthropic", PaymentRequired, "credit balance is too low"),
];
