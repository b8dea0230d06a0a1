//! Records usage exactly once: a batch's id, its spend and its log rows are written in a single transaction.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};
use switchboard::key::{TokenHash, UsageBatch, UsageEntry};

use super::accounts::member_id;
use super::charges::{self, AccountName, ModelName};
use super::sql::{self, pieces};
use super::{Owner, Store, StoreError, models, tags};
use crate::clock;
use crate::money::Picodollars;

/// Columns of `spend_log`.
const COLUMNS: usize = 28;

/// Rows per `INSERT`: few round trips, and well below SQLite's limit of 32,766 values per statement.
const ROWS_PER_INSERT: usize = 128;

impl Store {
    /// Records a batch, with a row for each of its entries if `spend_log`. Returns `false` without changing
    /// anything if it was recorded before.
    pub async fn record_usage(&self, batch: &UsageBatch, spend_log: bool) -> Result<bool, StoreError> {
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
        let entries: Vec<_> = batch.entries().collect();
        let spent = spent_by_key(&entries);
        let owners = charges::charge_keys(&mut transaction, self.backend, &spent, now).await?;
        models::follow_budgets(&mut transaction, &owners).await?;
        let (accounts, models) = spent_by_others(&entries, &owners);
        charges::charge_windows(&mut transaction, self.backend, &accounts, &spent).await?;
        charges::charge_accounts(&mut transaction, self.backend, &accounts).await?;
        let models = models::governed(&mut transaction, models).await?;
        charges::charge_models(&mut transaction, self.backend, &models).await?;
        let mut position = 0;
        let logged = if spend_log { entries.as_slice() } else { &[] };
        let team_tags = if spend_log {
            tags::of_teams(&mut transaction, owners.values()).await?
        } else {
            BTreeMap::new()
        };
        for entries in pieces(logged, ROWS_PER_INSERT) {
            let mut insert = sqlx::query(AssertSqlSafe(insert_statement(entries.len())));
            for entry in entries {
                let owner = entry.token.and_then(|token| owners.get(&token)).cloned().unwrap_or_default();
                let team = owner.team_id.as_ref().and_then(|team| team_tags.get(team));
                let inherited = owner.tags.iter().chain(team.into_iter().flatten());
                let tags = tags::joined(entry.detail.tags.iter().map(|tag| text(tag)), inherited);
                insert = bind(insert, &batch.id, position, entry, owner, &tags);
                position += 1;
            }
            insert.execute(&mut *transaction).await?;
        }
        self.commit(transaction).await?;
        self.cache.spent(spent.keys());
        self.charged.note(spent.keys());
        Ok(true)
    }

    /// Deletes the ids of batches received before `before`; spend and log rows are kept.
    pub async fn forget_batches(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("DELETE FROM usage_batch WHERE received_at < $1")
            .bind(before.as_microsecond())
            .execute(&self.writers)
            .await?;
        Ok(forgotten.rows_affected())
    }
}

/// The total per key.
fn spent_by_key(entries: &[UsageEntry<'_>]) -> BTreeMap<TokenHash, Picodollars> {
    let mut sums = BTreeMap::new();
    for entry in entries {
        if let Some(token) = entry.token {
            add(&mut sums, token, entry.cost_picodollars.map(Picodollars::reported).unwrap_or_default());
        }
    }
    sums
}

/// The charges of users, teams and members, and the spend of all payers on single models. Recording the
/// latter updates a row only where the model is limited.
fn spent_by_others(
    entries: &[UsageEntry<'_>],
    owners: &BTreeMap<TokenHash, Owner>,
) -> (BTreeMap<AccountName, Picodollars>, BTreeMap<ModelName, Picodollars>) {
    let (mut accounts, mut models) = (BTreeMap::new(), BTreeMap::new());
    for entry in entries {
        let (Some(token), Some(spent)) = (entry.token, entry.cost_picodollars.filter(|cost| *cost > 0))
        else {
            continue;
        };
        let spent = Picodollars::reported(spent);
        let model = text(&entry.model_group);
        add(&mut models, ("key", token.to_string(), model.clone()), spent);
        let Some(Owner { user_id, team_id, .. }) = owners.get(&token) else { continue };
        for (kind, id) in [("user", user_id), ("team", team_id)] {
            if let Some(id) = id {
                add(&mut accounts, (kind, id.clone()), spent);
                add(&mut models, (kind, id.clone(), model.clone()), spent);
            }
        }
        if let (Some(team), Some(user)) = (team_id, user_id) {
            add(&mut accounts, ("team_member", member_id(team, user)), spent);
        }
    }
    (accounts, models)
}

fn add<P: Ord>(sums: &mut BTreeMap<P, Picodollars>, payer: P, spent: Picodollars) {
    let sum = sums.entry(payer).or_default();
    *sum = sum.plus(spent);
}

fn insert_statement(rows: usize) -> String {
    format!(
        "INSERT INTO spend_log (batch_id, position, call_id, token, user_id, team_id, mode, model_group, \
         deployment_id, model, requests, status, prompt_tokens, completion_tokens, cached_tokens, \
         cache_write_tokens, reasoning_tokens, cost, started_at, duration_ms, answer_id, end_user, request_tags, \
         requester_ip, api_base, key_alias, error_class, error_message) VALUES {}",
        sql::rows(rows, COLUMNS)
    )
}

fn bind<'q>(
    insert: Query<'q, Any, AnyArguments>,
    batch: &str,
    position: usize,
    entry: &UsageEntry<'_>,
    owner: Owner,
    tags: &[String],
) -> Query<'q, Any, AnyArguments> {
    let detail = &entry.detail;
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
        .bind(filled(&detail.answer_id))
        .bind(filled(&detail.end_user))
        .bind((!tags.is_empty()).then(|| json!(tags).to_string()))
        .bind(filled(&detail.requester_ip))
        .bind(filled(&entry.api_base))
        .bind(owner.key_alias)
        .bind(detail.error.as_ref().map(|error| text(&error.class)))
        .bind(detail.error.as_ref().map(|error| text(&error.message)))
}

fn filled(reported: &str) -> Option<String> {
    (!reported.is_empty()).then(|| text(reported))
}

/// Postgres cannot store a NUL in text, and clients choose the model name.
fn text(reported: &str) -> String {
    reported.replace('\0', "")
}

/// Values beyond a column's range are clamped, because an absurd count must not block the rest of the batch.
fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
