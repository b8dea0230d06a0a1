//! One cluster for each model group, and two for the key service.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value, json};
use switchboard::config::{ATTEMPT_HEADER, CALL_STATE, METADATA_DEPLOYMENT, METADATA_NAMESPACE, NOBODY};

use super::bootstrap::{seconds, socket_address};
use super::{Site, filter, tracing};
use crate::compile::{
    Balancing, Cluster, Cooldown, Endpoint, KEYS_CLUSTER, KEYS_INTERNAL_CLUSTER, Plan, Target,
};

/// Keys in the metadata of an endpoint that Envoy compares with `transport_socket_matches`: a provider's, and our own.
const TLS_MATCH: &str = "tls";
const OWN_TLS_MATCH: &str = "own_tls";

/// All clusters: those of the groups, of the key service, of the gateway itself, of the collector of spans.
pub(super) fn all(plan: &Plan, site: &Site) -> Vec<Value> {
    let upstream = filter::upstream(plan, site);
    let groups = plan.clusters.iter().map(|cluster| group(cluster, plan, site, &upstream));
    let keys = [(KEYS_CLUSTER, site.keys_port), (KEYS_INTERNAL_CLUSTER, site.keys_internal_port())];
    let keys = keys.map(|(name, port)| key_service(name, port, plan, site));
    let traces = plan.tracing.iter().map(|tracing| tracing::cluster(tracing, site));
    let own = plan.document.settings.own_cluster.iter().map(|name| itself(name, plan, site));
    groups.chain(keys).chain(own).chain(traces).collect()
}

fn group(cluster: &Cluster, plan: &Plan, site: &Site, upstream: &Value) -> Value {
    let targets = || cluster.priorities.iter().flatten().map(|endpoint| &endpoint.target);
    let tls = targets().any(|target| matches!(target, Target::Remote(address) if address.tls));
    let named = targets().any(|target| matches!(target, Target::Remote(address) if !address.is_ip()));
    let sockets = transport_sockets(tls, site);
    let mut value = json!({
        "name": cluster.name,
        "connect_timeout": "10s",
        "lb_policy": match cluster.balancing {
            Balancing::RoundRobin => "ROUND_ROBIN",
            Balancing::LeastRequest => "LEAST_REQUEST",
        },
        "per_connection_buffer_limit_bytes": plan.body_limit,
        "circuit_breakers": circuit_breakers(cluster.max_parallel_requests),
        // The remaining endpoints serve everything; the placeholder endpoint comes last.
        // By default Envoy also gathers such changes for a second before it acts on them.
        "common_lb_config": { "healthy_panic_threshold": { "value": 0.0 }, "update_merge_window": "0s" },
        "load_assignment": {
            "cluster_name": cluster.name,
            "policy": { "overprovisioning_factor": 1_000_000 },
            "endpoints": cluster.priorities.iter().chain([&vec![nobody()]]).enumerate()
                .map(|(priority, endpoints)| json!({
                    "priority": priority,
                    "lb_endpoints":
                        endpoints.iter().map(|endpoint| lb_endpoint(endpoint, plan, site)).collect::<Vec<_>>(),
                })).collect::<Vec<_>>(),
        },
        "typed_extension_protocol_options": group_options(cluster, upstream),
    });
    if let Some(value) = value.as_object_mut() {
        discovery(value, named);
        if let Some(cooldown) = &cluster.cooldown {
            value.insert("outlier_detection".to_owned(), outlier_detection(cooldown));
        }
        if let Some(interval) = plan.health_checks {
            value.insert("health_checks".to_owned(), health_checks(interval));
        }
        if !sockets.is_empty() {
            value.insert("transport_socket_matches".to_owned(), sockets.into());
        }
    }
    value
}

