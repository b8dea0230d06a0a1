//! Names that Envoy's configuration and the filter share.

/// `root_id` of the listener's filter.
pub const DOWNSTREAM_ROOT: &str = "downstream";

/// `root_id` of the clusters' filter.
pub const UPSTREAM_ROOT: &str = "upstream";

/// Namespace of the endpoint metadata that tells an attempt its deployment.
pub const METADATA_NAMESPACE: &str = "switchboard";

/// Key in [`METADATA_NAMESPACE`] whose string value is [`Deployment::id`](super::Deployment::id).
pub const METADATA_DEPLOYMENT: &str = "deployment";

/// Request header that the route's `cluster_header` names.
pub const CLUSTER_HEADER: &str = "x-switchboard-cluster";

/// Response header that the upstream filter sets for Envoy's router (`retriable_headers`).
pub const RETRY_HEADER: &str = "x-switchboard-retry";

/// Request header by which the filter chooses the route with that many attempts after the first.
pub const MAX_RETRIES_HEADER: &str = "x-switchboard-max-retries";

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

/// Counters of compressed responses; a dot and the provider's name follow. Envoy's statistics have them with `wasmcustom.`
/// in front.
pub const COMPRESSED_COUNTER: &str = "switchboard.compressed_answers";

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
