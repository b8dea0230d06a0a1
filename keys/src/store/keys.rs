//! Virtual keys: making, finding, changing and deleting them.

use jiff::Timestamp;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};
use switchboard::key::{KeyRecord, TokenHash};

use super::{Store, StoreError, feed, get};
use crate::clock;
use crate::money::Picodollars;

/// One virtual key, as the database has it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRow {
    /// SHA-256 of the key.
    pub token: TokenHash,
    /// `sk-...last4`.
    pub key_name: String,
    /// The operator's name for it, unlike that of any other live key.
    pub key_alias: Option<String>,
    /// Owner.
    pub user_id: Option<String>,
    /// Owner's team.
    pub team_id: Option<String>,
    /// Owner's organization.
    pub organization_id: Option<String>,
    /// A budget object that limits it.
    pub budget_id: Option<String>,
    /// Its own budget in USD.
    pub max_budget: Option<f64>,
    /// How often its budget starts again, as the operator wrote it.
    pub budget_duration: Option<String>,
    /// When it starts again next.
    pub budget_reset_at: Option<Timestamp>,
    /// Spent since the budget started.
    pub spend: Picodollars,
    /// Spent ever.
    pub total_spend: Picodollars,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Refused until unblocked; `None` when nobody ever said.
    pub blocked: Option<bool>,
    /// Every other field that `LiteLLM` knows, by its name. SQL never looks into it.
    pub settings: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When an operator last changed it.
    pub updated_at: Timestamp,
    /// Who that was.
    pub updated_by: String,
    /// When usage was last reported for it.
    pub last_active: Option<Timestamp>,
}

/// Whether nobody can have presented a key before it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation {
    /// Random: no filter can have heard of it, so nobody need be told.
    Unguessable,
    /// Chosen by an operator: a filter may remember that it does not exist.
    Chosen,
}

/// To whom a key belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Owner.
    pub user_id: Option<String>,
    /// Owner's team.
    pub team_id: Option<String>,
}

/// All columns of `virtual_key`, in the order of [`KeyRow::read`].
macro_rules! key_columns {
    () => {
        "virtual_key.token, virtual_key.key_name, virtual_key.key_alias, virtual_key.user_id, virtual_key.team_id, \
         virtual_key.organization_id, virtual_key.budget_id, virtual_key.max_budget, virtual_key.budget_duration, \
         virtual_key.budget_reset_at, virtual_key.spend, virtual_key.total_spend, virtual_key.expires_at, \
         virtual_key.blocked, virtual_key.settings, virtual_key.created_at, virtual_key.created_by, \
         virtual_key.updated_at, virtual_key.updated_by, virtual_key.last_active"
    };
}
pub(super) use key_columns as KEY_COLUMNS;

