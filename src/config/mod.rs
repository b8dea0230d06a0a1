//! The one document that the launcher writes and the filter reads.
//!
//! It travels once, as plugin configuration of the listener's filter (`root_id: downstream`); upstream filters
//! find it in the VM that they share with it (`docs/decisions/`). It holds no secret: where one is needed it
//! names an environment variable that Envoy hands to the VM.

mod deployment;
mod group;
mod names;
mod price;

use serde::Serialize;

use crate::json::fields;

pub use deployment::{Deployment, ExtraHeader};
pub use group::{Alias, Group, RetryPolicy};
pub use names::*;
pub use price::{ModelPrice, Price, ServiceTier, Tier};

/// The format that this build reads and writes.
pub const VERSION: u32 = 1;

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
    /// The largest number for which there is a route ([`MAX_RETRIES_HEADER`]).
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
    /// Bytes of large request bodies that one worker may hold at a time; `None` means no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_held_bytes: Option<u64>,
}
fields!(strict Settings {
    drop_params, key_header, budget_exceeded_status_code, num_retries, reports, spans, most_retries,
    max_fallbacks, cooldown_s, timeout_ms, own_cluster, most_held_bytes
});
