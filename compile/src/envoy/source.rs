//! Where an Envoy fetches resources, and what the separate ones are named.

use serde_json::{Value, json};

/// Name of the routes.
pub(super) const ROUTES: &str = "switchboard";

/// Name of the filter, if it is a separate part.
pub(super) const FILTER: &str = "switchboard";

/// Envoy cluster that discovery goes to. It is static, and so not one of those that are discovered.
pub(super) const CONTROL_CLUSTER: &str = "switchboard-control";

/// Shortest time between a response and the next request; Envoy adds up to as much again.
const REFRESH: &str = "0.3s";

/// The key service answers a request when there is something new, or after 20 seconds at the latest.
const REQUEST_TIMEOUT: &str = "30s";

/// Where Envoy finds a resource. Without `initial_fetch_timeout`, an Envoy that starts before the key service would
/// become ready with nothing to serve.
pub(super) fn source() -> Value {
    json!({
        "api_config_source": {
            "api_type": "REST",
            "transport_api_version": "V3",
            "cluster_names": [CONTROL_CLUSTER],
            "refresh_delay": REFRESH,
            "request_timeout": REQUEST_TIMEOUT,
        },
        "initial_fetch_timeout": "0s",
        "resource_api_version": "V3",
    })
}
