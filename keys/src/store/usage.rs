//! Usage, recorded exactly once: a batch's id, its spend and its log rows are one transaction.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::{TokenHash, UsageBatch, UsageEntry};

use super::accounts::member_id;
use super::{Owner, Store, StoreError, get, models};
use crate::clock;
use crate::money::Picodollars;

/// Columns of `spend_log`.
const COLUMNS: usize = 20;

/// Rows per `INSERT`: few round trips, and far from the 32,766 values that SQLite takes in one statement.
const ROWS_PER_INSERT: usize = 100;

impl Store {
    /// Records a batch; `false` when it was recorded before, and nothing changed.
    pub async fn record_usage(&self, batch: &UsageBatch) -> Result<bool, StoreError> {
        let now = clock::now();
        let mut transaction = self.write().await?;
        let new =
            sqlx::query("INSERT INTO usage_batch (id, received_at) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                .bind(text(&batch.id))
                .bind(now.as_microsecond())
                .execute(&mut *transaction)
                .await?;
        if new.rows_affected() == 0 {
            return Ok(false);
        }
        let mut owners = BTreeMap::new();
        for (token, spent) in spent_by_key(&batch.entries) {
            let owner = charge(&mut transaction, token, spent, now).await?;
            if let Some(budget) = &owner.budget_id {
                models::follow_budget(&mut transaction, &token.to_string(), budget).await?;
            }
            owners.insert(token, owner);
        }
        for (Charged { kind, id, model }, spent) in spent_by_others(&batch.entries, &owners) {
            charge_other(&mut transaction, kind, &id, model.as_deref(), spent).await?;
        }
        for (chunk, entries) in batch.entries.chunks(ROWS_PER_INSERT).enumerate() {
            let mut insert = sqlx::query(AssertSqlSafe(insert_statement(entries.len())));
            for (position, entry) in (chunk * ROWS_PER_INSERT..).zip(entries) {
                let owner = entry.token.and_then(|token| owners.get(&token));
                insert = bind(insert, &batch.id, position, entry, owner.cloned().unwrap_or_default());
            }
            insert.execute(&mut *transaction).await?;
        }
        self.commit(transaction).await?;
        self.cache.spent(owners.keys());
        Ok(true)
    }

    /// Forgets the ids of batches received before `before`; the spend and its log stay.
    pub async fn forget_batches(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("DELETE FROM usage_batch WHERE received_at < $1")
            .bind(before.as_microsecond())
            .execute(&self.writers)
            .await?;
        Ok(forgotten.rows_affected())
    }
}

/// One sum per key. In the order of the keys: two replicas that lock the same rows in one order never wait for
/// each other for ever.
fn spent_by_key(entries: &[UsageEntry]) -> BTreeMap<TokenHash, Picodollars> {
    let mut sums = BTreeMap::<_, Picodollars>::new();
    for entry in entries {
        if let Some(token) = entry.token {
            let sum = sums.entry(token).or_default();
            *sum = sum.plus(entry.cost_picodollars.map(Picodollars::reported).unwrap_or_default());
        }
    }
    sums
}

/// Adds to a key's spend and tells whose key it is. The usage of a key that was deleted meanwhile is only logged.
async fn charge(
    transaction: &mut Transaction<'static, Any>,
    token: TokenHash,
    spent: Picodollars,
    now: Timestamp,
) -> Result<Owner, StoreError> {
    // An overflow would turn SQLite's integer into a float and make Postgres refuse the batch for ever.
    let row = sqlx::query(
        "UPDATE virtual_key SET spend = CASE WHEN spend > $1 THEN $2 ELSE spend + $3 END, \
         total_spend = CASE WHEN total_spend > $1 THEN $2 ELSE total_spend + $3 END, last_active = $4 \
         WHERE token = $5 RETURNING user_id, team_id, budget_id",
    )
    .bind(Picodollars::MAX.stored() - spent.stored())
    .bind(Picodollars::MAX.stored())
    .bind(spent.stored())
    .bind(now.as_microsecond())
    .bind(token.to_string())
    .fetch_optional(&mut **transaction)
    .await?;
    match row {
        Some(row) => Ok(Owner { user_id: get(&row, 0)?, team_id: get(&row, 1)?, budget_id: get(&row, 2)? }),
        None => Ok(Owner::default()),
    }
}

/// Something other than a key that pays, or a model of any payer. Sorted for the same reason.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Charged {
    kind: &'static str,
    id: String,
    model: Option<String>,
}

