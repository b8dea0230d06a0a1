//! A plan → the responses for an Envoy.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use switchboard::config::Deployment;
use switchboard::key::TokenHash;
use switchboard_compile::envoy::Node;
use switchboard_compile::envoy::discovery::{Part, resources, response, text};
use switchboard_compile::plan::{Cluster, Plan};
use tokio::sync::Mutex;

/// Envoys of different sites for which responses are kept.
const MOST_SITES: usize = 64;

/// A compiled configuration.
#[derive(Debug)]
pub(super) struct Configuration {
    /// Later ones have larger numbers.
    pub(super) number: u64,
    /// What to log when all Envoys use it.
    pub(super) why: Option<&'static str>,
    /// Version of the database's models in it.
    pub(super) models: i64,
    plan: Plan,
    /// The first clusters are the configuration's own; the rest were removed.
    own: usize,
    /// By the metadata of nodes: all Envoys of a deployment have the same.
    sites: Mutex<BTreeMap<String, Result<Arc<Served>, String>>>,
}

/// The responses for an Envoy, in the order of [`Part::ALL`].
#[derive(Debug)]
pub(super) struct Served {
    pub(super) parts: [Response; 4],
}

/// A response.
#[derive(Debug)]
pub(super) struct Response {
    /// A digest of the resources, so that all replicas of the key service agree on it.
    pub(super) version: String,
    pub(super) body: Bytes,
}

impl Configuration {
    pub(super) fn new(
        number: u64,
        plan: Plan,
        own: usize,
        (models, why): (i64, Option<&'static str>),
    ) -> Self {
        Self { number, why, models, plan, own, sites: Mutex::default() }
    }

    /// Whether models may be added by the API.
    pub(super) fn stores_models(&self) -> bool {
        self.plan.stores_models
    }

    /// Whether there is a deployment with this id.
    pub(super) fn has_deployment(&self, id: &str) -> bool {
        self.plan.document.deployments.iter().any(|deployment| deployment.id == id)
    }

    /// Its deployments.
    pub(super) fn deployments(&self) -> &[Deployment] {
        &self.plan.document.deployments
    }

    /// Its clusters, without removed ones.
    pub(super) fn own_clusters(&self) -> impl Iterator<Item = &Cluster> {
        self.plan.clusters.iter().take(self.own)
    }

    /// Its plan, without removed clusters.
    pub(super) fn own_plan(&self) -> Plan {
        let mut plan = self.plan.clone();
        plan.clusters.truncate(self.own);
        plan
    }

    /// The responses for the Envoy with this metadata.
    ///
    /// # Errors
    /// Why it cannot use this configuration.
    pub(super) async fn served(
        self: &Arc<Self>,
        metadata: &serde_json::Value,
        token: &str,
    ) -> Result<Arc<Served>, String> {
        let node = Node::read(metadata)?;
        // Envoy sends the fields in any order.
        let key = node.metadata().to_string();
        let mut sites = self.sites.lock().await;
        if let Some(known) = sites.get(&key) {
            return known.clone();
        }
        let (own, token) = (Arc::clone(self), token.to_owned());
        let served = tokio::task::spawn_blocking(move || own.serve(&node, &token).map(Arc::new));
        let served = served.await.unwrap_or_else(|error| Err(error.to_string()));
        if sites.len() >= MOST_SITES {
            sites.clear();
        }
        sites.insert(key, served.clone());
        served
    }

    fn serve(&self, node: &Node, token: &str) -> Result<Served, String> {
        let mut plan = self.plan.clone();
        plan.adopt(&node.variables, token)?;
        node.complete(&mut plan);
        let document = serde_json::to_string(&plan.document).map_err(|error| error.to_string())?;
        let parts = Part::ALL.map(|part| {
            let resources = text(part, resources(part, &plan, &node.site, &document));
            let mut version = TokenHash::of(resources.as_bytes()).to_string();
            version.truncate(16);
            let body = response(&version, &resources).into();
            Response { version, body }
        });
        Ok(Served { parts })
    }
}
