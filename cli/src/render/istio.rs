//! Switchboard in an Istio gateway: a gateway with a dedicated port, and an `EnvoyFilter` with both roles.
//!
//! Istio's `WasmPlugin` has no `allow_on_headers_stop_iteration`, and reaches no cluster. The filter itself travels by
//! extension discovery (`EXTENSION_CONFIG`), because only there does Istio's agent fetch the module from a registry.

use std::io;

use serde_json::{Value, json};

use super::workload::{
    DRAIN_SECONDS, disruption_budget, envoy_secrets, gateway_service, labels, metadata, pod_security, spread,
};
use super::{Place, Resource, key_service};
use switchboard_compile::envoy::{Parts, Site, parts};
use switchboard_compile::plan::Plan;

/// Name of the gateway.
const NAME: &str = "switchboard-gateway";

/// Name of the connection manager in Istio's listeners.
const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// Name of a wasm filter in ours.
const WASM: &str = "envoy.filters.http.wasm";

/// All resources.
pub(super) fn resources(plan: &Plan, site: &Site, place: &Place) -> io::Result<Vec<Resource>> {
    let document = serde_json::to_string_pretty(&plan.document)?;
    let mut all = vec![
        envoy_filter(parts(plan, site, &document), site, place),
        gateway(site, place),
        deployment(plan, place),
        gateway_service(NAME, site.port, site, place),
        disruption_budget(place, NAME, "gateway"),
    ];
    let gateways = json!({ "podSelector": { "matchLabels": labels("gateway") } });
    all.extend(
        key_service::resources(plan, site, place, &gateways, false).into_iter().map(outside_of_the_mesh),
    );
    Ok(all)
}

/// The clusters added here speak plain HTTP to the key service, which its sidecar might reject (strict mTLS).
fn outside_of_the_mesh(mut resource: Resource) -> Resource {
    if resource.value["kind"] == "Deployment" {
        resource.value["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] = json!("false");
    }
    resource
}

fn envoy_filter(mut parts: Parts, site: &Site, place: &Place) -> Resource {
    let mut patches = Patches { port: site.port, patches: Vec::new() };
    let mut extensions = Extensions { wasm_url: place.wasm_url.as_deref(), resources: Vec::new() };
    // Istio merges: what is not named here stays as its other settings make it.
    parts.connection_manager.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
    let limit = json!({ "per_connection_buffer_limit_bytes": parts.buffer_limit });
    patches.listener("LISTENER", None, "MERGE", &limit);
    let manager = json!({ "name": CONNECTION_MANAGER, "typed_config": parts.connection_manager });
    patches.listener("NETWORK_FILTER", Some(json!({ "name": CONNECTION_MANAGER })), "MERGE", &manager);
    for filter in parts.filters.into_iter().rev() {
        let filter = extensions.discovered(filter, "switchboard-downstream");
        patches.listener("HTTP_FILTER", Some(json!({ "name": CONNECTION_MANAGER })), "INSERT_FIRST", &filter);
    }
    let router = json!({ "name": CONNECTION_MANAGER, "subFilter": { "name": parts.router["name"] } });
    patches.listener("HTTP_FILTER", Some(router), "MERGE", &parts.router);
    patches.routes("VIRTUAL_HOST", "MERGE", &json!({ "typed_per_filter_config": parts.per_filter_config }));
    // Each takes precedence over existing ones.
    for route in parts.routes.into_iter().rev() {
        patches.routes("HTTP_ROUTE", "INSERT_FIRST", &route);
    }
    for mut cluster in parts.clusters {
        for filter in filters(&mut cluster) {
            *filter = extensions.discovered(filter.take(), "switchboard-upstream");
        }
        patches.add("CLUSTER", &cluster);
    }
    for extension in extensions.resources {
        patches.add("EXTENSION_CONFIG", &extension);
    }
    Resource::because(
        json!({
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "EnvoyFilter",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": {
                "workloadSelector": { "labels": labels("gateway") },
                "configPatches": patches.patches,
            },
        }),
        &[
            (
                "spec.configPatches.patch.value.config_discovery",
                "The filter is a separate resource (EXTENSION_CONFIG, below), because Istio's agent downloads modules only \
                 for those.",
            ),
            (
                "spec.configPatches.patch.value.typed_config.config.allow_on_headers_stop_iteration",
                "Required (Envoy 1.35 or later). WasmPlugin does not support it.",
            ),
            (
                "spec.configPatches.patch.value.typed_config.config.failure_policy",
                "If the filter crashes, only the current requests of its worker fail.",
            ),
        ],
    )
}

