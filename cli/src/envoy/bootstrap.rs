//! The whole configuration: listener, clusters, administration, statistics.

use serde_json::{Value, json};

use super::{Site, clusters, listener, overload};
use crate::compile::Plan;

/// Name of the routes.
pub(super) const ROUTES: &str = "switchboard";

/// Envoy's whole configuration. `document` is the text of the plan's document, compact or for people.
pub fn bootstrap(plan: &Plan, site: &Site, document: &str) -> Value {
    let resources = json!({
        "listeners": [listener::listener(plan, site, document)],
        "clusters": clusters::all(plan, site),
    });
    bootstrap_with(site, ("static_resources", resources))
}

/// What no change of `config.yaml` changes, and `resources`.
pub(super) fn bootstrap_with(site: &Site, (kind, resources): (&str, Value)) -> Value {
    json!({
        "node": { "id": "switchboard", "cluster": "switchboard" },
        "admin": {
            "address": socket_address("127.0.0.1", site.admin_port),
            // Without this Envoy logs every call, and `up` makes several.
            "access_log": [],
        },
        kind: resources,
        "typed_dns_resolver_config": {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                "query_timeout_seconds": 2,
                "query_tries": 2,
            },
        },
        // Otherwise Envoy never returns the memory of large bodies to the system.
        "memory_allocator_manager": { "bytes_to_release": 64 << 20, "memory_release_interval": "1s" },
        "deferred_stat_options": { "enable_deferred_creation_stats": true },
        "stats_config": { "stats_matcher": { "inclusion_list": { "patterns": statistics() } } },
        "overload_manager": overload::manager(site),
    })
}

/// `host:port` as Envoy writes it.
pub(super) fn socket_address(host: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": host, "port_value": port } })
}

/// Seconds as Envoy reads durations: nine digits after the point at most, which no float promises.
pub(super) fn seconds(duration: std::time::Duration) -> String {
    let nanos = format!("{:09}", duration.subsec_nanos());
    match nanos.trim_end_matches('0') {
        "" => format!("{}s", duration.as_secs()),
        nanos => format!("{}.{nanos}s", duration.as_secs()),
    }
}

/// The statistics that are kept. Each cluster has some two hundred; the rest would be three quarters of the memory
/// of a large configuration.
fn statistics() -> Value {
    let prefixes = [
        "http.switchboard.",
        "listener_manager.",
        "cluster_manager.",
        "server.",
        // Memory as the overload manager sees it, and how often it had to do something.
        "overload.",
        "wasm",
        "extension_config_discovery.",
    ];
    let suffixes = [
        ".downstream_cx_active",
        ".upstream_cx_active",
        ".upstream_cx_connect_fail",
        ".upstream_cx_total",
        ".upstream_rq_active",
        ".upstream_rq_pending_overflow",
        ".upstream_rq_retry",
        ".upstream_rq_retry_limit_exceeded",
        ".upstream_rq_timeout",
        ".upstream_rq_total",
        ".upstream_rq_2xx",
        ".upstream_rq_4xx",
        ".upstream_rq_5xx",
        ".membership_healthy",
        ".membership_total",
        ".outlier_detection.ejections_active",
        ".outlier_detection.ejections_total",
    ];
    let prefixes = prefixes.iter().map(|text| json!({ "prefix": text }));
    prefixes.chain(suffixes.iter().map(|text| json!({ "suffix": text }))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::seconds;

    #[test]
    fn a_duration_has_nine_digits_after_the_point_at_most() {
        // The float nearest to it has fifteen.
        assert_eq!(seconds(Duration::new(13, 523_168_547)), "13.523168547s");
        assert_eq!(seconds(Duration::from_millis(50)), "0.05s");
        assert_eq!(seconds(Duration::from_mins(10)), "600s");
    }
}
