//! The document that the launcher writes and the filter reads.
//!
//! It is sent once, as plugin configuration of the listener's filter (`root_id: downstream`). Upstream
//! filters find it in the VM that they share with it (`docs/decisions/`). It contains no secrets, only names
//! of environment variables that Envoy passes to the VM.

mod deployment;
mod group;
mod names;
mod price;
mod unit_price;

use serde::Serialize;

use crate::json::fields;

pub use deployment::{Deployment, ExtraHeader};
pub use group::{Alias, Group, RetryPolicy};
pub use names::*;
pub use price::{ModelPrice, Price, SearchSize, ServiceTier, Tier};
pub use unit_price::{Picture, PicturePrice, Quality, UnitPrice};

/// The format version that this build reads and writes.
pub const VERSION: u32 = 1;

/// The filter's configuration.
#[derive(Clone, Debug, Serialize)]
pub struct Document {
    /// [`VERSION`].
    pub version: u32,
    /// How to reach the key service.
    pub keys: KeyService,
    /// Settings for all requests.
    pub settings: Settings,
    /// The models that clients can request.
    pub groups: Vec<Group>,
    /// Aliases of groups (`router_settings.model_group_alias`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// The deployments that serve them.
    pub deployments: Vec<Deployment>,
    /// For each provider with a wildcard (`openai/*`): the models that are known to be its own, even without
    /// the prefix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub catalog: Vec<Catalog>,
    /// Prices of models that are only named by a request or a response, for providers with deployments
    /// without a price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<ModelPrice>,
}
fields!(strict Document {
    version, keys, settings, groups, aliases, deployments, catalog, prices; "version", "keys", "groups",
    "deployments"
});

/// The models of a provider, without the provider's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Catalog {
    /// The prefix before the slash in group names.
    pub provider: String,
    /// The known models, sorted.
    pub models: Vec<String>,
    /// Name prefixes of other models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,
}
fields!(strict Catalog { provider, models, families; "provider", "models" });

/// How the filter reaches the key service.
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
    /// Timeout of a verify or sync call, milliseconds.
    pub timeout_ms: u32,
    /// How long a known key keeps working while the key service is not responding, seconds.
    pub grace_s: u32,
    /// Maximum number of keys that a worker caches.
    pub cache_size: u32,
}
fields!(strict KeyService {
    cluster, token_env, master_key_env, sync_interval_ms, timeout_ms, grace_s, cache_size; "cluster",
    "token_env", "master_key_env", "sync_interval_ms", "timeout_ms", "grace_s", "cache_size"
});

/// How the tags of a request select deployments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TagFiltering {
    /// A deployment with one of the tags fits; otherwise it needs all of them (`tag_filtering_match_any`).
    pub match_any: bool,
}
fields!(strict TagFiltering { match_any; "match_any" });

/// Settings for all requests.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// Drop parameters that a provider does not support instead of rejecting them
    /// (`litellm_settings.drop_params`).
    pub drop_params: bool,
    /// Header that carries the key instead of the usual ones (`general_settings.litellm_key_header_name`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_header: Option<String>,
    /// Headers that name the end user (`general_settings.user_header_mappings` or `user_header_name`), in lowercase. The
    /// first that is filled counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_headers: Vec<String>,
    /// Addresses of the clients that may call the gateway (`general_settings.allowed_ips`); empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<String>,
    /// Parameters that every request must have (`general_settings.enforced_params`): `user`, or `metadata.name` within an object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enforced_params: Vec<String>,
    /// Every request must name its end user (`general_settings.enforce_user_param`).
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub enforce_user_param: bool,
    /// Status of a request whose budget is exceeded, instead of [`BUDGET_EXCEEDED_STATUS`]
    /// (`litellm_settings.budget_exceeded_status_code`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_exceeded_status_code: Option<u16>,
    /// Retries (`num_retries`), as in Envoy's default route.
    pub num_retries: u32,
    /// Report every finished request ([`REPORT_STATE`]) for an access log.
    pub reports: bool,
    /// Report every request when its response is complete, for spans.
    pub spans: bool,
    /// Measure every request in Envoy's own statistics, where the host can (`litellm_settings.callbacks`).
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub stats: bool,
    /// The tags of a request select the deployments that may serve it (`router_settings.enable_tag_filtering`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_filtering: Option<TagFiltering>,
    /// The maximum number of retries for which there is a route ([`MAX_RETRIES_HEADER`]).
    pub most_retries: u32,
    /// Maximum number of fallbacks of a request (`max_fallbacks`).
    pub max_fallbacks: u32,
    /// Cooldown of a deployment after failures, seconds (`cooldown_time`).
    pub cooldown_s: f64,
    /// Timeout of an attempt and idle timeout of a stream, milliseconds (`timeout`); 0 means none.
    pub timeout_ms: u64,
    /// Envoy cluster of the gateway's own listener, for parts of split requests. Without it, requests are not
    /// split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_cluster: Option<String>,
    /// Store responses of the Responses API in the key service's database (`general_settings.store_responses`).
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub store_responses: bool,
    /// Bytes of large request bodies that one worker may hold at a time; `None` means no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_held_bytes: Option<u64>,
}
fields!(strict Settings {
    drop_params, key_header, user_headers, allowed_ips, enforced_params, enforce_user_param, budget_exceeded_status_code, num_retries, reports, spans, stats, tag_filtering, most_retries,
    max_fallbacks, cooldown_s, timeout_ms, own_cluster, store_responses, most_held_bytes
});
