//! Deployments: an account at a provider, and a model.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Price;
use crate::json::fields;

/// A provider account and model that can serve a group: one Envoy endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Deployment {
    /// `model_info.id`, or a hash of the parameters; stable across restarts.
    pub id: String,
    /// [`Group::name`](super::Group::name).
    pub group: String,
    /// Name of a row of `providers`.
    pub provider: String,
    /// The model's name at the provider. A `*` is replaced by what the group's `*` matched.
    pub model: String,
    /// `scheme://host[:port][/prefix]`, without a trailing slash; empty for a provider that is not called.
    pub api_base: String,
    /// Environment variable with the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Name of the credential that the key service hands out for it, instead of [`Self::api_key_env`] and
    /// [`Self::secrets`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Other credentials by their `LiteLLM` names (`aws_secret_access_key` …), as pairs of the name and an
    /// environment variable.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<(String, String)>,
    /// Headers added to every request to the provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ExtraHeader>,
    /// Default values of `OpenAI` parameters, as JSON text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<(String, Box<RawValue>)>,
    /// Tags of the requests that it serves, if [`Settings::tag_filtering`](super::Settings::tag_filtering) is set.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Overrides [`Settings::drop_params`](super::Settings::drop_params).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_params: Option<bool>,
    /// Parameters, or paths into them, that are removed from every request (`additional_drop_params`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_drop_params: Vec<String>,
    /// Parameters that are sent although the provider is not known to support them (`allowed_openai_params`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_openai_params: Vec<String>,
    /// `mock_response`: respond with this text, or the error that it names, without calling a provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mock_response: Option<String>,
    /// Options of the provider: `api_version`, `region`, `project` … by their `LiteLLM` names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<(String, String)>,
    /// Write a comment into a stream that has been idle for this long, milliseconds (`keepalive_seconds`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_ms: Option<u64>,
    /// Maximum output tokens of the model (used for `max_tokens` if a provider requires it and the client
    /// sends none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Prices, US dollars per token; absent if they depend on the model that a request or a response names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// `model_info` for clients, each value as JSON text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<(String, Box<RawValue>)>,
}
fields!(strict Deployment {
    id, group, provider, model, api_base, api_key_env, credential, secrets, headers, defaults, tags,
    drop_params, additional_drop_params, allowed_openai_params, mock_response, options, keepalive_ms, max_output_tokens, price, info; "id", "group", "provider", "model",
    "api_base"
});

/// A header with a literal value, or with one from the environment or the key service, because it may be a secret.
#[derive(Clone, Debug, Serialize)]
pub struct ExtraHeader {
    /// Lowercase.
    pub name: String,
    /// The literal value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Environment variable with the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_env: Option<String>,
    /// Name of the credential that is the value, and that the key service hands out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}
fields!(strict ExtraHeader { name, value, value_env, credential; "name" });
