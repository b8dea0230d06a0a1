//! The listener that clients reach: connection manager, routes, retries.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::config::{CLUSTER_HEADER, RETRY_HEADER};

use super::bootstrap::{seconds, socket_address};
use super::{Site, access_log, filter, local_replies};
use crate::compile::{KEYS_CLUSTER, Plan};

/// What the key service answers; everything else is the filter's.
const KEY_SERVICE_PREFIXES: [&str; 5] = ["/key/", "/user/", "/team/", "/budget/", "/spend/"];

/// The key service's description of itself, for people and for generators of clients.
const KEY_SERVICE_PATHS: [&str; 2] = ["/openapi.json", "/docs"];

/// Made for Envoy's use and of no use to a provider, or nobody's business: a client's address, its request id.
const NOT_FOR_PROVIDERS: [&str; 5] =
    ["x-envoy-external-address", "x-envoy-internal", "x-forwarded-for", "x-forwarded-proto", "x-request-id"];

/// The listener.
pub(super) fn listener(plan: &Plan, site: &Site, document: &str) -> Value {
    json!({
        "name": "switchboard",
        "address": socket_address(&site.host, site.port),
        "per_connection_buffer_limit_bytes": plan.body_limit,
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager(plan, site, document),
        }] }],
    })
}

fn connection_manager(plan: &Plan, site: &Site, document: &str) -> Value {
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network\
                  .http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "switchboard",
        "server_name": "switchboard",
        "use_remote_address": true,
        "skip_xff_append": true,
        // An empty list of ranges would mean Envoy's default ones; this one holds no address that can connect.
        "internal_address_config": { "cidr_ranges": [{ "address_prefix": "192.0.2.0", "prefix_len": 32 }] },
        "normalize_path": true,
        "stream_idle_timeout": seconds(stream_idle_timeout(plan)),
        "request_headers_timeout": "60s",
        "access_log": access_log::access_log(site),
        "local_reply_config": local_replies::local_reply_config(plan.timeout),
        "http_filters": [
            filter::downstream(plan, site, document),
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                    "suppress_envoy_headers": true,
                },
            },
        ],
        "route_config": {
            "name": "switchboard",
            "virtual_hosts": [{ "name": "switchboard", "domains": ["*"], "routes": routes(plan) }],
        },
    })
}

/// Longer than all attempts together, each of which may be silent until its time-out.
fn stream_idle_timeout(plan: &Plan) -> Duration {
    let longest_chain = plan.document.groups.iter().map(|group| group.extra_attempts).max().unwrap_or(0);
    let attempts = plan.num_retries + longest_chain + 2;
    (plan.timeout * attempts).max(Duration::from_hours(1))
}

fn routes(plan: &Plan) -> Vec<Value> {
    let prefixes = KEY_SERVICE_PREFIXES.iter().map(|prefix| json!({ "prefix": prefix }));
    let paths = KEY_SERVICE_PATHS.iter().map(|path| json!({ "path_separated_prefix": path }));
    let to_keys =
        |matched| json!({ "match": matched, "route": { "cluster": KEYS_CLUSTER, "timeout": "60s" } });
    let mut routes: Vec<_> = prefixes.chain(paths).map(to_keys).collect();
    routes.push(json!({
        "match": { "prefix": "/" },
        "request_headers_to_remove": NOT_FOR_PROVIDERS,
        "route": {
            "cluster_header": CLUSTER_HEADER,
            "auto_host_rewrite": true,
            "timeout": "0s",
            "retry_policy": retry_policy(plan),
        },
    }));
    routes
}

/// `LiteLLM`'s time-out is that of its HTTP client: the longest silence of one attempt. A stream that goes on is
/// not cut, an attempt that does not begin to answer is tried again. That is `per_try_timeout`, which no longer
/// counts when the answer has begun, and `per_try_idle_timeout` from there on.
///
/// `LiteLLM` tries again after 408, 409, 429, every 5xx and a connection that fails. What only a body tells, the
/// filter says by [`RETRY_HEADER`].
fn retry_policy(plan: &Plan) -> Value {
    json!({
        "retry_on": "5xx,reset,connect-failure,refused-stream,retriable-status-codes,retriable-headers",
        "retriable_status_codes": [408, 409, 429],
        "retriable_headers": [{ "name": RETRY_HEADER, "present_match": true }],
        "num_retries": plan.num_retries,
        "per_try_timeout": seconds(plan.timeout),
        "per_try_idle_timeout": seconds(plan.timeout),
        "retry_back_off": { "base_interval": "0.025s", "max_interval": "8s" },
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.retry\
                          .priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 1,
            },
        },
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type":
                    "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            },
        }],
        "host_selection_retry_max_attempts": 5,
    })
}
