//! Deployments: an account at a provider, and a model.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Price;
use crate::json::fields;

/// One provider account and model that can serve a group: one Envoy endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Deployment {
    /// `model_info.id`, or a hash of the parameters: stable over restarts.
    pub id: String,
    /// [`Group::name`](super::Group::name).
    pub group: String,
    /// Row of `providers`.
    pub provider: String,
    /// Model in the provider's words; a `*` stands for what the group's `*` matched.
    pub model: String,
    /// `scheme://host[:port][/prefix]`, without a trailing slash; empty for a provider that is not called.
    pub api_base: String,
    /// Environment variable with the credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Name of the access token that the key service fetches for it, in the place of [`Self::api_key_env`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// Further credentials by their `LiteLLM` names (`aws_secret_access_key` …): (name, environment variable).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<(String, String)>,
    /// Headers added to every request to the provider.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ExtraHeader>,
    /// Values of `OpenAI` parameters for requests that lack them, each as JSON text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<(String, Box<RawValue>)>,
    /// Overrides [`Settings::drop_params`](super::Settings::drop_params).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_params: Option<bool>,
    /// Parameters, or paths into them, that are taken out of every request (`additional_drop_params`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_drop_params: Vec<String>,
    /// Parameters that are sent although the provider is said to lack them (`allowed_openai_params`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_openai_params: Vec<String>,
    /// `mock_response`: answer with this text (or raise the error that it names) without calling anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mock_response: Option<String>,
    /// What the provider's row needs besides: `api_version`, `region`, `project` … by their `LiteLLM` names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<(String, String)>,
    /// A comment in a stream after so much silence, milliseconds (`keepalive_seconds`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_ms: Option<u64>,
    /// Longest answer of the model, tokens (`max_tokens` where a provider requires one and the client gives none).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// Prices, US dollars per token; absent where they depend on the model that a request or an answer names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// `model_info` as it is shown, each value as JSON text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info: Vec<(String, Box<RawValue>)>,
}
fields!(strict Deployment {
    id, group, provider, model, api_base, api_key_env, access_token, secrets, headers, defaults,
    drop_params, additional_drop_params, allowed_openai_params, mock_response, options, keepalive_ms, max_output_tokens, price, info; "id", "group", "provider", "model",
    "api_base"
});

/// A header whose value is written out, or lies in the environment because it may be a secret.
#[derive(Clone, Debug, Serialize)]
pub struct ExtraHeader {
    /// Lower case.
    pub name: String,
    /// The value itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Environment variable with the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_env: Option<String>,
}
fields!(strict ExtraHeader { name, value, value_env; "name" });
