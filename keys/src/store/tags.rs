//! The tags of keys and teams, which every request of theirs has in the spend log besides its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::accounts::AT_ONCE;
use super::backend::Backend;
use super::sql::Places;
use super::{Owner, StoreError, get};

/// The tags in the settings of a key or a team, which are JSON: the field `tags`, and `metadata.tags`.
pub(super) fn of(settings: &str) -> Vec<String> {
    if !settings.contains("\"tags\"") {
        return Vec::new();
    }
    in_settings(&serde_json::from_str(settings).unwrap_or_default())
}

/// The same, in settings that have been read.
pub(super) fn in_settings(settings: &Map<String, Value>) -> Vec<String> {
    let field = settings.get("tags");
    let in_metadata = settings.get("metadata").and_then(|metadata| metadata.get("tags"));
    let lists = [field, in_metadata].into_iter().filter_map(|tags| tags?.as_array());
    lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The tags of the teams of these keys, by team.
pub(super) async fn of_teams<'o>(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    owners: impl Iterator<Item = &'o Owner>,
) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let teams: BTreeSet<&str> = owners.filter_map(|owner| owner.team_id.as_deref()).collect();
    let teams: Vec<_> = teams.into_iter().collect();
    let mut tags = BTreeMap::new();
    for teams in teams.chunks(AT_ONCE) {
        let list = Places::on(backend).list(teams.len());
        let sql = format!(
            "SELECT id, settings FROM account WHERE kind = 'team' AND settings LIKE '%\"tags\"%' AND id IN ({list})"
        );
        let query = teams.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, team| query.bind(*team));
        for row in query.fetch_all(&mut **transaction).await? {
            tags.insert(get(&row, 0)?, of(&get::<String, _>(&row, 1)?));
        }
    }
    Ok(tags)
}

/// A request's own tags, then those of its key and its team, each once.
pub(super) fn joined<'t>(
    own: impl Iterator<Item = String>,
    inherited: impl Iterator<Item = &'t String>,
) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in own.chain(inherited.cloned()) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_a_field_or_part_of_the_metadata() {
        assert_eq!(of(r#"{"metadata":{"tags":["a",1,"b"]},"tags":["c"]}"#), ["c", "a", "b"]);
        for settings in ["{}", r#"{"tags":"a"}"#, r#"{"metadata":{"tags":null}}"#, r#"{"metadata":["tags"]}"#]
        {
            assert!(of(settings).is_empty(), "{settings}");
        }
    }

    #[test]
    fn every_tag_is_there_once_and_the_requests_own_come_first() {
        let own = ["z", "k"].map(str::to_owned);
        let inherited = ["k", "t", "t"].map(str::to_owned);
        assert_eq!(joined(own.into_iter(), inherited.iter()), ["z", "k", "t"]);
    }
}
