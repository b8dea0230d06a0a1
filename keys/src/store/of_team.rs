//! What the keys of a team have in common: their requests are charged to its organization and have its tags.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{Any, AssertSqlSafe, Transaction};

use super::accounts::AT_ONCE;
use super::backend::Backend;
use super::sql::Places;
use super::{Owner, StoreError, get, tags};

/// A team that has an organization or tags.
#[derive(Debug, Default)]
pub(super) struct OfTeam {
    /// Its organization.
    pub(super) organization_id: Option<String>,
    /// Its tags.
    pub(super) tags: Vec<String>,
}

/// The organization of a key: its own, or its team's.
pub(super) fn organization_id<'o>(owner: &'o Owner, team: Option<&'o OfTeam>) -> Option<&'o String> {
    owner.organization_id.as_ref().or_else(|| team?.organization_id.as_ref())
}

/// The teams of these keys that have an organization or tags, by id.
pub(super) async fn of_teams<'o>(
    transaction: &mut Transaction<'static, Any>,
    backend: Backend,
    owners: impl Iterator<Item = &'o Owner>,
) -> Result<BTreeMap<String, OfTeam>, StoreError> {
    let teams: BTreeSet<&str> = owners.filter_map(|owner| owner.team_id.as_deref()).collect();
    let teams: Vec<_> = teams.into_iter().collect();
    let mut found = BTreeMap::new();
    for teams in teams.chunks(AT_ONCE) {
        let list = Places::on(backend).list(teams.len());
        let sql = format!(
            "SELECT id, organization_id, settings FROM account WHERE kind = 'team' AND id IN ({list}) \
             AND (organization_id IS NOT NULL OR settings LIKE '%\"tags\"%')"
        );
        let query = teams.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, team| query.bind(*team));
        for row in query.fetch_all(&mut **transaction).await? {
            let tags = tags::of(&get::<String, _>(&row, 2)?);
            found.insert(get(&row, 0)?, OfTeam { organization_id: get(&row, 1)?, tags });
        }
    }
    Ok(found)
}
