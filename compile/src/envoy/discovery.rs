//! Discovery: an Envoy starts with a small [`bootstrap`] and fetches everything else from the key service (Envoy's REST
//! form of xDS, in JSON).
//!
//! The listener does not change with `config.yaml`: its filter and its routes are separate resources, so that a change
//! closes no connection.

use serde_json::{Value, json};

use super::bootstrap::bootstrap_with;
use super::source::{FILTER, ROUTES, source};
use super::{Node, Site, clusters, filter, listener};
use crate::plan::Plan;

/// A part of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The clusters.
    Clusters,
    /// The routes.
    Routes,
    /// The listener's filter, and with it the document.
    Filter,
    /// The listener.
    Listener,
}

impl Part {
    /// All, in the order in which they are to be replaced: what is named before what names it.
    pub const ALL: [Self; 4] = [Self::Clusters, Self::Routes, Self::Filter, Self::Listener];

    /// The path at which Envoy asks for it.
    pub fn path(self) -> &'static str {
        match self {
            Self::Clusters => "/v3/discovery:clusters",
            Self::Routes => "/v3/discovery:routes",
            Self::Filter => "/v3/discovery:extension_configs",
            Self::Listener => "/v3/discovery:listeners",
        }
    }

    /// Its name, for people.
    pub fn name(self) -> &'static str {
        self.path().split_once(':').map_or("", |(_, name)| name)
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Clusters => "type.googleapis.com/envoy.config.cluster.v3.Cluster",
            Self::Routes => "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
            Self::Filter => "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            Self::Listener => "type.googleapis.com/envoy.config.listener.v3.Listener",
        }
    }
}

/// Envoy's configuration when the key service has the rest. `id` tells Envoys apart; without it, Envoy must be started
/// with `--service-node`.
pub fn bootstrap(node: &Node, id: Option<&str>) -> Value {
    let discovered = json!({ "cds_config": source(), "lds_config": source() });
    let mut bootstrap = bootstrap_with(&node.site, ("dynamic_resources", discovered));
    bootstrap["static_resources"] = json!({ "clusters": [clusters::control(&node.site)] });
    bootstrap["node"]["metadata"] = node.metadata();
    match (id, bootstrap["node"].as_object_mut()) {
        (Some(id), Some(node)) => _ = node.insert("id".to_owned(), id.into()),
        (None, Some(node)) => _ = node.shift_remove("id"),
        (_, None) => {}
    }
    bootstrap
}

/// The resources of a part, by their names.
pub fn resources(part: Part, plan: &Plan, site: &Site, document: &str) -> Vec<Value> {
    match part {
        Part::Clusters => clusters::all(plan, site),
        Part::Routes => {
            vec![json!({ "name": ROUTES, "virtual_hosts": listener::virtual_hosts(plan) })]
        }
        Part::Filter => {
            let mut filter = filter::downstream(plan, site, document);
            filter["name"] = json!(FILTER);
            vec![filter]
        }
        Part::Listener => vec![listener::in_parts(plan, site)],
    }
}

/// A response without its version: the text of the resources.
pub fn text(part: Part, resources: Vec<Value>) -> String {
    let typed = resources.into_iter().map(|mut resource| {
        resource["@type"] = json!(part.kind());
        resource
    });
    typed.collect::<Value>().to_string()
}

/// A response.
pub fn response(version: &str, resources: &str) -> String {
    let version = json!(version);
    format!(r#"{{"version_info":{version},"nonce":{version},"resources":{resources}}}"#)
}
