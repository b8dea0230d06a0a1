//! What Envoy Gateway does with an `EnvoyPatchPolicy` (`internal/xds/translator/jsonpatch.go` in its repository).

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Discovered, only, resources};

/// The configuration of a gateway's Envoy with what is rendered for Envoy Gateway.
pub fn envoy_gateway(rendered: &str, folder: &Path, admin: u16) -> String {
    let resources = resources(rendered);
    let gateway = only(&resources, "Gateway");
    let listener = &gateway["spec"]["listeners"][0];
    let port = u16::try_from(listener["port"].as_u64().expect("a port")).expect("a port");
    let mut discovered = Discovered::read(include_str!("envoy-gateway.json"), port);
    if listener["protocol"] == "HTTPS" {
        let names = ["namespace", "name"].map(|name| gateway["metadata"][name].as_str().expect("a name"));
        let name = [names[0], names[1], listener["name"].as_str().expect("a name")].join("/");
        by_listener(&mut discovered, &name);
        discovered.end_tls(folder);
    }
    let policy = &only(&resources, "EnvoyPatchPolicy")["spec"];
    assert_eq!(policy["targetRef"]["name"], gateway["metadata"]["name"]);
    for patch in policy["jsonPatches"].as_array().expect("patches") {
        let kind = patch["type"].as_str().expect("a type");
        let kept = match kind.rsplit('.').next() {
            Some("Listener") => &mut discovered.listeners,
            Some("RouteConfiguration") => &mut discovered.routes,
            Some("Cluster") => &mut discovered.clusters,
            _ => panic!("{kind} is not patched"),
        };
        let operation = &patch["operation"];
        assert_eq!(operation["op"], "add");
        let path = operation["path"].as_str().expect("a path");
        if path.is_empty() {
            assert_eq!(operation["value"]["name"], patch["name"]);
            kept.push(operation["value"].clone());
            continue;
        }
        let name = &patch["name"];
        let found = kept.iter_mut().find(|resource| resource["name"] == *name);
        add(found.unwrap_or_else(|| panic!("there is no {kind} {name}")), path, &operation["value"]);
    }
    discovered.into_bootstrap(folder, admin)
}

/// A listener with TLS has a chain for each host name, and routes of its own name.
fn by_listener(discovered: &mut Discovered, name: &str) {
    for listener in &mut discovered.listeners {
        let mut chain = listener["default_filter_chain"].take();
        listener.as_object_mut().expect("an object").remove("default_filter_chain");
        chain["filters"][0]["typed_config"]["rds"]["route_config_name"] = json!(name);
        listener["filter_chains"] = json!([chain]);
    }
    for routes in &mut discovered.routes {
        routes["name"] = json!(name);
    }
}

/// `add` of RFC 6902, where what leads to the place is made if it is not there.
fn add(resource: &mut Value, path: &str, value: &Value) {
    let mut place = resource;
    let mut steps = path.strip_prefix('/').expect("a path from the root").split('/').peekable();
    while let Some(step) = steps.next() {
        let step = step.replace("~1", "/").replace("~0", "~");
        let last = steps.peek().is_none();
        match place {
            Value::Array(items) => {
                let index: usize =
                    step.parse().unwrap_or_else(|_| panic!("{path}: {step} is no place in a list"));
                if last {
                    items.insert(index, value.clone());
                    return;
                }
                place = items.get_mut(index).unwrap_or_else(|| panic!("{path}: nothing at {step}"));
            }
            Value::Object(fields) => {
                if last {
                    fields.insert(step, value.clone());
                    return;
                }
                place = fields.entry(step).or_insert_with(|| Map::new().into());
            }
            other => panic!("{path}: {step} is in {other}"),
        }
    }
}
