//! Model groups, and their aliases.

use serde::Serialize;

use crate::json::fields;

/// A model group: a public name and an Envoy cluster.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Group {
    /// `model_name`; may contain one `*`.
    pub name: String,
    /// Envoy cluster.
    pub cluster: String,
    /// `model_info.mode`: `chat`, `embedding`, `completion` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// `model_info.access_groups` of all its deployments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_groups: Vec<String>,
    /// Why no deployment can serve it; part of the error for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unserved: Option<String>,
    /// Set if this is a single deployment of that group (`model_info.id`). The same keys may use it, and it
    /// is not listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// Set if this is the part of that group that serves requests with certain tags: the ids of its deployments. If there are
    /// none, it serves requests whose tags fit no deployment of the group: by fallbacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subset: Option<Vec<String>>,
    /// Only keys of this team may use it (`model_info.team_id`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// The name by which they do, because [`Self::name`] is unique (`model_info.team_public_model_name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_public_model_name: Option<String>,
    /// Capabilities of its models: the names of `LiteLLM`'s `supports_*` that are true.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supports: Vec<String>,
    /// Retries, if they differ from [`Settings::num_retries`](super::Settings::num_retries).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_retries: Option<u32>,
    /// Context window, tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_input_tokens: Option<u64>,
    /// Maximum output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Some of its deployments have no weight: they have a lower priority in its cluster, and serve requests
    /// when the others fail.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub has_spares: bool,
    /// Models to try, in order, when this one fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<String>,
    /// The same for a prompt that is too long; [`Self::fallbacks`] if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_window_fallbacks: Option<Vec<String>>,
    /// The same for content that the provider rejects; [`Self::fallbacks`] if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_policy_fallbacks: Option<Vec<String>>,
    /// Retries by class of error, if they differ from the request's.
    #[serde(skip_serializing_if = "RetryPolicy::is_empty")]
    pub retry_policy: RetryPolicy,
    /// Timeout of an attempt, milliseconds, if it differs from the route's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Timeout for a stream's first event, milliseconds, if it differs from [`Self::timeout_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_timeout_ms: Option<u64>,
}
fields!(strict Group {
    name, cluster, mode, access_groups, unserved, part_of, subset, team_id, team_public_model_name, supports, num_retries, max_input_tokens, max_output_tokens, has_spares,
    fallbacks,
    context_window_fallbacks, content_policy_fallbacks, retry_policy, timeout_ms, stream_timeout_ms; "name",
    "cluster"
});

impl Group {
    /// Whether it is for requests whose tags fit no deployment.
    pub fn fits_nobody(&self) -> bool {
        self.subset.as_ref().is_some_and(Vec::is_empty)
    }

    /// The name that clients use.
    pub fn public_name(&self) -> &str {
        self.team_public_model_name.as_deref().unwrap_or(&self.name)
    }
}

/// Retries by class of error (`retry_policy`), under `LiteLLM`'s names. Absent values mean `num_retries` for
/// errors that are retryable, and 0 for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RetryPolicy {
    /// 400, 404 and 422.
    #[serde(rename = "BadRequestErrorRetries", skip_serializing_if = "Option::is_none")]
    pub bad_request: Option<u32>,
    /// 401 and 403.
    #[serde(rename = "AuthenticationErrorRetries", skip_serializing_if = "Option::is_none")]
    pub authentication: Option<u32>,
    /// 408 and 504 from a provider.
    #[serde(rename = "TimeoutErrorRetries", skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u32>,
    /// 429.
    #[serde(rename = "RateLimitErrorRetries", skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u32>,
    /// Content that the provider rejected.
    #[serde(rename = "ContentPolicyViolationErrorRetries", skip_serializing_if = "Option::is_none")]
    pub content_policy_violation: Option<u32>,
    /// 500, 502 and 503.
    #[serde(rename = "InternalServerErrorRetries", skip_serializing_if = "Option::is_none")]
    pub internal_server: Option<u32>,
}

impl RetryPolicy {
    /// Whether no class is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The largest number of retries in it.
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

/// An alias of a group.
#[derive(Clone, Debug, Serialize)]
pub struct Alias {
    /// The name that clients send.
    pub name: String,
    /// [`Group::name`].
    pub group: String,
    /// Not listed by `/v1/models`.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub hidden: bool,
}
fields!(strict Alias { name, group, hidden; "name", "group" });
