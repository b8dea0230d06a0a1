//! The names of keys and teams in reports.

use std::collections::BTreeMap;

use crate::error::ApiError;
use crate::store::{Kind, Store};

/// What a report says of a key, if it still exists.
#[derive(Clone, Debug, Default)]
pub struct Key {
    /// The alias.
    pub alias: Option<String>,
    /// `sk-...abcd`
    pub name: Option<String>,
    /// The team.
    pub team_id: Option<String>,
    /// The user.
    pub user_id: Option<String>,
}

/// The keys with these hashes.
pub async fn keys<'t>(
    store: &Store,
    tokens: impl Iterator<Item = &'t String>,
) -> Result<BTreeMap<String, Key>, ApiError> {
    let mut keys = BTreeMap::new();
    let tokens: Vec<String> = tokens.filter(|token| !token.is_empty()).cloned().collect();
    for (token, alias, name, team_id, user_id) in store.key_names(&tokens).await? {
        keys.insert(token, Key { alias, name: Some(name), team_id, user_id });
    }
    Ok(keys)
}

/// The aliases of teams, by their ids.
pub async fn team_aliases<'t>(
    store: &Store,
    ids: impl Iterator<Item = &'t String>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let ids: Vec<String> = ids.filter(|id| !id.is_empty()).cloned().collect();
    Ok(store.aliases(Kind::Team, &ids).await?)
}

/// The aliases of organizations, by their ids.
pub async fn organization_aliases<'t>(
    store: &Store,
    ids: impl Iterator<Item = &'t String>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let ids: Vec<String> = ids.filter(|id| !id.is_empty()).cloned().collect();
    Ok(store.aliases(Kind::Organization, &ids).await?)
}