impl Store {
    /// The key with this hash.
    pub async fn key(&self, token: TokenHash) -> Result<Option<KeyRow>, StoreError> {
        let row = sqlx::query(concat!("SELECT ", key_columns!(), " FROM virtual_key WHERE token = $1"))
            .bind(token.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(KeyRow::read).transpose()
    }

    /// The key with this hash, and the cursor of the change feed at that very moment: an answer that a newer
    /// change overtakes on its way to the filter can be told from one that it does not.
    pub async fn key_with_cursor(&self, token: TokenHash) -> Result<(Option<KeyRow>, u64), StoreError> {
        let row = sqlx::query(concat!(
            "SELECT feed.last, ",
            key_columns!(),
            " FROM feed LEFT JOIN virtual_key ON virtual_key.token = $1 WHERE feed.id = 1"
        ))
        .bind(token.to_string())
        .fetch_one(&self.readers)
        .await?;
        let last: i64 = get(&row, "last")?;
        Ok((KeyRow::read_joined(&row)?, u64::try_from(last).unwrap_or_default()))
    }

    /// Stores a new key. One that exists already stays as it is and is returned: `LiteLLM` allows to generate the
    /// same chosen key twice.
    pub async fn insert_key(&self, key: KeyRow, creation: Creation) -> Result<KeyRow, StoreError> {
        let mut transaction = self.write().await?;
        if insert(&mut transaction, &key).await? {
            if creation == Creation::Chosen {
                feed::announce(&mut transaction, &[key.token]).await?;
            }
            transaction.commit().await?;
            return Ok(key);
        }
        if let Some(alias) = key.key_alias
            && !tokens_of_aliases(&mut transaction, core::slice::from_ref(&alias)).await?.is_empty()
        {
            return Err(StoreError::AliasTaken(alias));
        }
        locked(&mut transaction, key.token)
            .await?
            .ok_or_else(|| StoreError::Corrupt("a key that is neither there nor can be added".to_owned()))
    }

    /// Blocks or unblocks a key; `None` when there is none with this hash.
    pub async fn set_blocked(
        &self,
        token: TokenHash,
        blocked: bool,
        by: &str,
    ) -> Result<Option<KeyRow>, StoreError> {
        let mut transaction = self.write().await?;
        let row = sqlx::query(concat!(
            "UPDATE virtual_key SET blocked = $1, updated_at = $2, updated_by = $3 WHERE token = $4 RETURNING ",
            key_columns!()
        ))
        .bind(i64::from(blocked))
        .bind(clock::now().as_microsecond())
        .bind(by)
        .bind(token.to_string())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let key = KeyRow::read(&row)?;
        feed::announce(&mut transaction, &[token]).await?;
        transaction.commit().await?;
        Ok(Some(key))
    }

    /// Deletes keys and says which of them there were.
    pub async fn delete_keys(&self, tokens: &[TokenHash]) -> Result<Vec<TokenHash>, StoreError> {
        let mut transaction = self.write().await?;
        let deleted = delete(&mut transaction, tokens).await?;
        transaction.commit().await?;
        Ok(deleted)
    }

    /// Deletes the keys with these aliases and says which aliases there were.
    pub async fn delete_aliases(&self, aliases: &[String]) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.write().await?;
        let found = tokens_of_aliases(&mut transaction, aliases).await?;
        let tokens: Vec<_> = found.iter().map(|(_, token)| *token).collect();
        delete(&mut transaction, &tokens).await?;
        transaction.commit().await?;
        Ok(found.into_iter().map(|(alias, _)| alias).collect())
    }

    /// The budgets that should have started again by `now`, at most `limit` of them: the key, its reset moment and
    /// its duration.
    pub async fn due_budgets(
        &self,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<(TokenHash, Timestamp, Option<String>)>, StoreError> {
        let rows = sqlx::query(
            "SELECT token, budget_reset_at, budget_duration FROM virtual_key WHERE budget_reset_at <= $1 \
             ORDER BY budget_reset_at LIMIT $2",
        )
        .bind(now.as_microsecond())
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((token(row, 0)?, clock::from_micros(get(row, 1)?), get(row, 2)?))).collect()
    }

    /// Starts a budget again: its spend is nothing, and the next start is `next`. Does nothing when another
    /// replica was faster.
    pub async fn restart_budget(
        &self,
        token: TokenHash,
        due: Timestamp,
        next: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE virtual_key SET spend = 0, budget_reset_at = $1 WHERE token = $2 AND budget_reset_at = $3",
        )
        .bind(next.map(Timestamp::as_microsecond))
        .bind(token.to_string())
        .bind(due.as_microsecond())
        .execute(&self.writers)
        .await?;
        Ok(())
    }
}

async fn insert(transaction: &mut Transaction<'static, Any>, key: &KeyRow) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO virtual_key (token, key_name, key_alias, user_id, team_id, organization_id, budget_id, \
         max_budget, budget_duration, budget_reset_at, spend, total_spend, expires_at, blocked, settings, \
         created_at, created_by, updated_at, updated_by, last_active) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
         ON CONFLICT DO NOTHING",
    )
    .bind(key.token.to_string())
    .bind(&key.key_name)
    .bind(&key.key_alias)
    .bind(&key.user_id)
    .bind(&key.team_id)
    .bind(&key.organization_id)
    .bind(&key.budget_id)
    .bind(key.max_budget)
    .bind(&key.budget_duration)
    .bind(key.budget_reset_at.map(Timestamp::as_microsecond))
    .bind(key.spend.stored())
    .bind(key.total_spend.stored())
    .bind(key.expires_at.map(Timestamp::as_microsecond))
    .bind(key.blocked.map(i64::from))
    .bind(Value::Object(key.settings.clone()).to_string())
    .bind(key.created_at.as_microsecond())
    .bind(&key.created_by)
    .bind(key.updated_at.as_microsecond())
    .bind(&key.updated_by)
    .bind(key.last_active.map(Timestamp::as_microsecond))
    .execute(&mut **transaction)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

