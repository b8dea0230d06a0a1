//! Switchboard as a standalone gateway in Kubernetes.

use std::io;

use serde_json::{Value, json};

use super::workload::{
    DRAIN_SECONDS, checksum, configuration, configuration_volume, disruption_budget, envoy_container,
    gateway_service, labels, memory_limit, metadata, pod_security, spread,
};
use super::{Place, Resource, key_service};
use switchboard_compile::envoy::Site;
use switchboard_compile::plan::Plan;

/// Name of the gateway.
const NAME: &str = "switchboard";

/// All resources.
pub(super) fn resources(plan: &Plan, site: &Site, place: &Place) -> io::Result<Vec<Resource>> {
    let configuration = configuration(plan, site, place, NAME)?;
    let gateway = deployment(plan, site, place, &checksum(&configuration));
    let mut all = vec![
        configuration,
        gateway,
        gateway_service(NAME, "http", site, place),
        autoscaler(place),
        disruption_budget(place, NAME, "gateway"),
    ];
    let gateways = json!({ "podSelector": { "matchLabels": labels("gateway") } });
    all.extend(key_service::resources(plan, site, place, &gateways, true));
    Ok(all)
}

fn deployment(plan: &Plan, site: &Site, place: &Place, checksum: &str) -> Resource {
    let mut container = envoy_container(plan, site, place);
    let probe =
        |path, seconds| json!({ "httpGet": { "path": path, "port": "http" }, "periodSeconds": seconds });
    container.insert("startupProbe".to_owned(), {
        let mut probe = probe("/health/readiness", 1);
        probe["failureThreshold"] = json!(60);
        probe
    });
    container.insert("readinessProbe".to_owned(), probe("/health/readiness", 5));
    container.insert("livenessProbe".to_owned(), probe("/health/liveliness", 10));
    container.insert(
        "resources".to_owned(),
        json!({ "requests": { "cpu": "1", "memory": "256Mi" }, "limits": { "memory": memory_limit(site) } }),
    );
    Resource::because(
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": {
                "selector": { "matchLabels": labels("gateway") },
                "strategy": { "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
                "template": {
                    "metadata": {
                        "labels": labels("gateway"),
                        "annotations": { "switchboard/configuration": checksum },
                    },
                    "spec": {
                        "automountServiceAccountToken": false,
                        // What `drain` waits before and after.
                        "terminationGracePeriodSeconds": DRAIN_SECONDS + 15,
                        "securityContext": pod_security(),
                        "topologySpreadConstraints": spread("gateway"),
                        "containers": [Value::Object(container)],
                        "volumes": [configuration_volume(NAME)],
                    },
                },
            },
        }),
        &[
            (
                "spec.template.metadata.annotations",
                "Envoy reads its bootstrap at startup: a change of it, for example of a port, replaces the pods.",
            ),
            ("spec.template.spec.containers.args", "One worker per CPU of the pod."),
            (
                "spec.template.spec.containers.lifecycle",
                "Drains in-flight requests and reports their usage before Envoy stops.",
            ),
        ],
    )
}

fn autoscaler(place: &Place) -> Resource {
    Resource::because(
        json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata(place, NAME, "gateway"),
            "spec": {
                "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": NAME },
                "minReplicas": 2,
                "maxReplicas": 10,
                "metrics": [{
                    "type": "Resource",
                    "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } },
                }],
                "behavior": { "scaleDown": { "stabilizationWindowSeconds": 300 } },
            },
        }),
        &[("spec.behavior", "Removing a pod waits for its streams, so do not scale down at every lull.")],
    )
}
