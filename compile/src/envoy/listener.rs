//! The listener that clients reach: connection manager, routes, retries.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::config::{
    CLUSTER_HEADER, KEY_SERVICE_PATHS, MAX_RETRIES_HEADER, ONWARD_STATUS, RETRY_HEADER,
};

use super::local_replies::call_id;
use super::source::{FILTER, ROUTES, source};
use super::values::{seconds, socket_address};
use super::{Site, access_log, cors, filter, local_replies, tracing};
use crate::plan::{KEYS_CLUSTER, Plan};

/// Made for Envoy's use and of no use to a provider, or nobody's business: a client's address, its request id.
const NOT_FOR_PROVIDERS: [&str; 5] =
    ["x-envoy-external-address", "x-envoy-internal", "x-forwarded-for", "x-forwarded-proto", "x-request-id"];

/// The listener.
pub(super) fn listener(plan: &Plan, site: &Site, document: &str) -> Value {
    let routes = json!({ "name": ROUTES, "virtual_hosts": virtual_hosts(plan) });
    listener_with(plan, site, &filter::downstream(plan, site, document), ("route_config", routes))
}

/// The listener, whose filter and routes are discovered.
pub(super) fn in_parts(plan: &Plan, site: &Site) -> Value {
    let discovered = json!({
        "name": FILTER,
        "config_discovery": {
            "config_source": source(),
            "type_urls": [filter::kind(site)],
        },
    });
    let routes = json!({ "config_source": source(), "route_config_name": ROUTES });
    listener_with(plan, site, &discovered, ("rds", routes))
}

fn listener_with(plan: &Plan, site: &Site, filter: &Value, routes: (&str, Value)) -> Value {
    json!({
        "name": "switchboard",
        "address": socket_address(&site.host, site.port),
        "per_connection_buffer_limit_bytes": plan.body_limit,
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager(plan, site, filter, routes),
        }] }],
    })
}

fn connection_manager(plan: &Plan, site: &Site, filter: &Value, (specifier, table): (&str, Value)) -> Value {
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network\
                  .http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "switchboard",
        "server_name": "switchboard",
        "use_remote_address": true,
        "skip_xff_append": true,
        // An empty list of ranges would mean Envoy's default ones; this one holds no address that can connect.
        "internal_address_config": { "cidr_ranges": [{ "address_prefix": "192.0.2.0", "prefix_len": 32 }] },
        "normalize_path": true,
        // nginx before 1.29.7 proxies with HTTP/1.0, in which a client need not name a host.
        "http_protocol_options": { "accept_http_10": true, "default_host_for_http_10": "switchboard" },
        "always_set_request_id_in_response": true,
        "stream_idle_timeout": seconds(stream_idle_timeout(plan)),
        "request_headers_timeout": "60s",
        "request_timeout": seconds(UPLOAD_TIMEOUT),
        "access_log": access_log::access_log(site),
        "local_reply_config": local_replies::local_reply_config(plan, site),
        "http_filters": [
            cors::filter(),
            filter,
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                    "suppress_envoy_headers": true,
                },
            },
        ],
        specifier: table,
    });
    if let Some(tracing) = tracing::tracing(plan, site) {
        manager["tracing"] = tracing;
    }
    manager
}

/// The routes' only virtual host.
pub(super) fn virtual_hosts(plan: &Plan) -> Value {
    json!([{
        "name": "switchboard",
        "domains": ["*"],
        "typed_per_filter_config": cors::policy(&plan.cors),
        "routes": routes(plan),
    }])
}

/// Time to receive a request. A client that announces a large body and stalls would otherwise occupy the worker's
/// budget for bodies until the stream's idle timeout, which is an hour or more.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);

/// Longer than all attempts together, each of which may be silent until its timeout.
fn stream_idle_timeout(plan: &Plan) -> Duration {
    let settings = &plan.document.settings;
    let attempts = (settings.most_retries + 2).saturating_mul(settings.max_fallbacks + 1);
    (plan.timeout.saturating_mul(attempts)).clamp(Duration::from_hours(1), Duration::from_hours(24 * 365))
}