fn lb_endpoint(endpoint: &Endpoint, plan: &Plan, site: &Site) -> Value {
    let (address, hostname, tls) = match &endpoint.target {
        Target::Remote(address) => (
            socket_address(&address.host, address.port),
            address.hostname(),
            address.tls.then_some(TLS_MATCH),
        ),
        Target::Itself => (
            socket_address(&site.reachable_host(), site.port),
            "localhost".to_owned(),
            site.tls.then_some(OWN_TLS_MATCH),
        ),
    };
    let mut metadata = json!({ METADATA_NAMESPACE: { METADATA_DEPLOYMENT: endpoint.deployment } });
    if let (Some(tls), Some(metadata)) = (tls, metadata.as_object_mut()) {
        metadata.insert("envoy.transport_socket_match".to_owned(), json!({ tls: true }));
    }
    let mut value = json!({
        "endpoint": { "address": address, "hostname": hostname },
        "metadata": { "filter_metadata": metadata },
    });
    if plan.health_checks.is_some() && endpoint.target == Target::Itself {
        // The listener is there for certain, only later than the checks.
        value["endpoint"]["health_check_config"] = json!({ "disable_active_health_check": true });
    }
    if let (Some(weight), Some(value)) = (endpoint.weight, value.as_object_mut()) {
        value.insert("load_balancing_weight".to_owned(), weight.into());
    }
    value
}

/// How endpoints are called over TLS; all others are called without it.
fn transport_sockets(providers: bool, site: &Site) -> Vec<Value> {
    let mut sockets = Vec::new();
    if providers {
        sockets.push(json!({ "name": "https", "match": { TLS_MATCH: true }, "transport_socket": tls(site) }));
    }
    if site.tls {
        let name = "itself";
        sockets.push(
            json!({ "name": name, "match": { OWN_TLS_MATCH: true }, "transport_socket": tls_to_itself() }),
        );
    }
    sockets
}

/// TLS to the gateway's own listener. Its certificate is for other names than this, and need not be checked: what
/// connects never leaves the process's own loopback address.
fn tls_to_itself() -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {},
        },
    })
}

/// TLS to the host that an endpoint's `hostname` names.
pub(super) fn tls(site: &Site) -> Value {
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "auto_host_sni": true,
            "auto_sni_san_validation": true,
            "common_tls_context": {
                "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
                "validation_context": { "trusted_ca": { "filename": site.ca_bundle } },
            },
        },
    })
}

/// A cluster of one HTTP/1.1 host that is not a provider.
pub(super) fn plain(name: &str, host: &str, port: u16, hostname: &str) -> Value {
    let mut value = json!({
        "name": name,
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{
                "endpoint": { "address": socket_address(host, port), "hostname": hostname },
            }] }],
        },
    });
    if let Some(cluster) = value.as_object_mut() {
        discovery(cluster, host.parse::<IpAddr>().is_err());
    }
    value
}

/// The gateway's own listener, which the parts of a request that is split are sent to.
fn itself(name: &str, plan: &Plan, site: &Site) -> Value {
    let mut value = plain(name, &site.reachable_host(), site.port, "localhost");
    value["per_connection_buffer_limit_bytes"] = plan.body_limit.into();
    value["circuit_breakers"] = circuit_breakers(None);
    if site.tls {
        value["transport_socket"] = tls_to_itself();
    }
    value
}

fn key_service(name: &str, port: u16, plan: &Plan, site: &Site) -> Value {
    let mut value = json!({
        "name": name,
        "connect_timeout": "2s",
        "per_connection_buffer_limit_bytes": plan.body_limit,
        "circuit_breakers": circuit_breakers(None),
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{
                "endpoint": { "address": socket_address(&site.keys_host, port) },
            }] }],
        },
        "typed_extension_protocol_options": http_options(&[codec()]),
    });
    if let Some(cluster) = value.as_object_mut() {
        discovery(cluster, site.keys_host.parse::<IpAddr>().is_err());
    }
    value
}

/// How the addresses of a cluster are found: as they are written, or by name (every address of a name is an
/// endpoint, what Envoy calls strict DNS).
fn discovery(cluster: &mut Map<String, Value>, named: bool) {
    if !named {
        cluster.insert("type".to_owned(), "STATIC".into());
        return;
    }
    let by_name = json!({
        "name": "envoy.cluster.dns",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster",
            // Containers often have no route for IPv6 and a name server that hands it out all the same.
            "dns_lookup_family": "V4_PREFERRED",
            // Five seconds by default; the records of providers live for a minute.
            "dns_refresh_rate": "30s",
        },
    });
    cluster.insert("cluster_type".to_owned(), by_name);
}

fn http_options(filters: &[Value]) -> Value {
    json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http_protocol_options": {} },
            "common_http_protocol_options": { "idle_timeout": "50s" },
            "http_filters": filters,
        },
    })
}

