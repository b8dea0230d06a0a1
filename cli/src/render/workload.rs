//! What every pod of Switchboard has: names, secrets, and as few rights as it can do with.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Place, Resource, discovery};
use switchboard_compile::envoy::{MODULES_PATH_ENV, Site};
use switchboard_compile::plan::Plan;

/// Longest that requests get to finish when a pod ends, seconds.
pub(super) const DRAIN_SECONDS: u32 = 120;

/// Where the gateway's image has Envoy.
const ENVOY: &str = "/usr/local/bin/envoy";

/// Where the gateway's image has the launcher.
pub(super) const LAUNCHER: &str = "/usr/local/bin/switchboard";

/// Variable with the name of the pod.
const POD: &str = "POD_NAME";

/// The folder that Envoy's configuration is mounted at.
const CONFIGURATION: &str = "/etc/envoy";

/// Labels of a part of Switchboard.
pub(super) fn labels(component: &str) -> Value {
    json!({ "app.kubernetes.io/name": "switchboard", "app.kubernetes.io/component": component })
}

/// `metadata` of a resource that belongs to a part of Switchboard.
pub(super) fn metadata(place: &Place, name: &str, component: &str) -> Value {
    json!({ "name": name, "namespace": place.namespace, "labels": labels(component) })
}

/// The `Service` before the gateway's pods; `target` is their port, or its name.
pub(super) fn gateway_service(name: &str, target: impl Into<Value>, site: &Site, place: &Place) -> Resource {
    let target = target.into();
    Resource::new(json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(place, name, "gateway"),
        "spec": {
            "selector": labels("gateway"),
            "ports": [{ "name": "http", "port": site.port, "targetPort": target }],
        },
    }))
}

/// Variables that come from the `Secret`.
pub(super) fn secrets<'a>(names: impl IntoIterator<Item = &'a str>, place: &Place) -> Vec<Value> {
    let one = |name| {
        json!({
            "name": name,
            "valueFrom": { "secretKeyRef": { "name": place.secret, "key": name } },
        })
    };
    names.into_iter().map(one).collect()
}

/// Envoy's variables of the `Secret`.
pub(super) fn envoy_secrets(plan: &Plan, place: &Place) -> Vec<Value> {
    secrets(plan.variables.iter().map(|variable| variable.name.as_str()), place)
}

/// Envoy's variables where the image is ours.
fn envoy_variables(plan: &Plan, site: &Site, place: &Place) -> Vec<Value> {
    let mut all = envoy_secrets(plan, place);
    all.push(json!({ "name": POD, "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }));
    if let Some(folder) = site.module.as_deref().and_then(Path::parent) {
        all.push(json!({ "name": MODULES_PATH_ENV, "value": folder.display().to_string() }));
    }
    all
}

/// `securityContext` of a pod.
pub(super) fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// `securityContext` of a container.
pub(super) fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// One pod on each machine, and in each zone, where there are enough.
pub(super) fn spread(component: &str) -> Value {
    let over = |key| {
        json!({
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": labels(component) },
        })
    };
    json!([over("kubernetes.io/hostname"), over("topology.kubernetes.io/zone")])
}

/// A budget for those who drain machines: one pod at a time.
pub(super) fn disruption_budget(place: &Place, name: &str, component: &str) -> Resource {
    Resource::new(json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(place, name, component),
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": labels(component) } },
    }))
}

/// Envoy's bootstrap in a `ConfigMap`. It does not depend on the models, and the key service has the rest.
pub(super) fn configuration(
    plan: &Plan,
    site: &Site,
    place: &Place,
    name: &str,
) -> std::io::Result<Resource> {
    let text = discovery::bootstrap(plan, site, place.workers)?;
    Ok(Resource::new(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(place, name, "gateway"),
        "data": { "envoy.yaml": text.trim_end() },
    })))
}

/// The limit of the container's memory, by which Envoy knows when to refuse requests.
pub(super) fn memory_limit(site: &Site) -> Value {
    match site.memory_limit {
        Some(bytes) if bytes % (1 << 30) == 0 => json!(format!("{}Gi", bytes >> 30)),
        Some(bytes) if bytes % (1 << 20) == 0 => json!(format!("{}Mi", bytes >> 20)),
        Some(bytes) => json!(bytes.to_string()),
        None => Value::Null,
    }
}

/// The volume with the [`configuration`].
pub(super) fn configuration_volume(name: &str) -> Value {
    json!({ "name": "envoy", "configMap": { "name": name } })
}

/// A change of this replaces the pods: Envoy reads its bootstrap at startup.
pub(super) fn checksum(configuration: &Resource) -> String {
    use sha2::Digest as _;
    let text = configuration.value["data"]["envoy.yaml"].as_str().unwrap_or_default();
    switchboard::hex::hex(&sha2::Sha256::digest(text.as_bytes()))
}

/// Envoy's container: what is the same in a gateway and beside an application.
pub(super) fn envoy_container(plan: &Plan, site: &Site, place: &Place) -> Map<String, Value> {
    let container = json!({
        "name": "switchboard",
        "image": place.gateway_image,
        "command": [ENVOY],
        "args": [
            "--config-path", format!("{CONFIGURATION}/envoy.yaml"),
            "--service-node", format!("$({POD})"),
            "--concurrency", place.workers.to_string(),
            "--disable-hot-restart",
            "--log-level", "warning",
        ],
        "env": envoy_variables(plan, site, place),
        "ports": [{ "name": "http", "containerPort": site.port }],
        "lifecycle": { "preStop": { "exec": { "command": [
            LAUNCHER, "drain",
            "--admin-port", site.admin_port.to_string(),
            "--timeout", DRAIN_SECONDS.to_string(),
        ] } } },
        "securityContext": container_security(),
        "volumeMounts": [{ "name": "envoy", "mountPath": CONFIGURATION, "readOnly": true }],
    });
    match container {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
