//! What istiod and Istio's agent do with an `EnvoyFilter` for a gateway (`pilot/pkg/networking/core/envoyfilter` and
//! `pkg/wasm` in Istio's repository).

use std::path::Path;

use serde_json::{Value, json};

use super::{Discovered, only, resources};
use crate::artefacts::filter;

/// The configuration of a gateway's Envoy with what is rendered for Istio.
pub fn istio(rendered: &str, folder: &Path, admin: u16) -> String {
    let resources = resources(rendered);
    let server = &only(&resources, "Gateway")["spec"]["servers"][0];
    let port = u16::try_from(server["port"]["number"].as_u64().expect("a port")).expect("a port");
    let mut discovered = Discovered::read(include_str!("istio.json"), port);
    if server["port"]["protocol"] == "HTTPS" {
        discovered.end_tls(folder);
    }
    let patches = only(&resources, "EnvoyFilter")["spec"]["configPatches"].as_array().expect("patches");
    assert!(patches.iter().all(|patch| patch["match"]["context"] == "GATEWAY"));

    // Merges into what is there go before what is put in, whatever their order in the resource.
    let of = |kind: &'static str| patches.iter().filter(move |patch| patch["applyTo"] == kind).map(Patch);
    for listener in &mut discovered.listeners {
        let address = listener["address"]["socket_address"].clone();
        let here = |kind| of(kind).filter(|patch| patch.is_for(&address));
        for patch in here("LISTENER") {
            assert_eq!(patch.operation(), "MERGE");
            merge(listener, patch.value());
        }
        for filter in network_filters(listener) {
            let name = filter["name"].clone();
            for patch in here("NETWORK_FILTER").filter(|patch| patch.filter()["name"] == name) {
                assert_eq!(patch.operation(), "MERGE");
                merge(filter, patch.value());
            }
            let filters = filter["typed_config"]["http_filters"].as_array_mut().expect("filters");
            for patch in here("HTTP_FILTER").filter(|patch| patch.filter()["name"] == name) {
                match patch.operation() {
                    "INSERT_FIRST" => filters.insert(0, patch.value().clone()),
                    "MERGE" => {
                        let name = &patch.filter()["subFilter"]["name"];
                        let found = filters.iter_mut().find(|filter| filter["name"] == *name);
                        merge(found.unwrap_or_else(|| panic!("no filter {name}")), patch.value());
                    }
                    other => panic!("{other} of a filter"),
                }
            }
        }
    }
    for routes in &mut discovered.routes {
        let hosts = routes["virtual_hosts"].as_array_mut().expect("virtual hosts");
        for patch in of("VIRTUAL_HOST") {
            assert_eq!(patch.0["match"]["routeConfiguration"], json!({ "portNumber": port }));
            assert_eq!(patch.operation(), "MERGE");
            for host in hosts.iter_mut() {
                merge(host, patch.value());
            }
        }
        for patch in of("HTTP_ROUTE") {
            assert_eq!(patch.0["match"]["routeConfiguration"], json!({ "portNumber": port }));
            assert_eq!(patch.operation(), "INSERT_FIRST");
            for host in &mut *hosts {
                host["routes"].as_array_mut().expect("routes").insert(0, patch.value().clone());
            }
        }
    }
    for patch in of("CLUSTER") {
        assert_eq!(patch.operation(), "ADD");
        discovered.clusters.push(patch.value().clone());
    }
    for patch in of("EXTENSION_CONFIG") {
        assert_eq!(patch.operation(), "ADD");
        discovered.extensions.push(fetched(patch.value().clone()));
    }
    let known = [
        "LISTENER",
        "NETWORK_FILTER",
        "HTTP_FILTER",
        "VIRTUAL_HOST",
        "HTTP_ROUTE",
        "CLUSTER",
        "EXTENSION_CONFIG",
    ];
    assert!(patches.iter().all(|patch| known.iter().any(|kind| patch["applyTo"] == *kind)));
    discovered.into_bootstrap(folder, admin)
}

/// The agent fetches the module, and tells Envoy where it lies.
fn fetched(mut extension: Value) -> Value {
    let code = &mut extension["typed_config"]["config"]["vm_config"]["code"];
    let uri = code["remote"]["http_uri"]["uri"].as_str().unwrap_or_else(|| panic!("not remote: {code}"));
    assert!(uri.starts_with("oci://"), "{uri}");
    *code = json!({ "local": { "filename": filter() } });
    extension
}

/// An entry of `configPatches`.
struct Patch<'a>(&'a Value);

impl<'a> Patch<'a> {
    fn operation(&self) -> &'a str {
        self.0["patch"]["operation"].as_str().expect("an operation")
    }

    fn value(&self) -> &'a Value {
        &self.0["patch"]["value"]
    }

    fn filter(&self) -> &'a Value {
        &self.0["match"]["listener"]["filterChain"]["filter"]
    }

    fn is_for(&self, address: &Value) -> bool {
        address["port_value"] == self.0["match"]["listener"]["portNumber"]
    }
}

fn network_filters(listener: &mut Value) -> impl Iterator<Item = &mut Value> {
    let chains = listener["filter_chains"].as_array_mut().into_iter().flatten();
    chains.filter_map(|chain| chain["filters"].as_array_mut()).flatten()
}

/// Merges as protocol buffers do: messages field by field, lists one after the other, else the new for the old.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => {
            // A field with its default is not there at all, and merges into nothing.
            let default = [json!(false), json!(0), json!("")].contains(from);
            assert!(!default || into.is_null(), "{from} does not go over {into}");
            *into = from.clone();
        }
    }
}
