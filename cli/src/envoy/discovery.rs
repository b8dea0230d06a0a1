//! The configuration in parts that Envoy takes again while it runs: file-based discovery.
//!
//! Each part is a file, and Envoy reads it again when another file replaces it. The listener does not change:
//! its filter and its routes are separate parts, so that a change of `config.yaml` closes no connection.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::bootstrap::{ROUTES, bootstrap_with};
use super::{Site, clusters, filter, listener};
use crate::compile::Plan;

/// A part of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// All, in the order in which they are to be exchanged: what is named before what names it.
    pub const ALL: [Self; 4] = [Self::Clusters, Self::Routes, Self::Filter, Self::Listener];

    /// Its path.
    pub fn path(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Self::Clusters => "envoy-clusters.json",
            Self::Routes => "envoy-routes.json",
            Self::Filter => "envoy-filter.json",
            Self::Listener => "envoy-listener.json",
        })
    }

    /// What Envoy's statistics about it begin with.
    pub fn statistics(self) -> &'static str {
        match self {
            Self::Clusters => "cluster_manager.cds.",
            Self::Routes => "http.switchboard.rds.switchboard.",
            Self::Filter => "extension_config_discovery.http_filter.switchboard.",
            Self::Listener => "listener_manager.lds.",
        }
    }

    /// The source for Envoy's configuration.
    pub(super) fn source(self, folder: &Path) -> Value {
        json!({ "path_config_source": { "path": self.path(folder) }, "resource_api_version": "V3" })
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

/// Envoy's bootstrap configuration when the rest is in parts in `folder`.
pub fn bootstrap(site: &Site, folder: &Path) -> Value {
    bootstrap_with(
        site,
        (
            "dynamic_resources",
            json!({
                "cds_config": Part::Clusters.source(folder),
                "lds_config": Part::Listener.source(folder),
            }),
        ),
    )
}

/// The resources of a part, by their names.
pub fn resources(part: Part, plan: &Plan, site: &Site, document: &str, folder: &Path) -> Vec<Value> {
    match part {
        Part::Clusters => clusters::all(plan, site),
        Part::Routes => {
            vec![json!({ "name": ROUTES, "virtual_hosts": listener::virtual_hosts(plan) })]
        }
        Part::Filter => {
            let mut filter = filter::downstream(plan, site, document);
            filter["name"] = json!(listener::FILTER);
            vec![filter]
        }
        Part::Listener => vec![listener::in_parts(plan, site, folder)],
    }
}

/// A part as Envoy reads it.
pub fn text(part: Part, resources: Vec<Value>, version: u64) -> String {
    let typed = resources.into_iter().map(|mut resource| {
        resource["@type"] = json!(part.kind());
        resource
    });
    json!({ "version_info": version.to_string(), "resources": typed.collect::<Vec<_>>() }).to_string()
}
