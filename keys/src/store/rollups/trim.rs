//! Deletes old roll-ups.

use sqlx::AssertSqlSafe;

use super::super::{Store, StoreError, get};
use super::series::Scope;
use super::unit::Unit;

impl Store {
    /// Deletes the oldest rows of a unit that began before this hour: those of one time. Returns whether there were any.
    pub async fn trim_usage(&self, unit: Unit, before: i64) -> Result<bool, StoreError> {
        let mut found = false;
        for scope in Scope::ALL {
            let oldest = sqlx::query("SELECT MIN(at) FROM usage_rollup WHERE scope = $1 AND unit = $2")
                .bind(scope.stored())
                .bind(unit.stored())
                .fetch_one(&self.readers)
                .await?;
            let Some(oldest) = get::<Option<i64>, _>(&oldest, 0)?.filter(|oldest| *oldest < before) else {
                continue;
            };
            found = true;
            for table in ["usage_rollup", "usage_failure"] {
                let sql = format!("DELETE FROM {table} WHERE scope = $1 AND unit = $2 AND at <= $3");
                sqlx::query(AssertSqlSafe(sql))
                    .bind(scope.stored())
                    .bind(unit.stored())
                    .bind(oldest)
                    .execute(&self.writers)
                    .await?;
            }
            if scope == Scope::All {
                sqlx::query("DELETE FROM usage_latency WHERE unit = $1 AND at <= $2")
                    .bind(unit.stored())
                    .bind(oldest)
                    .execute(&self.writers)
                    .await?;
            }
        }
        Ok(found)
    }
}
