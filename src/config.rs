//! The one document that the launcher writes and the filter reads.
//!
//! It travels once, as plugin configuration of the listener's filter (`root_id: downstream`); upstream filters
//! find it in the VM that they share with it (`docs/decisions/`). It holds no secret: where one is needed it
//! names an environment variable that Envoy hands to the VM.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::{fields, leaves};

/// The format that this build reads and writes.
pub const VERSION: u32 = 1;

/// `root_id` of the listener's filter.
pub const DOWNSTREAM_ROOT: &str = "downstream";

/// `root_id` of the clusters' filter.
pub const UPSTREAM_ROOT: &str = "upstream";

/// Namespace of the endpoint metadata that tells an attempt its deployment.
pub const METADATA_NAMESPACE: &str = "switchboard";

/// Key in [`METADATA_NAMESPACE`] whose string value is [`Deployment::id`].
pub const METADATA_DEPLOYMENT: &str = "deployment";

/// Request header that the route's `cluster_header` names.
pub const CLUSTER_HEADER: &str = "x-switchboard-cluster";

/// Response header that the upstream filter sets for Envoy's router (`retriable_headers`).
pub const RETRY_HEADER: &str = "x-switchboard-retry";

/// Request header by which the filter chooses the route with that many attempts after the first.
pub const RETRIES_HEADER: &str = "x-switchboard-retries";

/// Filter state that holds the number of a request; Envoy knows it as `wasm.` and this.
pub const CALL_STATE: &str = "switchboard.call";

/// Request header by which an attempt is told its request and its deployment, apart by a space. A filter of Envoy's own
/// writes it anew for every attempt, from [`CALL_STATE`] and the endpoint's metadata: the filter's own questions for them
/// cost several times as much. No attempt sends it on.
pub const ATTEMPT_HEADER: &str = "x-switchboard-attempt";

/// Request header by which the gateway knows a part of a request that it has split, and response header of the answer to
/// one. Its value is a secret; a client's own is taken away.
pub const PART_HEADER: &str = "x-switchboard-part";

/// The deployment that is none: the last endpoint of every cluster, where an attempt goes when the group has failed.
pub const NOBODY: &str = "switchboard:nobody";

/// Filter state that holds what is told of a request when it is over, a `google.protobuf.Struct`; Envoy knows it as
/// `wasm.` and this.
pub const REPORT_STATE: &str = "switchboard.report";

/// Path of the redirect by which a request goes on to another group. Envoy follows it by itself.
pub const ONWARD_PREFIX: &str = "/switchboard-onward/";

/// Status of that redirect: the method and the body stay (RFC 9110, section 15.4.8).
pub const ONWARD_STATUS: u16 = 307;

/// Status by which an attempt's answer asks for another attempt where the deployment has not failed: no cooldown counts
/// it. The client never sees it.
pub const NO_FAILURE_STATUS: u16 = 424;

/// Status of a request whose budget is spent. It was 400 and 429 in earlier versions of `LiteLLM`.
pub const BUDGET_EXCEEDED_STATUS: u16 = 422;

/// Paths that the key service answers; those that end in a slash stand for everything below. Envoy's routes, the filter's
/// reading of paths and the key service's description of itself are held to this one list.
pub const KEY_SERVICE_PATHS: &[&str] =
    &["/key/", "/v2/key/", "/user/", "/team/", "/budget/", "/spend/", "/openapi.json", "/docs", "/metrics"];

/// Everything that the filter is told.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// [`VERSION`].
    pub version: u32,
    /// How to reach the key service.
    pub keys: KeyService,
    /// Settings that hold for every request.
    pub settings: Settings,
    /// What clients may ask for.
    pub groups: Vec<Group>,
    /// Other names for groups (`router_settings.model_group_alias`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// What serves them.
    pub deployments: Vec<Deployment>,
    /// Models whose provider is known by their name alone, for each provider that a wildcard leads to (`openai/*`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub catalog: Vec<Catalog>,
    /// What models cost that only a request or an answer names: of the providers of deployments without a price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<ModelPrice>,
}
fields!(strict Document {
    version, keys, settings, groups, aliases, deployments, catalog, prices; "version", "keys", "groups",
    "deployments"
});