fn routes(plan: &Plan) -> Vec<Value> {
    let to_keys = |path: &&str| {
        let kind = if path.ends_with('/') { "prefix" } else { "path_separated_prefix" };
        let mut route = json!({
            "match": { kind: path },
            "response_headers_to_add": [call_id()],
            "route": { "cluster": KEYS_CLUSTER, "timeout": "60s" },
        });
        if plan.tracing.is_some() {
            route["tracing"] = tracing::never();
        }
        route
    };
    let mut routes: Vec<_> = KEY_SERVICE_PATHS.iter().map(to_keys).collect();
    routes.extend((0..=plan.document.settings.most_retries).map(|retries| among_several(retries, plan)));
    routes.push(json!({
        "match": { "prefix": "/" },
        "request_headers_to_remove": NOT_FOR_PROVIDERS,
        "route": route(plan, &alone(plan)),
    }));
    routes
}

/// The route of a request that may go to several deployments, with so many retries.
fn among_several(retries: u32, plan: &Plan) -> Value {
    json!({
        "match": {
            "prefix": "/",
            "headers": [{ "name": MAX_RETRIES_HEADER, "string_match": { "exact": retries.to_string() } }],
        },
        "request_headers_to_remove": NOT_FOR_PROVIDERS,
        "route": route(plan, &among_others(retries, plan)),
    })
}

fn route(plan: &Plan, retry_policy: &Value) -> Value {
    json!({
        "cluster_header": CLUSTER_HEADER,
        "auto_host_rewrite": true,
        "timeout": "0s",
        "retry_policy": retry_policy,
        "internal_redirect_policy": {
            // The filter counts too, and its number is smaller.
            "max_internal_redirects": plan.document.settings.max_fallbacks + 1,
            "redirect_response_codes": [ONWARD_STATUS],
            "allow_cross_scheme_redirect": true,
        },
    })
}

/// `LiteLLM`'s timeout is that of its HTTP client: the longest silence of one attempt. A stream that goes on is
/// not cut, an attempt that does not begin to answer is tried again. That is `per_try_timeout`, which no longer
/// counts when the answer has begun. Nor does `per_try_idle_timeout`, as seen with Envoy 1.40: a stream that falls
/// silent is the `stream_idle_timeout`'s.
///
/// A connection that fails is tried again. Of a response it is the filter that says whether it is worth another
/// attempt, by [`RETRY_HEADER`].
fn retry_policy(plan: &Plan, retries: u32) -> Value {
    json!({
        "retry_on": "reset,connect-failure,refused-stream,retriable-headers",
        "retriable_headers": [{ "name": RETRY_HEADER, "present_match": true }],
        "num_retries": retries,
        "per_try_timeout": seconds(plan.timeout),
    })
}

/// A single deployment without a replacement: its `retry-after` is honored, up to a minute as
/// with `LiteLLM`.
fn alone(plan: &Plan) -> Value {
    let mut policy = retry_policy(plan, plan.num_retries);
    let base = plan.retry_after.max(Duration::from_millis(25));
    policy["retry_back_off"] =
        json!({ "base_interval": seconds(base), "max_interval": seconds(base.max(Duration::from_secs(8))) });
    policy["rate_limited_retry_back_off"] = json!({
        "reset_headers": [{ "name": "retry-after", "format": "SECONDS" }],
        "max_interval": "60s",
    });
    policy
}

/// Several deployments: the next one is asked at once, one that has not failed yet; and when all attempts have, the
/// endpoint that is nobody.
fn among_others(retries: u32, plan: &Plan) -> Value {
    let mut policy = retry_policy(plan, retries);
    policy["retry_back_off"] = json!({ "base_interval": "0.001s", "max_interval": "0.25s" });
    policy["retry_priority"] = json!({
        "name": "envoy.retry_priorities.previous_priorities",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.retry\
                      .priority.previous_priorities.v3.PreviousPrioritiesConfig",
            "update_frequency": retries + 1,
        },
    });
    policy["retry_host_predicate"] = json!([{
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        },
    }]);
    policy["host_selection_retry_max_attempts"] = json!(20);
    policy
}
