//! The names of what series count.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;

use super::super::accounts::AT_ONCE;
use super::super::kind::Kind;
use super::super::sql::Places;
use super::super::{Store, StoreError, get};
use super::series::Scope;

/// Hash, alias, name, team and user of a key.
pub type KeyNames = (String, Option<String>, String, Option<String>, Option<String>);

impl Store {
    /// What is known of the keys with these hashes.
    pub async fn key_names(&self, tokens: &[String]) -> Result<Vec<KeyNames>, StoreError> {
        let tokens: Vec<_> = tokens.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut names = Vec::new();
        for tokens in tokens.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT token, key_alias, key_name, team_id, user_id FROM virtual_key WHERE token IN ({})",
                Places::on(self.backend).list(tokens.len())
            );
            let query = tokens
                .iter()
                .fold(sqlx::query(AssertSqlSafe(sql)), |query, token| query.bind((*token).clone()));
            for row in query.fetch_all(&self.readers).await? {
                names.push((get(&row, 0)?, get(&row, 1)?, get(&row, 2)?, get(&row, 3)?, get(&row, 4)?));
            }
        }
        Ok(names)
    }

    /// The aliases of these teams or organizations, by id; those without one are left out.
    pub async fn aliases(&self, kind: Kind, ids: &[String]) -> Result<BTreeMap<String, String>, StoreError> {
        let ids: Vec<_> = ids.iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut aliases = BTreeMap::new();
        for ids in ids.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT id, alias FROM account WHERE kind = '{}' AND alias IS NOT NULL AND id IN ({})",
                kind.name(),
                Places::on(self.backend).list(ids.len())
            );
            let query =
                ids.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| query.bind((*id).clone()));
            for row in query.fetch_all(&self.readers).await? {
                aliases.insert(get(&row, 0)?, get(&row, 1)?);
            }
        }
        Ok(aliases)
    }

    /// The names of a scope, in order, at most `limit`.
    pub async fn usage_names(&self, scope: Scope, limit: u32) -> Result<Vec<String>, StoreError> {
        let sql =
            format!("SELECT DISTINCT name FROM usage_series WHERE scope = $1 ORDER BY name LIMIT {limit}");
        let rows = sqlx::query(AssertSqlSafe(sql)).bind(scope.stored()).fetch_all(&self.readers).await?;
        rows.iter().map(|row| get(row, 0)).collect()
    }
}