/// The models of one provider, by their names without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// What stands before the slash in the names of groups.
    pub provider: String,
    /// Those that are known, sorted.
    pub models: Vec<String>,
    /// How the names of others begin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,
}
fields!(strict Catalog { provider, models, families; "provider", "models" });

/// The key service, as the filter sees it.
#[derive(Clone, Debug, Serialize)]
pub struct KeyService {
    /// Envoy cluster of its internal port.
    pub cluster: String,
    /// Environment variable with the bearer token of the internal port.
    pub token_env: String,
    /// Environment variable with the master key.
    pub master_key_env: String,
    /// Period of the sync call, milliseconds.
    pub sync_interval_ms: u32,
    /// Time-out of a verify or sync call, milliseconds.
    pub timeout_ms: u32,
    /// How long a known key goes on working while the key service does not answer, seconds.
    pub grace_s: u32,
    /// Most keys that one worker remembers.
    pub cache_size: u32,
}
fields!(strict KeyService {
    cluster, token_env, master_key_env, sync_interval_ms, timeout_ms, grace_s, cache_size; "cluster",
    "token_env", "master_key_env", "sync_interval_ms", "timeout_ms", "grace_s", "cache_size"
});

/// Settings that hold for every request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// Leave out parameters that a provider lacks instead of refusing them (`litellm_settings.drop_params`).
    pub drop_params: bool,
    /// Header that carries the key instead of the usual ones (`general_settings.litellm_key_header_name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_header: Option<String>,
    /// Status of a request whose budget is spent, instead of [`BUDGET_EXCEEDED_STATUS`]
    /// (`litellm_settings.budget_exceeded_status_code`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_exceeded_status_code: Option<u16>,
    /// Attempts after the first (`num_retries`), the value of Envoy's usual route.
    pub num_retries: u32,
    /// Tell of every request when it is over ([`REPORT_STATE`]), for an access log.
    pub reports: bool,
    /// Tell of every request when its answer is complete, for spans.
    pub spans: bool,
    /// The largest number for which there is a route ([`RETRIES_HEADER`]).
    pub most_retries: u32,
    /// Groups that a request may try after its own (`max_fallbacks`).
    pub max_fallbacks: u32,
    /// Seconds that a deployment is left alone after failures (`cooldown_time`).
    pub cooldown_s: f64,
    /// Longest wait for the answer of one attempt, and longest silence of a stream, milliseconds (`timeout`);
    /// 0 is for ever.
    pub timeout_ms: u64,
    /// Envoy cluster that leads to the gateway's own listener, for the parts of a request that is split. Without one
    /// none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_cluster: Option<String>,
}
fields!(strict Settings {
    drop_params, key_header, budget_exceeded_status_code, num_retries, reports, spans, most_retries,
    max_fallbacks, cooldown_s, timeout_ms, own_cluster
});

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
    /// Attempts after the first, where they are not [`Settings::num_retries`].
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

/// One provider account and model that can serve a group: one Envoy endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Deployment {
    /// `model_info.id`, or a hash of the parameters: stable over restarts.
    pub id: String,
    /// [`Group::name`].
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
    /// Overrides [`Settings::drop_params`].
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

/// What a model costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelPrice {
    /// The model, with its provider before it or without.
    pub model: String,
    /// Its price.
    pub price: Price,
}
fields!(strict ModelPrice { model, price; "model", "price" });

/// US dollars per token, by the names of `LiteLLM`'s price map.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Price {
    /// Prompt tokens.
    pub input_cost_per_token: f64,
    /// Completion tokens.
    pub output_cost_per_token: f64,
    /// Prompt tokens read from a cache; the input price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_input_token_cost: Option<f64>,
    /// Prompt tokens written to a cache; the input price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost: Option<f64>,
    /// Prompt tokens written to a cache for an hour; the price of other cache-written ones when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost_above_1hr: Option<f64>,
    /// Reasoning tokens; the output price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_cost_per_reasoning_token: Option<f64>,
    /// Prompt tokens of speech; the input price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cost_per_audio_token: Option<f64>,
    /// Completion tokens of speech; the output price when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_cost_per_audio_token: Option<f64>,
    /// A search of the web that the provider makes by itself, US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_cost: Option<f64>,
    /// Other prices for long prompts and tiers of service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

