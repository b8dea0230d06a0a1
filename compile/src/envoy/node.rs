//! What an Envoy tells the key service about itself with each discovery request: the metadata of its node.

use serde_json::{Map, Value, json};

use super::{Site, most_held_bytes};
use crate::plan::{Known, Plan};

/// Our part of the metadata.
const KEY: &str = "switchboard";

/// An Envoy that fetches its configuration.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it listens, and where it finds its files.
    pub site: Site,
    /// Worker threads.
    pub workers: u32,
    /// The variables in its environment for the filter.
    pub variables: Vec<Known>,
}

impl Node {
    /// `node.metadata`
    pub fn metadata(&self) -> Value {
        let site = &self.site;
        let mut own = json!({
            "host": site.host,
            "port": site.port,
            "keys_host": site.keys_host,
            "keys_port": site.keys_port,
            "ca_bundle": site.ca_bundle,
            "workers": self.workers,
            "variables": self.variables.iter().map(|known| {
                (known.name.clone(), Value::from(known.mark.clone().unwrap_or_default()))
            }).collect::<Map<_, _>>(),
        });
        match &site.module {
            Some(module) => own["module"] = json!(module),
            None => own["wasm"] = json!(site.wasm),
        }
        if let Some(target) = &site.access_log {
            own["access_log"] = json!(target);
        }
        if let Some(limit) = site.memory_limit {
            own["memory_limit"] = json!(limit);
        }
        json!({ KEY: own })
    }

    /// Reads `node.metadata`.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn read(metadata: &Value) -> Result<Self, String> {
        let own = metadata.get(KEY).and_then(Value::as_object);
        let own = own.ok_or_else(|| {
            format!("node.metadata.{KEY} is missing; start Envoy with a bootstrap of `switchboard render`")
        })?;
        let wrong = |name: &str, wanted: &str| format!("node.metadata.{KEY}.{name} must be {wanted}");
        let text = |name: &str| match own.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(name, "text")),
        };
        let needed = |name: &str| text(name)?.ok_or_else(|| wrong(name, "given"));
        let port = |name: &str| {
            let number = own.get(name).and_then(whole).and_then(|number| u16::try_from(number).ok());
            number.ok_or_else(|| wrong(name, "a port"))
        };
        let module = text("module")?;
        let wasm = if module.is_some() { String::new() } else { needed("wasm")? };
        let variables = own.get("variables").and_then(Value::as_object);
        let variables = variables.into_iter().flatten().map(|(name, mark)| Known {
            name: name.clone(),
            mark: mark.as_str().filter(|mark| !mark.is_empty()).map(str::to_owned),
        });
        let mut variables: Vec<Known> = variables.collect();
        // Envoy sends the fields of a `Struct` in any order.
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self {
            site: Site {
                host: needed("host")?,
                port: port("port")?,
                tls: false,
                // It is in the bootstrap only.
                admin_port: 0,
                keys_host: needed("keys_host")?,
                keys_port: port("keys_port")?,
                wasm: wasm.into(),
                module: module.map(Into::into),
                ca_bundle: text("ca_bundle")?.unwrap_or_default().into(),
                access_log: text("access_log")?,
                memory_limit: own.get("memory_limit").and_then(whole),
            },
            workers: own.get("workers").and_then(whole).and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
            variables,
        })
    }

    /// The plan with what this Envoy adds to it.
    pub fn complete(&self, plan: &mut Plan) {
        plan.document.settings.reports = self.site.access_log.is_some();
        plan.document.settings.stats &= self.site.module.is_some();
        plan.document.settings.most_held_bytes = most_held_bytes(self.site.memory_limit, self.workers);
    }
}

/// A whole number. In a protobuf `Struct`, numbers are floats.
fn whole(value: &Value) -> Option<u64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
    let of_float =
        |float: f64| (float.fract() == 0.0 && (0.0..9e15).contains(&float)).then_some(float as u64);
    value.as_u64().or_else(|| value.as_f64().and_then(of_float))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envoy_says_what_its_site_is() {
        let node = Node {
            site: Site {
                host: "0.0.0.0".to_owned(),
                port: 4000,
                tls: false,
                admin_port: 0,
                keys_host: "keys".to_owned(),
                keys_port: 4001,
                wasm: "/etc/switchboard.wasm".into(),
                module: None,
                ca_bundle: "/ca.pem".into(),
                access_log: Some("-".to_owned()),
                memory_limit: Some(1 << 30),
            },
            workers: 2,
            variables: vec![Known { name: "A".to_owned(), mark: None }],
        };
        // Envoy passes numbers on as floats.
        let text =
            node.metadata().to_string().replace("4000", "4000.0").replace("1073741824", "1.073741824e9");
        let read = Node::read(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(read.metadata(), node.metadata());
        assert!(Node::read(&json!({})).unwrap_err().contains("node.metadata.switchboard is missing"));
        assert!(
            Node::read(&json!({ "switchboard": { "host": 1 } })).unwrap_err().contains("wasm must be given")
        );
    }
}