/// With the answers that count as failures: not only the 5xx that Envoy counts by itself.
fn group_options(cluster: &Cluster, upstream: &Value) -> Value {
    let rule = |statuses: &RangeInclusive<u16>| {
        let status = if statuses.start() == statuses.end() {
            json!({ "name": ":status", "string_match": { "exact": statuses.start().to_string() } })
        } else {
            let end = statuses.end() + 1;
            json!({ "name": ":status", "range_match": { "start": statuses.start(), "end": end } })
        };
        json!({ "http_response_headers_match": { "headers": [status] } })
    };
    let statuses = cluster.cooldown.iter().flat_map(|cooldown| &cooldown.statuses);
    let mut rules: Vec<Value> = statuses.map(rule).collect();
    let mut options = http_options(&[attempt(), upstream.clone(), codec()]);
    for options in options.as_object_mut().into_iter().flat_map(|options| options.values_mut()) {
        let matcher = match rules.len() {
            0 => continue,
            1 => rules.swap_remove(0),
            _ => json!({ "or_match": { "rules": rules } }),
        };
        options["outlier_detection"] = json!({ "error_matcher": matcher });
    }
    options
}

/// `allowed_fails` failures in a row, and one more; `LiteLLM` counts those of a minute.
fn outlier_detection(cooldown: &Cooldown) -> Value {
    let nothing_counts = cooldown.statuses.is_empty();
    let mut value = json!({
        "consecutive_5xx": cooldown.failures,
        "enforcing_consecutive_5xx": if nothing_counts { 0 } else { 100 },
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_failure_percentage": 0,
        "max_ejection_percent": 100,
        // How often Envoy looks who may come back.
        "interval": seconds(cooldown.time.min(Duration::from_secs(1))),
        "base_ejection_time": seconds(cooldown.time),
        "max_ejection_time": seconds(cooldown.time),
    });
    if let Some(unanswered) = cooldown.unanswered {
        value["split_external_local_origin_errors"] = true.into();
        value["consecutive_local_origin_failure"] = unanswered.into();
        value["enforcing_consecutive_local_origin_failure"] = 100.into();
        value["enforcing_local_origin_success_rate"] = 0.into();
    }
    value
}

/// Whether somebody can be connected to: no request is made that a provider would ask money for. A check before the
/// first request belongs to the cluster's start.
fn health_checks(interval: Duration) -> Value {
    json!([{
        "timeout": seconds(interval.min(Duration::from_secs(5))),
        "interval": seconds(interval),
        "no_traffic_interval": seconds(interval),
        "unhealthy_threshold": 1,
        "healthy_threshold": 1,
        // A plain connection, also where the requests have TLS.
        "transport_socket_match_criteria": { TLS_MATCH: false },
        "tcp_health_check": {},
    }])
}

/// The last endpoint of every group: an attempt that gets there has nobody left to go to, and the filter sends it to
/// another group, or back with an error.
fn nobody() -> Endpoint {
    Endpoint { deployment: NOBODY.to_owned(), target: Target::Itself, weight: None }
}

/// Tells the filter that follows which request an attempt is for, and which deployment was picked. It runs once for each
/// attempt, and takes the place of what an earlier attempt, or a client, has left there.
fn attempt() -> Value {
    let told = format!(
        "%FILTER_STATE(wasm.{CALL_STATE}:PLAIN)% %UPSTREAM_METADATA({METADATA_NAMESPACE}:{METADATA_DEPLOYMENT})%"
    );
    json!({
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": { "request_mutations": [{ "append": {
                "header": { "key": ATTEMPT_HEADER, "value": told },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            } }] },
        },
    })
}

fn codec() -> Value {
    json!({
        "name": "envoy.filters.http.upstream_codec",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec",
        },
    })
}

/// Envoy's own limits (1,024 requests, 3 retries at a time) are for services that answer in milliseconds.
///
/// A deployment's own limit is one of connections, for in HTTP/1.1 each carries one request: what comes besides waits.
fn circuit_breakers(max_parallel_requests: Option<u32>) -> Value {
    let limit = 100_000;
    let mut value = json!({ "thresholds": [{
        "max_connections": limit,
        "max_pending_requests": limit,
        "max_requests": limit,
        "max_retries": limit,
    }] });
    if let Some(most) = max_parallel_requests {
        value["per_host_thresholds"] = json!([{ "max_connections": most }]);
    }
    value
}
