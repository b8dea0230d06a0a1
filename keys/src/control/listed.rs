//! What is served, for people.

use std::collections::HashMap;

use switchboard::config::Price;
use switchboard_compile::plan::Target;
use tokio::time::Instant;

use super::Control;

/// A deployment of the current configuration, without secrets.
#[derive(Clone, Debug)]
pub struct Deployed {
    /// Its id, which clients can call like a model.
    pub id: String,
    /// Its model group: the name that clients call.
    pub group: String,
    /// Its provider.
    pub provider: String,
    /// The model's name at the provider.
    pub model: String,
    /// The provider's address; empty if no provider is called.
    pub api_base: String,
    /// Name of its credential, if the key service hands it out.
    pub credential: Option<String>,
    /// What its tokens cost; `None` if that is not known.
    pub price: Option<Price>,
    /// Whether it was added by the API.
    pub is_stored: bool,
    /// Whether it answers without calling a provider.
    pub is_mock: bool,
    /// The clusters of Envoy that it is in, each with its host there.
    pub hosts: Vec<(String, String)>,
}

impl Control {
    /// The deployments, in the order of the configuration.
    pub fn deployments(&self) -> Vec<Deployed> {
        let state = self.state();
        let Some(configuration) = &state.configuration else { return Vec::new() };
        let mut hosts = HashMap::<_, Vec<_>>::new();
        for cluster in configuration.own_clusters() {
            for endpoint in cluster.priorities.iter().flatten() {
                if let Target::Remote(address) = &endpoint.target {
                    let host = (cluster.name.clone(), address.hostname());
                    hosts.entry(endpoint.deployment.as_str()).or_default().push(host);
                }
            }
        }
        let deployed = configuration.deployments().iter().map(|deployment| Deployed {
            hosts: hosts.remove(deployment.id.as_str()).unwrap_or_default(),
            id: deployment.id.clone(),
            group: deployment.group.clone(),
            provider: deployment.provider.clone(),
            model: deployment.model.clone(),
            api_base: deployment.api_base.clone(),
            credential: deployment.credential.clone(),
            price: deployment.price.clone(),
            is_stored: deployment
                .info
                .iter()
                .any(|(name, value)| name == "db_model" && value.get() == "true"),
            is_mock: deployment.mock_response.is_some(),
        });
        deployed.collect()
    }

    /// Why the latest `config.yaml` is not used, if it is not.
    pub fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// Envoys that fetch their configuration here.
    pub fn envoys(&self) -> usize {
        self.state().nodes.count(Instant::now())
    }
}
