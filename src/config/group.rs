//! Model groups, and their aliases.

use serde::Serialize;

use crate::json::fields;

/// A model group: one public name, one Envoy cluster.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Group {
    /// `model_name`; may hold one `*`.
    pub name: String,
    /// Envoy cluster.
    pub cluster: String,
    /// `model_info.mode`: `chat`, `embedding`, `completion` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `model_info.access_groups` of all its deployments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_groups: Vec<String>,
    /// Why nothing can serve it: what clients are told who ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unserved: Option<String>,
    /// It is one deployment of that group (`model_info.id`): who may use that may use this, and no list shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// What its models can do: the names of `LiteLLM`'s `supports_*` that are true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supports: Vec<String>,
    /// Attempts after the first, where they are not [`Settings::num_retries`](super::Settings::num_retries).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_retries: Option<u32>,
    /// Context window, tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u64>,
    /// Longest answer, tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Some of its deployments have no share of the load: they are a priority of their own in its cluster, for
    /// when the others fail.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub has_spares: bool,
    /// Models to try, in order, when this one fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
    /// The same for a prompt that is too long; [`Self::fallbacks`] when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window_fallbacks: Option<Vec<String>>,
    /// The same for what the provider refuses to say; [`Self::fallbacks`] when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_policy_fallbacks: Option<Vec<String>>,
    /// Retries by class of error, where they are not those of the request.
    #[serde(skip_serializing_if = "RetryPolicy::is_empty")]
    pub retry_policy: RetryPolicy,
    /// Longest wait for the answer of one attempt, milliseconds, where it is not the route's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Longest wait for a stream's first event, milliseconds, where it is not [`Self::timeout_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_timeout_ms: Option<u64>,
}
fields!(strict Group {
    name, cluster, mode, access_groups, unserved, part_of, supports, num_retries, max_input_tokens, max_output_tokens, has_spares,
    fallbacks,
    context_window_fallbacks, content_policy_fallbacks, retry_policy, timeout_ms, stream_timeout_ms; "name",
    "cluster"
});

/// Attempts after the first by class of error (`retry_policy`), by `LiteLLM`'s names. What is absent is `num_retries`
/// for errors that are worth a retry, and none for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RetryPolicy {
    /// 400, 404 and 422.
    #[serde(rename = "BadRequestErrorRetries", skip_serializing_if = "Option::is_none")]
    pub bad_request: Option<u32>,
    /// 401 and 403.
    #[serde(rename = "AuthenticationErrorRetries", skip_serializing_if = "Option::is_none")]
    pub authentication: Option<u32>,
    /// 408 and 504, when a provider says so.
    #[serde(rename = "TimeoutErrorRetries", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// 429.
    #[serde(rename = "RateLimitErrorRetries", skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    /// What the provider refuses to say.
    #[serde(rename = "ContentPolicyViolationErrorRetries", skip_serializing_if = "Option::is_none")]
    pub content_policy_violation: Option<u32>,
    /// 500, 502 and 503.
    #[serde(rename = "InternalServerErrorRetries", skip_serializing_if = "Option::is_none")]
    pub internal_server: Option<u32>,
}

impl RetryPolicy {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The largest number in it.
    pub fn most(&self) -> Option<u32> {
        [
            self.bad_request,
            self.authentication,
            self.timeout,
            self.rate_limit,
            self.content_policy_violation,
            self.internal_server,
        ]
        .into_iter()
        .flatten()
        .max()
    }
}
fields!(strict RetryPolicy {
    bad_request = "BadRequestErrorRetries", authentication = "AuthenticationErrorRetries",
    timeout = "TimeoutErrorRetries", rate_limit = "RateLimitErrorRetries",
    content_policy_violation = "ContentPolicyViolationErrorRetries",
    internal_server = "InternalServerErrorRetries"
});

/// Another name for a group.
#[derive(Clone, Debug, Serialize)]
pub struct Alias {
    /// What clients say.
    pub name: String,
    /// [`Group::name`].
    pub group: String,
    /// Not listed by `/v1/models`.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub hidden: bool,
}
fields!(strict Alias { name, group, hidden; "name", "group" });