fields!(strict Price {
    input_cost_per_token, output_cost_per_token, cache_read_input_token_cost,
    cache_creation_input_token_cost, cache_creation_input_token_cost_above_1hr,
    output_cost_per_reasoning_token, input_cost_per_audio_token, output_cost_per_audio_token, search_cost, tiers
});

/// How a request is served (`service_tier`), where that has prices of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceTier {
    /// As usual.
    #[default]
    Standard,
    /// Cheaper and later.
    Flex,
    /// Dearer and sooner.
    Priority,
}

impl ServiceTier {
    /// The tier of that name; `None` for one that leaves the choice to the provider.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "default" | "standard" => Some(Self::Standard),
            "flex" => Some(Self::Flex),
            "priority" | "fast" => Some(Self::Priority),
            _ => None,
        }
    }

    /// The end of the price map's names for its prices.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Standard => "",
            Self::Flex => "_flex",
            Self::Priority => "_priority",
        }
    }

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde's skip_serializing_if requires"
    )]
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
}

leaves! {
    ServiceTier: ServiceTier::Standard, |token| ServiceTier::named(token.get().trim_matches('"')), "a service tier";
}

/// What tokens cost in a request whose prompt is longer than so many, or that is served otherwise; absent prices stay as
/// they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Tier {
    /// Prompt tokens, cached ones included.
    pub above_tokens: u64,
    /// How the request is served.
    #[serde(skip_serializing_if = "ServiceTier::is_standard")]
    pub service: ServiceTier,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_cost_per_token: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_cost_per_token: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_input_token_cost: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost: Option<f64>,
    /// See [`Price`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation_input_token_cost_above_1hr: Option<f64>,
}

fields!(strict Tier {
    above_tokens, service, cache_creation_input_token_cost_above_1hr, input_cost_per_token, output_cost_per_token, cache_read_input_token_cost,
    cache_creation_input_token_cost
});

impl Price {
    /// Every price that is known, by its name in the price map.
    pub fn named(&self) -> Vec<(Cow<'static, str>, f64)> {
        let mut named: Vec<(Cow<'static, str>, f64)> = vec![
            ("input_cost_per_token".into(), self.input_cost_per_token),
            ("output_cost_per_token".into(), self.output_cost_per_token),
        ];
        for (name, rate) in [
            ("cache_read_input_token_cost", self.cache_read_input_token_cost),
            ("cache_creation_input_token_cost", self.cache_creation_input_token_cost),
            ("cache_creation_input_token_cost_above_1hr", self.cache_creation_input_token_cost_above_1hr),
            ("output_cost_per_reasoning_token", self.output_cost_per_reasoning_token),
            ("input_cost_per_audio_token", self.input_cost_per_audio_token),
            ("output_cost_per_audio_token", self.output_cost_per_audio_token),
        ] {
            named.extend(rate.map(|rate| (name.into(), rate)));
        }
        for tier in &self.tiers {
            for (name, rate) in [
                ("input_cost_per_token", tier.input_cost_per_token),
                ("output_cost_per_token", tier.output_cost_per_token),
                ("cache_read_input_token_cost", tier.cache_read_input_token_cost),
                ("cache_creation_input_token_cost", tier.cache_creation_input_token_cost),
                ("cache_creation_input_token_cost_above_1hr", tier.cache_creation_input_token_cost_above_1hr),
            ] {
                let Some(rate) = rate else { continue };
                let above = match tier.above_tokens / 1000 {
                    0 => String::new(),
                    thousands => format!("_above_{thousands}k_tokens"),
                };
                named.push(([name, &above, tier.service.suffix()].concat().into(), rate));
            }
        }
        named
    }
}

impl Tier {
    /// Takes the prices of another in the place of its own.
    pub fn take(&mut self, other: &Self) {
        self.input_cost_per_token = other.input_cost_per_token.or(self.input_cost_per_token);
        self.output_cost_per_token = other.output_cost_per_token.or(self.output_cost_per_token);
        self.cache_read_input_token_cost =
            other.cache_read_input_token_cost.or(self.cache_read_input_token_cost);
        self.cache_creation_input_token_cost =
            other.cache_creation_input_token_cost.or(self.cache_creation_input_token_cost);
        self.cache_creation_input_token_cost_above_1hr = other
            .cache_creation_input_token_cost_above_1hr
            .or(self.cache_creation_input_token_cost_above_1hr);
    }
}
