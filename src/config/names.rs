//! Names that Envoy's configuration and the filter share.

/// `root_id` of the listener's filter.
pub const DOWNSTREAM_ROOT: &str = "downstream";

/// `root_id` of the clusters' filter.
pub const UPSTREAM_ROOT: &str = "upstream";

/// Namespace of the endpoint metadata that identifies an attempt's deployment.
pub const METADATA_NAMESPACE: &str = "switchboard";

/// Key in [`METADATA_NAMESPACE`] whose string value is [`Deployment::id`](super::Deployment::id).
pub const METADATA_DEPLOYMENT: &str = "deployment";

/// Request header named by the route's `cluster_header`.
pub const CLUSTER_HEADER: &str = "x-switchboard-cluster";

/// Response header that the upstream filter sets for Envoy's router (`retriable_headers`).
pub const RETRY_HEADER: &str = "x-switchboard-retry";

/// Request header that selects the route with this number of retries.
pub const MAX_RETRIES_HEADER: &str = "x-switchboard-max-retries";

/// Filter state with the number of a request. In Envoy its name has the prefix `wasm.`.
pub const CALL_STATE: &str = "switchboard.call";

/// Request header with an attempt's request number and deployment, separated by a space. Envoy's
/// `header_mutation` filter writes it for every attempt, from [`CALL_STATE`] and the endpoint's metadata.
/// Reading those through hostcalls would cost several times as much. The header is not sent to providers.
pub const ATTEMPT_HEADER: &str = "x-switchboard-attempt";

/// Request header that marks a part of a split request, and response header of its response. Its value is a
/// secret; the client's own header is removed.
pub const PART_HEADER: &str = "x-switchboard-part";

/// Request header of a part with what it inherits from the whole request, as JSON.
pub const PART_OF_HEADER: &str = "x-switchboard-part-of";

/// A placeholder deployment: the last endpoint of every cluster, which an attempt reaches when the group has
/// failed.
pub const NOBODY: &str = "switchboard:nobody";

/// Filter state with the summary of a finished request, a `google.protobuf.Struct`. In Envoy its name has the
/// prefix `wasm.`.
pub const REPORT_STATE: &str = "switchboard.report";

/// Counters of compressed responses; a dot and the provider's name follow. Envoy's statistics have them with `wasmcustom.`
/// in front.
pub const COMPRESSED_COUNTER: &str = "switchboard.compressed_answers";

/// Path of the internal redirect that sends a request to another group.
pub const ONWARD_PREFIX: &str = "/switchboard-onward/";

/// Status of that redirect, which preserves the method and the body (RFC 9110, section 15.4.8).
pub const ONWARD_STATUS: u16 = 307;

/// Status of an attempt's response that requests a retry although the deployment has not failed, so that it
/// does not count for a cooldown. The client never sees it.
pub const NO_FAILURE_STATUS: u16 = 424;

/// Status of a request whose budget is exceeded. Earlier versions of `LiteLLM` used 400 and 429.
pub const BUDGET_EXCEEDED_STATUS: u16 = 422;

/// Paths of the key service; those that end in a slash include everything below. Envoy's routes, the filter
/// and the key service's API description all use this list.
pub const KEY_SERVICE_PATHS: &[&str] = &[
    "/key/",
    "/v2/key/",
    "/user/",
    "/team/",
    "/customer/",
    "/end_user/",
    "/tag/",
    "/organization/",
    "/budget/",
    "/spend/",
    "/global/",
    "/model/",
    "/audit",
    "/audit/",
    "/openapi.json",
    "/routes",
    "/docs",
    "/metrics",
    "/ui",
    "/ui/",
];
