//! The whole configuration: listener, clusters, administration, statistics.

use serde_json::{Value, json};
use switchboard::config::COMPRESSED_COUNTER;

use super::values::socket_address;
use super::{Site, clusters, listener, overload};
use crate::plan::Plan;

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
        "stats_config": { "stats_matcher": { "inclusion_list": { "patterns": statistics(site) } } },
        "overload_manager": overload::manager(site),
    })
}

/// The statistics that are kept. Each cluster has some two hundred; the rest would be three quarters of the memory
/// of a large configuration.
fn statistics(site: &Site) -> Value {
    let prefixes = [
        "http.switchboard.",
        "listener_manager.",
        "cluster_manager.",
        "server.",
        // Memory as the overload manager sees it, and how often it had to do something.
        "overload.",
        if site.module.is_some() { "dynamicmodulescustom." } else { "wasm" },
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
    let suffixes = suffixes.iter().map(|text| json!({ "suffix": text }));
    // Counters of a module in a cluster have the cluster's name first.
    let of_module = site.module.as_ref().map(|_| json!({ "contains": COMPRESSED_COUNTER }));
    prefixes.chain(suffixes).chain(of_module).collect()
}
