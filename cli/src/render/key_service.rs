//! The key service: `Deployment`, `Service`, and who may reach it.

use serde_json::{Value, json};

use super::config_file::ConfigFile;
use super::workload::{
    container_security, disruption_budget, labels, metadata, pod_security, secrets, spread,
};
use super::{Place, Resource};
use switchboard_compile::envoy::Site;
use switchboard_compile::plan::{CREDENTIALS_ENV, MASTER_KEY_ENV, Plan, TOKEN_ENV, by_reference};

/// Name of the key service.
pub(super) const NAME: &str = "switchboard-keys";

/// Where the key service has the `Secret`.
const SECRETS: &str = "/etc/switchboard/secrets";

/// Where the key service is reached from any namespace.
pub fn host(namespace: &str) -> String {
    format!("{NAME}.{namespace}.svc")
}

/// All resources of the key service. `gateways` selects the pods (a `NetworkPolicyPeer`) whose filter calls it. If they fetch
/// their configuration from it, it has `config.yaml`.
pub(super) fn resources(
    plan: &Plan,
    site: &Site,
    place: &Place,
    gateways: &Value,
    fetches: bool,
) -> Vec<Resource> {
    let config = fetches.then(|| ConfigFile::of(plan, place));
    let mut all: Vec<_> = config.and_then(|config| config.resource(place)).into_iter().collect();
    all.extend([
        deployment(plan, site, place, config),
        service(site, place),
        disruption_budget(place, NAME, "keys"),
        network_policy(site, place, gateways),
    ]);
    all
}

fn deployment(plan: &Plan, site: &Site, place: &Place, config: Option<ConfigFile>) -> Resource {
    let names = [MASTER_KEY_ENV, TOKEN_ENV, "DATABASE_URL"];
    let mut environment = secrets(names, place);
    if config.is_none() && !plan.credentials.is_empty() {
        let (credentials, _) = by_reference(&plan.credentials);
        environment.push(json!({ "name": CREDENTIALS_ENV, "value": credentials }));
    }
    let mut arguments = vec![
        "serve".to_owned(),
        "--listen".to_owned(),
        format!("0.0.0.0:{}", site.keys_port),
        "--internal-listen".to_owned(),
        format!("0.0.0.0:{}", site.keys_internal_port()),
        "--metrics-listen".to_owned(),
        format!("0.0.0.0:{}", site.keys_metrics_port()),
        "--secrets".to_owned(),
        SECRETS.to_owned(),
    ];
    arguments.extend(config.into_iter().flat_map(|config| ["--config".to_owned(), config.path(SECRETS)]));
    arguments.extend(plan.key_service_options.iter().cloned());
    let mut volumes = vec![json!({ "name": "secrets", "secret": { "secretName": place.secret } })];
    let mut mounts = vec![json!({ "name": "secrets", "mountPath": SECRETS, "readOnly": true })];
    if let Some((volume, mount)) = config.and_then(ConfigFile::volume) {
        volumes.push(volume);
        mounts.push(mount);
    }
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
                            "volumeMounts": mounts,
                        }],
                        "volumes": volumes,
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
            (
                "spec.template.spec.volumes",
                "The providers' credentials, as files: a changed Secret is used without a restart. Envoy has none of them.",
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