async fn delete(
    transaction: &mut Transaction<'static, Any>,
    tokens: &[TokenHash],
) -> Result<Vec<TokenHash>, StoreError> {
    let mut deleted = Vec::new();
    for token in tokens {
        let gone = sqlx::query("DELETE FROM virtual_key WHERE token = $1")
            .bind(token.to_string())
            .execute(&mut **transaction)
            .await?;
        if gone.rows_affected() > 0 {
            deleted.push(*token);
        }
    }
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

/// The key as this transaction sees it.
async fn locked(
    transaction: &mut Transaction<'static, Any>,
    token: TokenHash,
) -> Result<Option<KeyRow>, StoreError> {
    let row = sqlx::query(concat!("SELECT ", key_columns!(), " FROM virtual_key WHERE token = $1"))
        .bind(token.to_string())
        .fetch_optional(&mut **transaction)
        .await?;
    row.as_ref().map(KeyRow::read).transpose()
}

fn token(row: &AnyRow, column: usize) -> Result<TokenHash, StoreError> {
    let text: String = get(row, column)?;
    TokenHash::parse(&text).ok_or_else(|| StoreError::Corrupt(format!("the token '{text}'")))
}

impl KeyRow {
    /// From a row that was joined from the left: `None` when there was no key.
    pub(super) fn read_joined(row: &AnyRow) -> Result<Option<Self>, StoreError> {
        let token: Option<String> = get(row, "token")?;
        token.map(|_| Self::read(row)).transpose()
    }

    fn read(row: &AnyRow) -> Result<Self, StoreError> {
        let moment = |column: &str| -> Result<Option<Timestamp>, StoreError> {
            Ok(get::<Option<i64>, _>(row, column)?.map(clock::from_micros))
        };
        let token: String = get(row, "token")?;
        let settings: String = get(row, "settings")?;
        Ok(Self {
            settings: serde_json::from_str(&settings)
                .map_err(|_| StoreError::Corrupt(format!("unreadable settings of the key {token}")))?,
            token: TokenHash::parse(&token)
                .ok_or_else(|| StoreError::Corrupt(format!("the token '{token}'")))?,
            key_name: get(row, "key_name")?,
            key_alias: get(row, "key_alias")?,
            user_id: get(row, "user_id")?,
            team_id: get(row, "team_id")?,
            organization_id: get(row, "organization_id")?,
            budget_id: get(row, "budget_id")?,
            max_budget: get(row, "max_budget")?,
            budget_duration: get(row, "budget_duration")?,
            budget_reset_at: moment("budget_reset_at")?,
            spend: Picodollars::from_stored(get(row, "spend")?),
            total_spend: Picodollars::from_stored(get(row, "total_spend")?),
            expires_at: moment("expires_at")?,
            blocked: get::<Option<i64>, _>(row, "blocked")?.map(|blocked| blocked != 0),
            created_at: clock::from_micros(get(row, "created_at")?),
            created_by: get(row, "created_by")?,
            updated_at: clock::from_micros(get(row, "updated_at")?),
            updated_by: get(row, "updated_by")?,
            last_active: moment("last_active")?,
        })
    }

    /// What the filter must know of it.
    #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 are exact in 53 bits until 2255")]
    pub fn record(&self) -> KeyRecord {
        KeyRecord {
            token: self.token,
            key_name: self.key_name.clone(),
            key_alias: self.key_alias.clone(),
            user_id: self.user_id.clone(),
            team_id: self.team_id.clone(),
            models: self.strings("models"),
            aliases: self.pairs("aliases"),
            allowed_routes: self.strings("allowed_routes"),
            expires_at: self.expires_at.map(|at| at.as_microsecond() as f64 / 1e6),
            blocked: self.blocked == Some(true),
        }
    }

    /// A setting that is a list of strings; one that is absent or `null` is empty.
    pub fn strings(&self, setting: &str) -> Vec<String> {
        let items = self.settings.get(setting).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn pairs(&self, setting: &str) -> Vec<(String, String)> {
        let entries = self.settings.get(setting).and_then(Value::as_object);
        entries
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    }
}
