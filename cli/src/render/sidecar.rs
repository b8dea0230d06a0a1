//! Switchboard beside an application, as a native sidecar.

use std::io;

use serde_json::{Value, json};

use super::workload::{
    DRAIN_SECONDS, LAUNCHER, checksum, configuration, configuration_volume, envoy_container, memory_limit,
    metadata, pod_security,
};
use super::{Place, Resource, key_service};
use switchboard_compile::envoy::Site;
use switchboard_compile::plan::Plan;

/// Name of what belongs to the sidecar.
const NAME: &str = "switchboard-sidecar";

/// Name of the application in the example.
const APPLICATION: &str = "my-application";

/// Label of pods that have the sidecar; the key service answers them.
const LABEL: &str = "switchboard/sidecar";

/// All resources.
pub(super) fn resources(plan: &Plan, site: &Site, place: &Place) -> io::Result<Vec<Resource>> {
    let configuration = configuration(plan, site, place, NAME)?;
    let application = application(plan, site, place, &checksum(&configuration));
    let mut all = vec![configuration, application];
    let beside = json!({ "podSelector": { "matchLabels": { LABEL: "true" } } });
    all.extend(key_service::resources(plan, site, place, &beside, true));
    Ok(all)
}

fn application(plan: &Plan, site: &Site, place: &Place, checksum: &str) -> Resource {
    let mut sidecar = envoy_container(plan, site, place);
    // Nobody outside of the pod reaches it, so there is no port to name.
    sidecar.shift_remove("ports");
    let probe = json!({ "exec": { "command": [LAUNCHER, "ready", "--port", site.port.to_string()] } });
    let mut startup = probe.clone();
    startup["periodSeconds"] = json!(1);
    startup["failureThreshold"] = json!(60);
    sidecar.insert("restartPolicy".to_owned(), json!("Always"));
    sidecar.insert("startupProbe".to_owned(), startup);
    sidecar.insert("readinessProbe".to_owned(), probe);
    sidecar.insert(
        "resources".to_owned(),
        json!({ "requests": { "cpu": "100m", "memory": "96Mi" }, "limits": { "memory": memory_limit(site) } }),
    );
    let mut meta = metadata(place, APPLICATION, "application");
    meta["labels"] = json!({ "app.kubernetes.io/name": APPLICATION });
    let labels = json!({ "app.kubernetes.io/name": APPLICATION });
    let mut pod_labels = labels.clone();
    pod_labels[LABEL] = json!("true");
    Resource::because(
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {
                "selector": { "matchLabels": labels },
                "template": {
                    "metadata": {
                        "labels": pod_labels,
                        "annotations": { "switchboard/configuration": checksum },
                    },
                    "spec": {
                        "terminationGracePeriodSeconds": DRAIN_SECONDS + 15,
                        "securityContext": pod_security(),
                        "initContainers": [Value::Object(sidecar)],
                        "containers": [{
                            "name": "application",
                            "image": "my-application:latest",
                            "env": [
                                {
                                    "name": "OPENAI_BASE_URL",
                                    "value": format!("http://127.0.0.1:{}/v1", site.port),
                                },
                                {
                                    "name": "OPENAI_API_KEY",
                                    "valueFrom": { "secretKeyRef": { "name": APPLICATION, "key": "OPENAI_API_KEY" } },
                                },
                            ],
                        }],
                        "volumes": [configuration_volume(NAME)],
                    },
                },
            },
        }),
        &[
            ("spec", "An example: copy the label, the init container and the volume to your own pods."),
            (
                "spec.template.spec.initContainers",
                "`restartPolicy: Always` makes it a sidecar: it starts before the application and stops after it.",
            ),
            (
                "spec.template.spec.initContainers.lifecycle",
                "Reports the usage of the last requests before Envoy stops.",
            ),
            ("spec.template.spec.containers.env", "A virtual key, from /key/generate; not a provider's."),
        ],
    )
}
