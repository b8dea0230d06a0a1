//! Budget resets.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::{Kind, Store, StoreError, get};
use crate::clock;

/// A budget that is due for a reset.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    table: Table,
    id: [String; 3],
    /// When it should have been reset.
    pub at: Timestamp,
    /// Its period, as the operator wrote it.
    pub budget_duration: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Key,
    Account,
    Model,
}

impl Table {
    const ALL: [Self; 3] = [Self::Key, Self::Account, Self::Model];

    fn name(self) -> &'static str {
        match self {
            Self::Key => "virtual_key",
            Self::Account => "account",
            Self::Model => "model_spend",
        }
    }

    /// Three columns that identify a row; for tables with fewer, the last one is repeated.
    fn id(self) -> [&'static str; 3] {
        match self {
            Self::Key => ["token", "token", "token"],
            Self::Account => ["kind", "id", "id"],
            Self::Model => ["kind", "id", "model"],
        }
    }
}

impl Store {
    /// The budgets that should have been reset by `now`, at most `limit` per table.
    pub async fn due_budgets(&self, now: Timestamp, limit: i64) -> Result<Vec<Due>, StoreError> {
        let mut due = Vec::new();
        for table in Table::ALL {
            let [first, second, third] = table.id();
            let sql = format!(
                "SELECT {first}, {second}, {third}, budget_reset_at, budget_duration FROM {} \
                 WHERE budget_reset_at <= $1 ORDER BY budget_reset_at LIMIT $2",
                table.name()
            );
            let rows = sqlx::query(AssertSqlSafe(sql))
                .bind(now.as_microsecond())
                .bind(limit)
                .fetch_all(&self.readers)
                .await?;
            for row in &rows {
                due.push(Due {
                    table,
                    id: [get(row, 0)?, get(row, 1)?, get(row, 2)?],
                    at: clock::from_micros(get(row, 3)?),
                    budget_duration: get(row, 4)?,
                });
            }
        }
        Ok(due)
    }

    /// Resets a budget's spend to 0, and sets the next reset to `next`. Does nothing if another replica was
    /// faster. Filters need no notification, because a lease's holder learns the spend with its next ask.
    pub async fn restart_budget(&self, due: &Due, next: Option<Timestamp>) -> Result<(), StoreError> {
        let [first, second, third] = due.table.id();
        let sql = format!(
            "UPDATE {} SET spend = 0, budget_reset_at = $1 \
             WHERE {first} = $2 AND {second} = $3 AND {third} = $4 AND budget_reset_at = $5",
            due.table.name()
        );
        let [a, b, c] = &due.id;
        sqlx::query(AssertSqlSafe(sql))
            .bind(next.map(Timestamp::as_microsecond))
            .bind(a)
            .bind(b)
            .bind(c)
            .bind(due.at.as_microsecond())
            .execute(&self.writers)
            .await?;
        if due.table == Table::Account && a == Kind::Budget.name() {
            // A key or an account that refers to a budget, but has no period itself, is reset with the budget.
            sqlx::query("UPDATE virtual_key SET spend = 0 WHERE budget_id = $1 AND budget_duration IS NULL")
                .bind(b)
                .execute(&self.writers)
                .await?;
            self.restart_referring(b).await?;
        }
        Ok(())
    }
}
