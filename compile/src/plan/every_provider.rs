//! `model_name: "*"` with `model: "*"`: every provider whose key is in the environment, as `LiteLLM` serves it.

use switchboard::providers::{PROVIDERS, Provider};

use super::variables::Variables;
use crate::config::{At, Model};

/// The entries, with one for each such provider in the place of an entry for every provider. Without any, it stays, and is
/// told of.
pub(super) fn expand(models: &[Model], variables: &Variables<'_>) -> Vec<Model> {
    models.iter().flat_map(|model| one(model, variables)).collect()
}

fn one(model: &Model, variables: &Variables<'_>) -> Vec<Model> {
    let is_every =
        model.name.value == "*" && model.params.model.value == "*" && model.params.provider.is_none();
    let found: Vec<Model> = if is_every {
        let usable = PROVIDERS.iter().filter(|provider| is_usable(provider, variables));
        usable.map(|provider| of(model, provider)).collect()
    } else {
        Vec::new()
    };
    if found.is_empty() { vec![model.clone()] } else { found }
}

/// Whether the provider has a usual address, and the environment its key.
fn is_usable(provider: &Provider, variables: &Variables<'_>) -> bool {
    let is_set = |name: &&str| !name.is_empty() && variables.usual(name).is_some();
    let has_base = !provider.base.is_empty() && !provider.base.contains('{') || is_set(&provider.base_env);
    has_base && std::iter::once(&provider.key_env).chain(provider.other_key_envs).any(is_set)
}

fn of(model: &Model, provider: &Provider) -> Model {
    let mut own = model.clone();
    let name = format!("{}/*", provider.name);
    own.name = At { at: model.name.at, value: name.clone() };
    own.params.model = At { at: model.params.model.at, value: name };
    own
}
