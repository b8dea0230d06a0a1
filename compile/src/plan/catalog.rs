//! The models that the filter knows by name: those of the providers that wildcards lead to, from the price map.

use std::collections::BTreeSet;

use switchboard::config::{Catalog, Group};
use switchboard::model_map::ModelMap;
use switchboard::providers;

use super::deployments::Deployment;
use super::provider::families;

/// One catalog for each provider that stands before the slash of a group's wildcard, or that a wildcard leads to.
pub(super) fn compile(deployments: &[Deployment], groups: &[Group], models: &ModelMap) -> Vec<Catalog> {
    let wild = groups.iter().filter(|group| group.name.contains('*'));
    let named = wild.filter_map(|group| group.name.split_once('/')).map(|(provider, _)| provider);
    let led = deployments.iter().map(|deployment| &deployment.document);
    let led = led.filter(|deployment| deployment.model.contains('*')).map(|led| led.provider.as_str());
    let all: BTreeSet<&str> = named.chain(led).filter(|name| providers::find(name).is_some()).collect();
    let catalog = |provider: &str| Catalog {
        provider: provider.to_owned(),
        models: models.names(provider).map(str::to_owned).collect(),
        families: families(provider).map(str::to_owned).collect(),
    };
    all.into_iter()
        .map(catalog)
        .filter(|catalog| !(catalog.models.is_empty() && catalog.families.is_empty()))
        .collect()
}
