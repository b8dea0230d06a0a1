//! Meshes' Envoys without the meshes: what is rendered for Istio or Envoy Gateway, applied to what these write.
//!
//! `istio.rs` and `envoy_gateway.rs` do what the control planes do with our resources, and nothing else. What they start
//! from (`istio.json`, `envoy-gateway.json`) has the shape of what the control planes give to a gateway with one port,
//! without the filters that stock Envoy does not have.

mod envoy_gateway;
mod istio;

use std::path::Path;

use serde_json::{Value, json};

pub use envoy_gateway::envoy_gateway;
pub use istio::istio;

/// Every resource of a rendered file.
pub fn resources(text: &str) -> Vec<Value> {
    let document = |text| match switchboard_compile::config::yaml::parse(text) {
        Ok(document) => document.value.to_json(),
        Err((at, problem)) => panic!("{}:{}: {problem}\n{text}", at.line, at.column),
    };
    text.split("\n---\n").map(document).collect()
}

/// The only resource of that kind.
pub fn only<'a>(resources: &'a [Value], kind: &str) -> &'a Value {
    let mut found = resources.iter().filter(|resource| resource["kind"] == kind);
    let resource = found.next().unwrap_or_else(|| panic!("there is no {kind}"));
    assert!(found.next().is_none(), "there is a second {kind}");
    resource
}

/// What a control plane gives to an Envoy.
#[derive(Debug)]
struct Discovered {
    listeners: Vec<Value>,
    routes: Vec<Value>,
    clusters: Vec<Value>,
    extensions: Vec<Value>,
}

impl Discovered {
    /// A dump, whose port is 0 and is to be `port`.
    fn read(dump: &str, port: u16) -> Self {
        let mut dump: Value = serde_json::from_str(&dump.replace("{port}", &port.to_string())).expect("JSON");
        let mut take = |name: &str| dump[name].as_array_mut().map(std::mem::take).unwrap_or_default();
        let mut discovered = Self {
            listeners: take("listeners"),
            routes: take("routes"),
            clusters: take("clusters"),
            extensions: Vec::new(),
        };
        for listener in &mut discovered.listeners {
            let address = &mut listener["address"]["socket_address"];
            *address = json!({ "address": "127.0.0.1", "port_value": port });
        }
        discovered
    }

    /// TLS ends at the listeners, with `certificate.pem` and `key.pem` of the folder.
    fn end_tls(&mut self, folder: &Path) {
        let file = |name: &str| json!({ "filename": folder.join(name) });
        for listener in &mut self.listeners {
            for chain in listener["filter_chains"].as_array_mut().into_iter().flatten() {
                chain["transport_socket"] = json!({
                    "name": "envoy.transport_sockets.tls",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                        "common_tls_context": {
                            "alpn_protocols": ["h2", "http/1.1"],
                            "tls_certificates":
                                [{ "certificate_chain": file("certificate.pem"), "private_key": file("key.pem") }],
                        },
                    },
                });
            }
        }
    }

    /// The configuration of an Envoy that has it all from the start, but for extensions: it finds them in `folder`.
    fn into_bootstrap(self, folder: &Path, admin: u16) -> String {
        for extension in &self.extensions {
            let mut resource = extension.clone();
            resource["@type"] = json!("type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig");
            let path = extension_path(folder, &extension["name"]);
            std::fs::write(path, json!({ "resources": [resource] }).to_string()).expect("a file");
        }
        let mut resources = json!({ "listeners": self.listeners, "clusters": self.clusters });
        settle(&mut resources, &self.routes, folder);
        json!({
            "node": { "id": "gateway", "cluster": "gateway" },
            "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": admin } } },
            "static_resources": resources,
        })
        .to_string()
    }
}

fn extension_path(folder: &Path, name: &Value) -> String {
    let name = name.as_str().expect("a name");
    folder.join(format!("{name}.json")).to_str().expect("a path in UTF-8").to_owned()
}

/// Puts routes in the place of their names, and files in the place of the control plane.
fn settle(value: &mut Value, routes: &[Value], folder: &Path) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| settle(item, routes, folder)),
        Value::Object(fields) => {
            if let Some(discovery) = fields.remove("rds") {
                let name = &discovery["route_config_name"];
                let found = routes.iter().find(|routes| routes["name"] == *name);
                let found = found.unwrap_or_else(|| panic!("there are no routes {name}"));
                fields.insert("route_config".to_owned(), found.clone());
            }
            if fields.contains_key("config_discovery") {
                let path = extension_path(folder, &fields["name"]);
                let source = &mut fields["config_discovery"]["config_source"];
                assert_eq!(source["ads"], json!({}), "the control plane is asked: {source}");
                source.as_object_mut().expect("an object").remove("ads");
                source["path_config_source"] = json!({ "path": path });
            }
            fields.values_mut().for_each(|field| settle(field, routes, folder));
        }
        _ => {}
    }
}
