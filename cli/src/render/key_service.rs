//! The key service: `Deployment`, `Service`, and who may reach it.

use serde_json::{Value, json};

use super::workload::{
    container_security, disruption_budget, labels, metadata, pod_security, secrets, spread,
};
use super::{Place, Resource};
use crate::compile::{MASTER_KEY_ENV, Plan, TOKEN_ENV, TOKEN_SOURCES_ENV};
use crate::envoy::Site;

/// Name of the key service.
pub(super) const NAME: &str = "switchboard-keys";

/// Where the key service is reached from any namespace.
pub fn host(namespace: &str) -> String {
    format!("{NAME}.{namespace}.svc")
}

/// All resources of the key service. `gateways` selects the pods (a `NetworkPolicyPeer`) whose filter calls it.
pub(super) fn resources(plan: &Plan, site: &Site, place: &Place, gateways: &Value) -> Vec<Resource> {
    vec![
        deployment(plan, site, place),
        service(site, place),
        disruption_budget(place, NAME, "keys"),
        network_policy(site, place, gateways),
    ]
}

fn deployment(plan: &Plan, site: &Site, place: &Place) -> Resource {
    let names = [MASTER_KEY_ENV, TOKEN_ENV, "DATABASE_URL"];
    let sources: Vec<&str> = plan.token_sources.iter().map(|variable| variable.name.as_str()).collect();
    let mut environment = secrets(names.into_iter().chain(sources.iter().copied()), place);
    if !sources.is_empty() {
        environment.push(json!({ "name": TOKEN_SOURCES_ENV, "value": sources.join(",") }));
    }
    let mut arguments = vec![
        "serve".to_owned(),
        "--listen".to_owned(),
        format!("0.0.0.0:{}", site.keys_port),
        "--internal-listen".to_owned(),
        format!("0.0.0.0:{}", site.keys_internal_port()),
        "--metrics-listen".to_owned(),
        format!("0.0.0.0:{}", site.keys_metrics_port()),
    ];
    arguments.extend(plan.key_service_options.iter().cloned());
    let probe = |path| json!({ "httpGet": { "path": path, "port": "http" }, "timeoutSeconds": 5 });
    Resource::because(
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(place, NAME, "keys"),
            "spec": {
                "replicas": 2,
                "selector": { "matchLabels": labels("keys") },
                "template": {
                    "metadata": { "labels": labels("keys"), "annotations": {
                        "prometheus.io/scrape": "true",
                        "prometheus.io/port": site.keys_metrics_port().to_string(),
                        "prometheus.io/path": "/metrics",
                    } },
                    "spec": {
                        "automountServiceAccountToken": false,
                        "terminationGracePeriodSeconds": 30,
                        "securityContext": pod_security(),
                        "topologySpreadConstraints": spread("keys"),
                        "containers": [{
                            "name": "switchboard-keys",
                            "image": place.keys_image,
                            "args": arguments,
                            "env": environment,
                            "ports": [
                                { "name": "http", "containerPort": site.keys_port },
                                { "name": "internal", "containerPort": site.keys_internal_port() },
                                { "name": "metrics", "containerPort": site.keys_metrics_port() },
                            ],
                            "readinessProbe": probe("/health/readiness"),
                            "livenessProbe": probe("/health/liveliness"),
                            "lifecycle": { "preStop": { "sleep": { "seconds": 5 } } },
                            "resources": {
                                "requests": { "cpu": "100m", "memory": "64Mi" },
                                "limits": { "memory": "512Mi" },
                            },
                            "securityContext": container_security(),
                        }],
                    },
                },
            },
        }),
        &[
            (
                "spec.replicas",
                "Replicas share their state in the database, which must be Postgres if there is more than one.",
            ),
            (
                "spec.template.metadata.annotations",
                "Each pod counts the usage that was reported to it, so Prometheus must scrape every pod.",
            ),
            ("spec.template.spec.containers.lifecycle", "Time for load balancers to remove this pod."),
        ],
    )
}

fn service(site: &Site, place: &Place) -> Resource {
    Resource::new(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(place, NAME, "keys"),
        "spec": {
            "selector": labels("keys"),
            "ports": [
                { "name": "http", "port": site.keys_port, "targetPort": "http" },
                { "name": "http-internal", "port": site.keys_internal_port(), "targetPort": "internal" },
                { "name": "http-metrics", "port": site.keys_metrics_port(), "targetPort": "metrics" },
            ],
        },
    }))
}

fn network_policy(site: &Site, place: &Place, gateways: &Value) -> Resource {
    let port = |port: u16| json!({ "protocol": "TCP", "port": port });
    let monitoring = json!({
        "namespaceSelector": {},
        "podSelector": { "matchLabels": { "app.kubernetes.io/name": "prometheus" } },
    });
    Resource::because(
        json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata(place, NAME, "keys"),
            "spec": {
                "podSelector": { "matchLabels": labels("keys") },
                "policyTypes": ["Ingress"],
                "ingress": [
                    { "from": [gateways], "ports": [port(site.keys_port), port(site.keys_internal_port())] },
                    { "from": [monitoring], "ports": [port(site.keys_metrics_port())] },
                ],
            },
        }),
        &[("spec.ingress", "Only gateways; Prometheus reaches only the metrics port.")],
    )
}
