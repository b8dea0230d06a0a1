//! Switchboard in a gateway of Envoy Gateway's: a `Gateway`, the proxy that runs it, and an `EnvoyPatchPolicy`.

use std::io;

use serde_json::{Value, json};

use super::workload::{DRAIN_SECONDS, envoy_secrets, metadata};
use super::{Place, Resource, key_service};
use switchboard_compile::envoy::{Parts, Site, parts};
use switchboard_compile::plan::Plan;

/// Name of the gateway and of all that belongs to it.
const NAME: &str = "switchboard";

/// Name of its listener.
const LISTENER: &str = "http";

/// All resources.
pub(super) fn resources(plan: &Plan, site: &Site, place: &Place) -> io::Result<Vec<Resource>> {
    let document = serde_json::to_string_pretty(&plan.document)?;
    let mut all = vec![
        gateway_class(),
        proxy(plan, place),
        gateway(site, place),
        route(site, place),
        patch_policy(parts(plan, site, &document), site, place),
    ];
    let gateways = json!({
        "namespaceSelector": {},
        "podSelector": { "matchLabels": {
            "gateway.envoyproxy.io/owning-gateway-name": NAME,
            "gateway.envoyproxy.io/owning-gateway-namespace": place.namespace,
        } },
    });
    all.extend(key_service::resources(plan, site, place, &gateways, false));
    Ok(all)
}

fn gateway_class() -> Resource {
    Resource::new(json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": { "name": NAME },
        "spec": { "controllerName": "gateway.envoyproxy.io/gatewayclass-controller" },
    }))
}

fn proxy(plan: &Plan, place: &Place) -> Resource {
    Resource::because(
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyProxy",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": {
                "concurrency": place.workers,
                "shutdown": { "drainTimeout": format!("{DRAIN_SECONDS}s") },
                "provider": {
                    "type": "Kubernetes",
                    "kubernetes": {
                        "envoyDeployment": { "container": {
                            "image": place.gateway_image,
                            "env": envoy_secrets(plan, place),
                            "resources": {
                                "requests": { "cpu": "1", "memory": "256Mi" },
                                "limits": { "memory": "1Gi" },
                            },
                        } },
                        "envoyHpa": {
                            "minReplicas": 2,
                            "maxReplicas": 10,
                            "metrics": [{
                                "type": "Resource",
                                "resource": {
                                    "name": "cpu",
                                    "target": { "type": "Utilization", "averageUtilization": 70 },
                                },
                            }],
                        },
                        "envoyPDB": { "minAvailable": 1 },
                    },
                },
            },
        }),
        &[
            (
                "spec.provider.kubernetes.envoyDeployment.container.image",
                "Envoy as Envoy Gateway runs it, with the filter in it.",
            ),
            (
                "spec.provider.kubernetes.envoyDeployment.container.env",
                "The filter reads its secrets from here; no resource holds one.",
            ),
        ],
    )
}

fn gateway(site: &Site, place: &Place) -> Resource {
    let mut listener = json!({
        "name": LISTENER,
        "port": site.port,
        "protocol": "HTTP",
        "allowedRoutes": { "namespaces": { "from": "Same" } },
    });
    if let Some(secret) = &place.tls_secret {
        listener["protocol"] = json!("HTTPS");
        listener["tls"] = json!({ "mode": "Terminate", "certificateRefs": [{ "name": secret }] });
    }
    Resource::new(json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata(place, NAME, "gateway"),
        "spec": {
            "gatewayClassName": NAME,
            "infrastructure": { "parametersRef": {
                "group": "gateway.envoyproxy.io",
                "kind": "EnvoyProxy",
                "name": NAME,
            } },
            "listeners": [listener],
        },
    }))
}

fn route(site: &Site, place: &Place) -> Resource {
    Resource::because(
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": {
                "parentRefs": [{ "name": NAME, "sectionName": LISTENER }],
                "rules": [{
                    "matches": [{ "path": { "type": "PathPrefix", "value": "/" } }],
                    "backendRefs": [{ "name": key_service::NAME, "port": site.keys_port }],
                }],
            },
        }),
        &[(
            "spec.rules",
            "Makes Envoy Gateway write a listener and routes; the policy below puts others in their place.",
        )],
    )
}

fn patch_policy(parts: Parts, site: &Site, place: &Place) -> Resource {
    let name = format!("{}/{NAME}/{LISTENER}", place.namespace);
    // Envoy Gateway's runtime flag XDSNameSchemeV2, on by default since 1.10, names by the port.
    let listener_name = if place.old_xds_names { name.clone() } else { format!("tcp-{}", site.port) };
    let by_listener = place.old_xds_names || place.tls_secret.is_some();
    let routes_name = if by_listener { name } else { format!("http-{}", site.port) };
    // Envoy Gateway's HTTP listeners have one chain for all; those with TLS have one for each host name.
    let chain = if place.tls_secret.is_some() { "/filter_chains/0" } else { "/default_filter_chain" };
    let manager = format!("{chain}/filters/0/typed_config");
    let mut patches = Vec::new();
    let mut listener = |path: String, value: Value| {
        patches.push(json!({
            "type": "type.googleapis.com/envoy.config.listener.v3.Listener",
            "name": listener_name,
            "operation": { "op": "add", "path": path, "value": value },
        }));
    };
    listener("/per_connection_buffer_limit_bytes".to_owned(), parts.buffer_limit);
    for (field, value) in parts.connection_manager {
        // What is empty stays as Envoy Gateway's own settings make it.
        if field != "@type" && value.as_array().is_none_or(|items| !items.is_empty()) {
            listener(format!("{manager}/{field}"), value);
        }
    }
    for filter in parts.filters.into_iter().rev() {
        listener(format!("{manager}/http_filters/0"), filter);
    }
    patches.push(json!({
        "type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": routes_name,
        "operation": { "op": "add", "path": "/virtual_hosts", "value": [
            {
                "name": NAME,
                "domains": ["*"],
                "typed_per_filter_config": parts.per_filter_config,
                "routes": parts.routes,
            },
        ] },
    }));
    patches.extend(parts.clusters.into_iter().map(|cluster| {
        json!({
            "type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            "name": cluster["name"],
            "operation": { "op": "add", "path": "", "value": cluster },
        })
    }));
    Resource::because(
        json!({
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyPatchPolicy",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": {
                "targetRef": { "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": NAME },
                "type": "JSONPatch",
                "jsonPatches": patches,
            },
        }),
        &[
            (
                "spec.jsonPatches.operation.value.typed_config.config.allow_on_headers_stop_iteration",
                "Required (Envoy 1.35 or later). EnvoyExtensionPolicy does not support it.",
            ),
            (
                "spec.jsonPatches.operation.value.typed_config.config.failure_policy",
                "If the filter crashes, only the current requests of its worker fail.",
            ),
            (
                "spec.jsonPatches.operation.value.local_reply_config",
                "Envoy's own replies, in the error format of OpenAI and LiteLLM.",
            ),
        ],
    )
}
