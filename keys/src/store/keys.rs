//! Virtual keys: creating, finding, updating and deleting them.

use jiff::Timestamp;
use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::TokenHash;

use super::accounts::AT_ONCE;
use super::audit::entries;
use super::key_row::{KEY_COLUMNS, KeyRow, token};
use super::sql::placeholders;
use super::{Store, StoreError, blocks, feed, get, models};
use crate::clock;

/// Whether a key may have been used before it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Random: no filter can know it, so no notification is needed.
    Unguessable,
    /// Custom: a filter may have cached that it does not exist.
    Chosen,
}

/// The owner of a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Owner.
    pub user_id: Option<String>,
    /// The key's alias.
    pub key_alias: Option<String>,
    /// Owner's team.
    pub team_id: Option<String>,
    /// The budget that it refers to.
    pub budget_id: Option<String>,
    /// Owner's organization, if it is not the team's.
    pub organization_id: Option<String>,
    /// The key's tags.
    pub tags: Vec<String>,
}

impl Store {
    /// The key with this hash.
    pub async fn key(&self, token: TokenHash) -> Result<Option<KeyRow>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", KEY_COLUMNS!(), " FROM virtual_key WHERE token = $1"))
            .bind(token.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(KeyRow::read).transpose()
    }

    /// The key with this hash, or its successor if it was regenerated with a grace period.
    pub async fn key_or_successor(&self, token: TokenHash) -> Result<Option<KeyRow>, StoreError> {
        if let Some(key) = self.key(token).await? {
            return Ok(Some(key));
        }
        let retired = self.retired(&[token], &[]).await?;
        Ok(retired.into_iter().next().map(|(_, key)| key))
    }

