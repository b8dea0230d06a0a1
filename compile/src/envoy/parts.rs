//! The parts of the configuration, for meshes with their own listener and clusters.

use serde_json::{Map, Value};

use super::{Site, clusters, listener};
use crate::plan::Plan;

/// What has to come into a mesh's Envoy.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Largest body that the listener holds, bytes.
    pub buffer_limit: Value,
    /// Fields of the connection manager, without its filters and routes.
    pub connection_manager: Map<String, Value>,
    /// Filters of the listener before the router.
    pub filters: Vec<Value>,
    /// The router.
    pub router: Value,
    /// Routes, the first that matches counts.
    pub routes: Vec<Value>,
    /// The filters' configuration for all of these routes, by name.
    pub per_filter_config: Value,
    /// Clusters.
    pub clusters: Vec<Value>,
}

/// Takes apart what [`super::bootstrap()`] writes in one piece.
pub fn parts(plan: &Plan, site: &Site, document: &str) -> Parts {
    let mut listener = listener::listener(plan, site, document);
    let manager = listener["filter_chains"][0]["filters"][0]["typed_config"].take();
    let mut connection_manager = match manager {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut filters = match connection_manager.shift_remove("http_filters") {
        Some(Value::Array(filters)) => filters,
        _ => Vec::new(),
    };
    let last = filters.pop().unwrap_or_default();
    let mut configuration = connection_manager.shift_remove("route_config").unwrap_or_default();
    let per_filter_config = configuration["virtual_hosts"][0]["typed_per_filter_config"].take();
    let routes = match configuration["virtual_hosts"][0]["routes"].take() {
        Value::Array(routes) => routes,
        _ => Vec::new(),
    };
    Parts {
        buffer_limit: listener["per_connection_buffer_limit_bytes"].take(),
        connection_manager,
        filters,
        router: last,
        routes,
        per_filter_config,
        clusters: clusters::all(plan, site),
    }
}