fn spent_by_others(
    entries: &[UsageEntry],
    owners: &BTreeMap<TokenHash, Owner>,
) -> BTreeMap<Charged, Picodollars> {
    let mut sums = BTreeMap::<_, Picodollars>::new();
    for entry in entries {
        let (Some(token), Some(spent)) = (entry.token, entry.cost_picodollars.filter(|cost| *cost > 0))
        else {
            continue;
        };
        let mut add = |kind, id: String, model: Option<&str>| {
            let sum = sums.entry(Charged { kind, id, model: model.map(text) }).or_default();
            *sum = sum.plus(Picodollars::reported(spent));
        };
        let model = Some(entry.model_group.as_str());
        add("key", token.to_string(), model);
        let Some(Owner { user_id, team_id, .. }) = owners.get(&token) else { continue };
        for (kind, id) in [("user", user_id), ("team", team_id)] {
            if let Some(id) = id {
                add(kind, id.clone(), None);
                add(kind, id.clone(), model);
            }
        }
        if let (Some(team), Some(user)) = (team_id, user_id) {
            add("team_member", member_id(team, user), None);
        }
    }
    sums
}

async fn charge_other(
    transaction: &mut Transaction<'static, Any>,
    kind: &str,
    id: &str,
    model: Option<&str>,
    spent: Picodollars,
) -> Result<(), StoreError> {
    let query = if model.is_some() {
        // There is a row where the model is limited, and none where nobody asks.
        sqlx::query(
            "UPDATE model_spend SET spend = CASE WHEN spend > $1 THEN $2 ELSE spend + $3 END \
             WHERE kind = $4 AND id = $5 AND model = $6",
        )
    } else {
        sqlx::query(
            "UPDATE account SET spend = CASE WHEN spend > $1 THEN $2 ELSE spend + $3 END, \
             total_spend = CASE WHEN total_spend > $1 THEN $2 ELSE total_spend + $3 END WHERE kind = $4 AND id = $5",
        )
    };
    let query = query
        .bind(Picodollars::MAX.stored() - spent.stored())
        .bind(Picodollars::MAX.stored())
        .bind(spent.stored())
        .bind(kind.to_owned())
        .bind(id.to_owned());
    let query = match model {
        Some(model) => query.bind(model.to_owned()),
        None => query,
    };
    query.execute(&mut **transaction).await?;
    Ok(())
}

fn insert_statement(rows: usize) -> String {
    let mut sql =
        "INSERT INTO spend_log (batch_id, position, call_id, token, user_id, team_id, mode, model_group, \
                   deployment_id, model, requests, status, prompt_tokens, completion_tokens, cached_tokens, \
                   cache_write_tokens, reasoning_tokens, cost, started_at, duration_ms) VALUES "
            .to_owned();
    for row in 0..rows {
        sql.push_str(if row == 0 { "(" } else { ", (" });
        for column in 1..=COLUMNS {
            let comma = if column == 1 { "" } else { ", " };
            // Writing to a String cannot fail.
            let _ = write!(sql, "{comma}${}", row * COLUMNS + column);
        }
        sql.push(')');
    }
    sql
}

fn bind<'q>(
    insert: Query<'q, Any, AnyArguments>,
    batch: &str,
    position: usize,
    entry: &UsageEntry,
    owner: Owner,
) -> Query<'q, Any, AnyArguments> {
    insert
        .bind(text(batch))
        .bind(integer(position as u64))
        .bind(text(&entry.call_id))
        .bind(entry.token.map(|token| token.to_string()))
        .bind(owner.user_id)
        .bind(owner.team_id)
        .bind(text(&entry.mode))
        .bind(text(&entry.model_group))
        .bind(text(&entry.deployment_id))
        .bind(text(&entry.model))
        .bind(integer(entry.requests))
        .bind(i64::from(entry.status))
        .bind(integer(entry.prompt_tokens))
        .bind(integer(entry.completion_tokens))
        .bind(integer(entry.cached_tokens))
        .bind(integer(entry.cache_write_tokens))
        .bind(integer(entry.reasoning_tokens))
        .bind(entry.cost_picodollars.map(|cost| Picodollars::reported(cost).stored()))
        .bind(integer(entry.started_ms.saturating_mul(1000)))
        .bind(integer(entry.duration_ms))
}

/// Postgres has no NUL in a text, and a client chooses the name of the model that it asks for.
fn text(reported: &str) -> String {
    reported.replace('\0', "")
}

/// What no column holds becomes the most that one does: a nonsensical count must not hold up the honest rest.
fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
