//! Which models the Envoys of other replicas use. SQLite has a single service, so it has none of this.

use super::backend::Backend;
use super::{Store, StoreError, get};
use crate::clock;

/// How long a replica that says nothing counts, microseconds: a few times the period in which it says something.
const SILENCE: i64 = 3_000_000;

impl Store {
    /// Whether there may be other services on this database.
    pub fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Postgres)
    }

    /// All Envoys of a replica use this version of the models.
    pub async fn replica_uses(&self, id: &str, models: i64) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO replica (id, models, seen_at) VALUES ($1, $2, $3) \
             ON CONFLICT (id) DO UPDATE SET models = excluded.models, seen_at = excluded.seen_at",
        )
        .bind(id)
        .bind(models)
        .bind(clock::now().as_microsecond())
        .execute(&self.writers)
        .await?;
        Ok(())
    }

    /// A replica has no Envoys, and those that have said nothing for long are forgotten.
    pub async fn replica_is_idle(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM replica WHERE id = $1 OR seen_at < $2")
            .bind(id)
            .bind(clock::now().as_microsecond() - SILENCE * 100)
            .execute(&self.writers)
            .await?;
        Ok(())
    }

    /// Whether Envoys of another replica do not use this version yet.
    pub async fn others_are_behind(&self, id: &str, models: i64) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT COUNT(*) FROM replica WHERE id <> $1 AND models < $2 AND seen_at > $3")
            .bind(id)
            .bind(models)
            .bind(clock::now().as_microsecond() - SILENCE)
            .fetch_one(&self.readers)
            .await?;
        let count: i64 = get(&row, 0)?;
        Ok(count > 0)
    }
}
