//! One cluster for each model group, and two for the key service.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::config::{METADATA_DEPLOYMENT, METADATA_NAMESPACE, NOBODY};

use super::host::{plain, resolve, tls};
use super::source::CONTROL_CLUSTER;
use super::values::{seconds, socket_address};
use super::{Site, filter, tracing};
use crate::plan::{
    Balancing, Cluster, Cooldown, Endpoint, KEYS_CLUSTER, KEYS_INTERNAL_CLUSTER, Plan, TOKEN_ENV, Target,
};

/// Keys in the metadata of an endpoint that Envoy compares with `transport_socket_matches`: a provider's, and our own.
const TLS_MATCH: &str = "tls";
const OWN_TLS_MATCH: &str = "own_tls";

/// All clusters: those of the groups, of the key service, of the gateway itself, of the collector of spans.
///
/// Each group's cluster carries the filters of attempts, although they are the same and the router could have them once. A
/// cluster without them sends requests untranslated, with the client's key, and while a configuration is replaced, clusters
/// are there before the listener.
pub(super) fn all(plan: &Plan, site: &Site) -> Vec<Value> {
    let filters = &filter::of_attempts(plan, site)[..];
    let groups = plan.clusters.iter().map(|cluster| group(cluster, plan, site, filters));
    let keys = [(KEYS_CLUSTER, site.keys_port), (KEYS_INTERNAL_CLUSTER, site.keys_internal_port())];
    let keys = keys.map(|(name, port)| key_service(name, port, plan, site));
    let traces = plan.tracing.iter().map(|tracing| tracing::cluster(tracing, site));
    let own = plan.document.settings.own_cluster.iter().map(|name| itself(name, plan, site));
    groups.chain(keys).chain(own).chain(traces).collect()
}

fn group(cluster: &Cluster, plan: &Plan, site: &Site, filters: &[Value]) -> Value {
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
        "typed_extension_protocol_options": group_options(cluster, filters),
    });
    if let Some(value) = value.as_object_mut() {
        resolve(value, named);
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
        "typed_extension_protocol_options": http_options(&[filter::codec()]),
    });
    if let Some(cluster) = value.as_object_mut() {
        resolve(cluster, site.keys_host.parse::<IpAddr>().is_err());
    }
    value
}

/// The key service's internal port, for discovery. Envoy's REST client sends no authorization header, so the cluster adds the
/// token; Envoy reads it from its environment, and its configuration does not contain it.
pub(super) fn control(site: &Site) -> Value {
    let token = json!({
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation",
            "mutations": { "request_mutations": [{ "append": {
                "header": { "key": "authorization", "value": format!("Bearer %ENVIRONMENT({TOKEN_ENV})%") },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            } }] },
        },
    });
    let mut value = plain(CONTROL_CLUSTER, &site.keys_host, site.keys_internal_port(), "");
    if let Some(endpoint) = value.pointer_mut("/load_assignment/endpoints/0/lb_endpoints/0/endpoint") {
        endpoint.as_object_mut().map(|endpoint| endpoint.shift_remove("hostname"));
    }
    value["connect_timeout"] = "2s".into();
    // All parts must be fetched from the same replica, which decides their order: so there is one endpoint, whatever the
    // number of addresses, and one connection to it.
    if let Some(dns) = value.pointer_mut("/cluster_type/typed_config") {
        dns["all_addresses_in_single_endpoint"] = true.into();
    }
    value["typed_extension_protocol_options"] = http_options_with(
        &json!({ "http2_protocol_options": {
            // To notice a replica that is cut off.
            "connection_keepalive": { "interval": "5s", "timeout": "2s" },
        } }),
        &[token, filter::codec()],
    );
    value
}

fn http_options(filters: &[Value]) -> Value {
    http_options_with(&json!({ "http_protocol_options": {} }), filters)
}

/// The same, with options for the version of HTTP.
fn http_options_with(version: &Value, filters: &[Value]) -> Value {
    json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": version,
            "common_http_protocol_options": { "idle_timeout": "50s" },
            "http_filters": filters,
        },
    })
}

/// With the answers that count as failures: not only the 5xx that Envoy counts by itself.
fn group_options(cluster: &Cluster, filters: &[Value]) -> Value {
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
    let mut options = http_options(filters);
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