/// The upstream filters of a cluster.
fn filters(cluster: &mut Value) -> impl Iterator<Item = &mut Value> {
    let options = cluster["typed_extension_protocol_options"].as_object_mut();
    let options = options.into_iter().flat_map(|options| options.values_mut());
    options.filter_map(|options| options["http_filters"].as_array_mut()).flatten()
}

/// What is fetched by its name.
struct Extensions<'a> {
    wasm_url: Option<&'a str>,
    resources: Vec<Value>,
}

impl Extensions<'_> {
    /// A reference to the filter, which is kept once under `name`; other filters are not changed.
    fn discovered(&mut self, mut filter: Value, name: &str) -> Value {
        if filter["name"] != WASM {
            return filter;
        }
        if !self.resources.iter().any(|known| known["name"] == name) {
            if let Some(url) = self.wasm_url {
                // The agent fetches it and puts a path here; the name of the cluster is never used.
                filter["typed_config"]["config"]["vm_config"]["code"] =
                    json!({ "remote": { "http_uri": { "uri": url, "timeout": "30s", "cluster": "_" } } });
            }
            self.resources.push(json!({ "name": name, "typed_config": filter["typed_config"].take() }));
        }
        json!({
            "name": name,
            "config_discovery": {
                "config_source": { "ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3" },
                "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
            },
        })
    }
}

/// `configPatches`
struct Patches {
    port: u16,
    patches: Vec<Value>,
}

impl Patches {
    fn listener(&mut self, apply_to: &str, filter: Option<Value>, operation: &str, value: &Value) {
        let mut listener = json!({ "portNumber": self.port });
        if let Some(filter) = filter {
            listener["filterChain"] = json!({ "filter": filter });
        }
        self.patches.push(json!({
            "applyTo": apply_to,
            "match": { "context": "GATEWAY", "listener": listener },
            "patch": { "operation": operation, "value": value },
        }));
    }

    fn routes(&mut self, apply_to: &str, operation: &str, value: &Value) {
        self.patches.push(json!({
            "applyTo": apply_to,
            "match": { "context": "GATEWAY", "routeConfiguration": { "portNumber": self.port } },
            "patch": { "operation": operation, "value": value },
        }));
    }

    fn add(&mut self, apply_to: &str, value: &Value) {
        self.patches.push(json!({
            "applyTo": apply_to,
            "match": { "context": "GATEWAY" },
            "patch": { "operation": "ADD", "value": value },
        }));
    }
}

fn gateway(site: &Site, place: &Place) -> Resource {
    let server = match &place.tls_secret {
        None => {
            json!({ "port": { "number": site.port, "name": "http", "protocol": "HTTP" }, "hosts": ["*"] })
        }
        Some(secret) => json!({
            "port": { "number": site.port, "name": "https", "protocol": "HTTPS" },
            "hosts": ["*"],
            "tls": { "mode": "SIMPLE", "credentialName": secret },
        }),
    };
    Resource::because(
        json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "Gateway",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": { "selector": labels("gateway"), "servers": [server] },
        }),
        &[("spec.servers", "A dedicated port: the filter handles every request to it.")],
    )
}

fn deployment(plan: &Plan, place: &Place) -> Resource {
    let mut pod_labels = labels("gateway");
    pod_labels["sidecar.istio.io/inject"] = json!("true");
    Resource::because(
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": {
                "replicas": 2,
                "selector": { "matchLabels": labels("gateway") },
                "template": {
                    "metadata": {
                        "labels": pod_labels,
                        "annotations": {
                            "inject.istio.io/templates": "gateway",
                            "proxy.istio.io/config": format!(
                                "terminationDrainDuration: {DRAIN_SECONDS}s\nconcurrency: {}\n\
                                 proxyStatsMatcher:\n  inclusionPrefixes: [\"http.switchboard.\", \"wasm\"]",
                                place.workers
                            ),
                        },
                    },
                    "spec": {
                        "terminationGracePeriodSeconds": DRAIN_SECONDS + 15,
                        "securityContext": pod_security(),
                        "topologySpreadConstraints": spread("gateway"),
                        "containers": [{
                            "name": "istio-proxy",
                            "image": "auto",
                            "env": envoy_secrets(plan, place),
                        }],
                    },
                },
            },
        }),
        &[
            (
                "spec.template.spec.containers.image",
                "Istio replaces this with its own proxy image (gateway injection).",
            ),
            (
                "spec.template.spec.containers.env",
                "The filter reads its secrets from these variables; no resource contains them.",
            ),
        ],
    )
}