    /// The keys that exist, in no particular order.
    pub async fn keys(&self, tokens: &[TokenHash]) -> Result<Vec<KeyRow>, StoreError> {
        let mut found = Vec::new();
        for tokens in tokens.chunks(AT_ONCE) {
            // Lengths are rounded up so that few different statements have to be prepared; duplicates are
            // returned once.
            let length = tokens.len().next_power_of_two();
            let list = placeholders(1, length);
            let sql = format!("SELECT {} FROM virtual_key WHERE token IN ({list})", KEY_COLUMNS!());
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for token in tokens.iter().chain(tokens.last()).cycle().take(length) {
                query = query.bind(token.to_string());
            }
            let rows = query.fetch_all(&self.readers).await?;
            found.extend(rows.iter().map(KeyRow::read).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }

    /// The keys with these aliases.
    pub async fn keys_by_alias(&self, aliases: &[String]) -> Result<Vec<KeyRow>, StoreError> {
        let mut found = Vec::new();
        for aliases in aliases.chunks(AT_ONCE) {
            let list = placeholders(1, aliases.len());
            let sql = format!("SELECT {} FROM virtual_key WHERE key_alias IN ({list})", KEY_COLUMNS!());
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for alias in aliases {
                query = query.bind(alias.as_str());
            }
            let rows = query.fetch_all(&self.readers).await?;
            found.extend(rows.iter().map(KeyRow::read).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(found)
    }

    /// Stores a new key. If it exists, it is returned unchanged, because `LiteLLM` allows generating the same
    /// custom key twice.
    pub async fn insert_key(&self, key: KeyRow, creation: Creation) -> Result<KeyRow, StoreError> {
        let mut transaction = self.write_keys().await?;
        if insert(&mut transaction, &key).await? {
            if creation == Creation::Chosen {
                feed::announce(&mut transaction, &[key.token]).await?;
            }
            self.commit_keys(transaction).await?;
            return Ok(key);
        }
        if let Some(alias) = key.key_alias
            && !tokens_of_aliases(&mut transaction, core::slice::from_ref(&alias)).await?.is_empty()
        {
            return Err(StoreError::AliasTaken(alias));
        }
        self.locked(&mut transaction, key.token)
            .await?
            .ok_or_else(|| StoreError::Corrupt("a key that neither exists nor can be inserted".to_owned()))
    }

    /// Updates a key and notifies the filters; `None` if it does not exist. If `change` fails, nothing
    /// changes. Use [`Store::regenerate_key`] to change the hash.
    pub async fn update_key<E: From<StoreError>>(
        &self,
        token: TokenHash,
        by: &str,
        change: impl FnOnce(&mut KeyRow) -> Result<(), E>,
    ) -> Result<Option<KeyRow>, E> {
        let mut transaction = self.write().await?;
        let Some(mut key) = self.locked(&mut transaction, token).await? else { return Ok(None) };
        let alias = key.key_alias.clone();
        let before = entries::is_recorded().then(|| entries::of_key(&key));
        change(&mut key)?;
        if key.key_alias != alias {
            alias_is_free(&mut transaction, key.key_alias.as_deref()).await?;
        }
        key.updated_at = clock::now();
        by.clone_into(&mut key.updated_by);
        write(&mut transaction, token, &key).await?;
        if let Some(before) = before {
            entries::key_updated(&mut transaction, &before, &key).await?;
        }
        feed::announce(&mut transaction, &[token]).await?;
        self.commit_keys(transaction).await?;
        Ok(Some(key))
    }

    /// Gives a key a new hash and applies `change`. The old one stops working, or works like the new one
    /// until `retire_at`.
    pub async fn regenerate_key<E: From<StoreError>>(
        &self,
        old: TokenHash,
        retire_at: Option<Timestamp>,
        by: &str,
        change: impl FnOnce(&mut KeyRow) -> Result<(), E>,
    ) -> Result<Option<KeyRow>, E> {
        let mut transaction = self.write().await?;
        let Some(mut key) = self.locked(&mut transaction, old).await? else { return Ok(None) };
        let alias = key.key_alias.clone();
        let before = entries::is_recorded().then(|| entries::of_key(&key));
        change(&mut key)?;
        if key.key_alias != alias {
            alias_is_free(&mut transaction, key.key_alias.as_deref()).await?;
        }
        key.updated_at = clock::now();
        by.clone_into(&mut key.updated_by);
        if key.token != old && exists(&mut transaction, key.token).await? {
            return Err(StoreError::KeyTaken.into());
        }
        // Keys that were retired earlier now resolve to the newest one.
        sqlx::query("UPDATE retired_key SET successor = $1 WHERE successor = $2")
            .bind(key.token.to_string())
            .bind(old.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::from)?;
        if let Some(at) = retire_at.filter(|_| key.token != old) {
            sqlx::query("INSERT INTO retired_key (token, successor, revoke_at) VALUES ($1, $2, $3)")
                .bind(old.to_string())
                .bind(key.token.to_string())
                .bind(at.as_microsecond())
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::from)?;
        }
        if key.token != old {
            models::rename_key(&mut transaction, &old.to_string(), &key.token.to_string()).await?;
        }
        write(&mut transaction, old, &key).await?;
        if let Some(before) = before {
            entries::key_rotated(&mut transaction, &old.to_string(), &before, &key).await?;
        }
        feed::announce(&mut transaction, &[old, key.token]).await?;
        self.commit_keys(transaction).await?;
        Ok(Some(key))
    }

    /// Deletes retired keys whose grace period is over.
    pub async fn forget_retired(&self, now: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("DELETE FROM retired_key WHERE revoke_at <= $1")
            .bind(now.as_microsecond())
            .execute(&self.writers)
            .await?;
        Ok(forgotten.rows_affected())
    }

    /// Deletes keys with the responses that are stored for them, and returns those that existed.
    pub async fn delete_keys(&self, tokens: &[TokenHash]) -> Result<Vec<TokenHash>, StoreError> {
        // First, so that what fails can be repeated.
        let owners: Vec<String> = tokens.iter().map(ToString::to_string).collect();
        self.forget_responses_of(&owners).await?;
        let mut transaction = self.write_keys().await?;
        let deleted = delete(&mut transaction, tokens).await?;
        self.commit_keys(transaction).await?;
        Ok(deleted)
    }

    /// The key as this transaction sees it, locked against changes.
    async fn locked(
        &self,
        transaction: &mut Transaction<'static, Any>,
        token: TokenHash,
    ) -> Result<Option<KeyRow>, StoreError> {
        let lock = self.backend.for_update();
        let sql = format!("SELECT {} FROM virtual_key WHERE token = $1{lock}", KEY_COLUMNS!());
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(token.to_string())
            .fetch_optional(&mut **transaction)
            .await?;
        row.as_ref().map(KeyRow::read).transpose()
    }
}

/// The columns and their placeholders, for `INSERT`.
const INSERT: &str = "INSERT INTO virtual_key (token, key_name, key_alias, user_id, team_id, organization_id, \
                      budget_id, max_budget, budget_duration, budget_reset_at, spend, total_spend, expires_at, \
                      blocked, settings, created_at, created_by, updated_at, updated_by, last_active) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
                      $20) ON CONFLICT DO NOTHING RETURNING (SELECT MAX(last_at) FROM key_block) AS blocks_end";

const UPDATE: &str = "UPDATE virtual_key SET token = $1, key_name = $2, key_alias = $3, user_id = $4, team_id = $5, \
                      organization_id = $6, budget_id = $7, max_budget = $8, budget_duration = $9, \
                      budget_reset_at = $10, spend = $11, total_spend = $12, expires_at = $13, blocked = $14, \
                      settings = $15, created_at = $16, created_by = $17, updated_at = $18, updated_by = $19, \
                      last_active = $20 WHERE token = $21";

/// Adds a key in a transaction of [`Store::write_keys`]; returns `false` if its hash or alias already exists.
pub(super) async fn insert(
    transaction: &mut Transaction<'static, Any>,
    key: &KeyRow,
) -> Result<bool, StoreError> {
    let inserted = key.bind(sqlx::query(INSERT)).fetch_optional(&mut **transaction).await?;
    let Some(row) = inserted else { return Ok(false) };
    let created_at = key.created_at.as_microsecond();
    // Most keys are newer than all blocks, and need no lock on a block.
    if get::<Option<i64>, _>(&row, 0)?.is_some_and(|end| created_at <= end) {
        blocks::count(transaction, vec![created_at], 1).await?;
    }
    entries::key_created(transaction, key).await?;
    if ["model_max_budget", "budget_limits"].iter().any(|field| key.settings.contains_key(*field)) {
        models::follow(transaction, "key", &key.token.to_string(), &key.settings, true).await?;
    }
    Ok(true)
}

async fn write(
    transaction: &mut Transaction<'static, Any>,
    token: TokenHash,
    key: &KeyRow,
) -> Result<(), StoreError> {
    key.bind(sqlx::query(UPDATE)).bind(token.to_string()).execute(&mut **transaction).await?;
    let (id, by_budget) = (key.token.to_string(), key.budget_id.is_some());
    models::follow(transaction, "key", &id, &key.settings, by_budget).await
}

pub(super) async fn exists(
    transaction: &mut Transaction<'static, Any>,
    token: TokenHash,
) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT token FROM virtual_key WHERE token = $1")
        .bind(token.to_string())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(row.is_some())
}

async fn alias_is_free(
    transaction: &mut Transaction<'static, Any>,
    alias: Option<&str>,
) -> Result<(), StoreError> {
    let Some(alias) = alias else { return Ok(()) };
    let taken = !tokens_of_aliases(transaction, &[alias.to_owned()]).await?.is_empty();
    if taken { Err(StoreError::AliasTaken(alias.to_owned())) } else { Ok(()) }
}

async fn delete(
    transaction: &mut Transaction<'static, Any>,
    tokens: &[TokenHash],
) -> Result<Vec<TokenHash>, StoreError> {
    let (mut deleted, mut created) = (Vec::new(), Vec::new());
    for token in tokens {
        let sql = format!("DELETE FROM virtual_key WHERE token = $1 RETURNING {}", KEY_COLUMNS!());
        let gone = sqlx::query(AssertSqlSafe(sql))
            .bind(token.to_string())
            .fetch_optional(&mut **transaction)
            .await?;
        if let Some(row) = gone {
            models::forget(transaction, "key", &token.to_string()).await?;
            deleted.push(*token);
            let key = KeyRow::read(&row)?;
            entries::key_deleted(transaction, &key).await?;
            created.push(key.created_at.as_microsecond());
        }
    }
    blocks::count(transaction, created, -1).await?;
    feed::announce(transaction, &deleted).await?;
    Ok(deleted)
}

async fn tokens_of_aliases(
    transaction: &mut Transaction<'static, Any>,
    aliases: &[String],
) -> Result<Vec<(String, TokenHash)>, StoreError> {
    let mut found = Vec::new();
    for alias in aliases {
        let row = sqlx::query("SELECT token FROM virtual_key WHERE key_alias = $1")
            .bind(alias)
            .fetch_optional(&mut **transaction)
            .await?;
        if let Some(row) = row {
            found.push((alias.clone(), token(&row, 0)?));
        }
    }
    Ok(found)
}
