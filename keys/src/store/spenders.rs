//! Budgets that are almost spent.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::accounts::AT_ONCE;
use super::sql::Places;
use super::{Store, StoreError, get};
use crate::clock;
use crate::money::Picodollars;

/// Rows at most.
const MOST: u32 = 100;

/// Who spends from a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Spender {
    /// `key`, or the kind of the account.
    pub kind: String,
    /// The hash of the key, or the id of the account.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Spend in the current period.
    pub spend: Picodollars,
    /// USD.
    pub max_budget: f64,
    /// The next reset.
    pub resets_at: Option<Timestamp>,
}

impl Spender {
    /// The share of the budget that is spent.
    pub fn share(&self) -> f64 {
        if self.max_budget > 0.0 { self.spend.usd() / self.max_budget } else { 1.0 }
    }

    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let (id, alias): (String, Option<String>) = (get(row, 1)?, get(row, 2)?);
        Ok(Self {
            kind: get(row, 0)?,
            name: alias.unwrap_or_else(|| id.clone()),
            id,
            spend: Picodollars::from_stored(get(row, 3)?),
            max_budget: get(row, 4)?,
            resets_at: get::<Option<i64>, _>(row, 5)?.map(clock::from_micros),
        })
    }
}

/// A condition that this share of the budget is spent.
fn is_near(share: f64) -> String {
    let picodollars = Picodollars::from_usd(share).stored();
    format!("max_budget IS NOT NULL AND spend >= max_budget * {picodollars}.0")
}

impl Store {
    /// Those of these keys that have spent this share of their budgets.
    pub async fn keys_near_budget(&self, tokens: &[String], share: f64) -> Result<Vec<Spender>, StoreError> {
        let mut spenders = Vec::new();
        for tokens in tokens.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT 'key', token, COALESCE(key_alias, key_name), spend, max_budget, budget_reset_at \
                 FROM virtual_key WHERE token IN ({}) AND {}",
                Places::on(self.backend).list(tokens.len()),
                is_near(share)
            );
            let query =
                tokens.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, token| query.bind(token.clone()));
            for row in query.fetch_all(&self.readers).await? {
                spenders.push(Spender::read(&row)?);
            }
        }
        Ok(spenders)
    }

    /// The users and teams, and the gateway, that have spent this share of their budgets; or only a user.
    pub async fn accounts_near_budget(
        &self,
        user: Option<&str>,
        share: f64,
    ) -> Result<Vec<Spender>, StoreError> {
        let only = match user {
            Some(_) => "kind = 'user' AND id = $1",
            None => "kind IN ('user', 'team', 'gateway') AND $1 = ''",
        };
        let sql = format!(
            "SELECT kind, id, COALESCE(alias, email), spend, max_budget, budget_reset_at FROM account \
             WHERE {only} AND {} ORDER BY spend DESC LIMIT {MOST}",
            is_near(share)
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(user.unwrap_or_default().to_owned())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(Spender::read).collect()
    }
}
