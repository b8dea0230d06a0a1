//! Stored responses of the Responses API. Each belongs to a key: other keys do not find it.

use jiff::{SignedDuration, Timestamp};
use sqlx::{Any, AssertSqlSafe, Transaction};

use super::sql::{Places, pieces, placeholders};
use super::{Store, StoreError, get};

/// How long a response is kept, as at `OpenAI`.
pub const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Maximum size of a response with its input, bytes.
pub const MOST_BYTES: usize = 2 << 20;

/// Maximum size of all responses of a conversation with their inputs, bytes.
pub const MOST_CHAIN_BYTES: i64 = 8 << 20;

/// Maximum number of responses of a conversation.
pub const MOST_TURNS: i64 = 200;

/// Maximum size of all responses of a key, bytes.
pub(super) const MOST_BYTES_OF_KEY: i64 = 1 << 30;

/// Number of rows that a statement deletes of those of a key.
const DELETED_AT_ONCE: i64 = 256;

/// Number of items that a statement inserts or selects.
const ITEMS_AT_ONCE: usize = 64;

/// A response to store.
#[derive(Clone, Debug)]
pub struct NewResponse {
    /// Hash of the key; empty for the master key.
    pub token: String,
    /// `id`
    pub id: String,
    /// The response that it continues.
    pub parent: Option<String>,
    /// The items of this turn, a JSON array.
    pub input: String,
    /// The response, JSON.
    pub response: String,
    /// The ids of all items in both.
    pub items: Vec<String>,
}

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredResponse {
    /// The items of its turn, a JSON array.
    pub input: String,
    /// The response, JSON.
    pub response: String,
}

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Its responses, oldest first.
    Whole(Vec<StoredResponse>),
    /// The response, or one before it, does not exist any more.
    Missing,
    /// It exceeds [`MOST_TURNS`] or [`MOST_CHAIN_BYTES`].
    TooLong,
}

impl Store {
    /// Stores a response. Returns whether it is stored: not if a limit is exceeded, if the response that it continues does
    /// not exist any more, or if the key has another response with this id.
    pub async fn keep_response(&self, new: &NewResponse, now: Timestamp) -> Result<bool, StoreError> {
        let bytes = new.input.len() + new.response.len();
        let Ok(expires_at) = now.checked_add(LIFE) else { return Ok(false) };
        if bytes > MOST_BYTES {
            return Ok(false);
        }
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let mut transaction = self.write().await?;
        let (turns, chain_bytes) = match &new.parent {
            None => (0, 0),
            Some(parent) => match extent(&mut transaction, &new.token, parent, now).await? {
                Some(extent) => extent,
                None => return Ok(false),
            },
        };
        let row = sqlx::query(
            "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM stored_response WHERE token = $1",
        )
        .bind(&new.token)
        .fetch_one(&mut *transaction)
        .await?;
        if get::<i64, _>(&row, 0)?.saturating_add(bytes) > MOST_BYTES_OF_KEY {
            return Ok(false);
        }
        let inserted = sqlx::query(
            "INSERT INTO stored_response (token, id, parent, turns, chain_bytes, bytes, input, response, created_at, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
        )
        .bind(&new.token)
        .bind(&new.id)
        .bind(&new.parent)
        .bind(turns + 1)
        .bind(chain_bytes.saturating_add(bytes))
        .bind(bytes)
        .bind(&new.input)
        .bind(&new.response)
        .bind(now.as_microsecond())
        .bind(expires_at.as_microsecond())
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(false);
        }
        for piece in pieces(&new.items, ITEMS_AT_ONCE) {
            let sql = format!(
                "INSERT INTO stored_item (token, id, response_id, expires_at) VALUES {} ON CONFLICT DO NOTHING",
                Places::on(self.backend).rows(piece.len(), 4)
            );
            let query = piece.iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, id| {
                query.bind(&new.token).bind(id).bind(&new.id).bind(expires_at.as_microsecond())
            });
            query.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The conversation that ends in a response.
    pub async fn response_chain(&self, token: &str, id: &str, now: Timestamp) -> Result<Chain, StoreError> {
        let mut transaction = self.read().await?;
        let Some((turns, bytes)) = extent(&mut transaction, token, id, now).await? else {
            return Ok(Chain::Missing);
        };
        if turns > MOST_TURNS || bytes > MOST_CHAIN_BYTES {
            return Ok(Chain::TooLong);
        }
        // A client can reuse an id, so the links may form a circle.
        let found = sqlx::query(
            "WITH RECURSIVE chain (id, parent, age) AS ( \
             SELECT id, parent, CAST(0 AS BIGINT) FROM stored_response WHERE token = $1 AND id = $2 \
             UNION ALL SELECT before.id, before.parent, chain.age + 1 FROM stored_response AS before \
             JOIN chain ON before.id = chain.parent WHERE before.token = $1 AND chain.age < $3) \
             SELECT stored.input, stored.response FROM chain JOIN stored_response AS stored \
             ON stored.id = chain.id WHERE stored.token = $1 AND stored.expires_at > $4 ORDER BY chain.age DESC",
        )
        .bind(token)
        .bind(id)
        .bind(turns)
        .bind(now.as_microsecond())
        .fetch_all(&mut *transaction)
        .await?;
        if i64::try_from(found.len()) != Ok(turns) {
            return Ok(Chain::Missing);
        }
        let stored = |row| Ok(StoredResponse { input: get(row, 0)?, response: get(row, 1)? });
        Ok(Chain::Whole(found.iter().map(stored).collect::<Result<_, StoreError>>()?))
    }

    /// A response.
    pub async fn stored_response(
        &self,
        token: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError> {
        let row = sqlx::query(
            "SELECT input, response FROM stored_response WHERE token = $1 AND id = $2 AND expires_at > $3",
        )
        .bind(token)
        .bind(id)
        .bind(now.as_microsecond())
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| Ok(StoredResponse { input: get(&row, 0)?, response: get(&row, 1)? })).transpose()
    }

    /// The responses that have these items, each with the item's id.
    pub async fn responses_with_items(
        &self,
        token: &str,
        items: &[String],
        now: Timestamp,
    ) -> Result<Vec<(String, StoredResponse)>, StoreError> {
        let mut found = Vec::new();
        for piece in pieces(items, ITEMS_AT_ONCE) {
            let sql = format!(
                "SELECT item.id, stored.input, stored.response FROM stored_item AS item JOIN stored_response AS stored \
                 ON stored.token = item.token AND stored.id = item.response_id \
                 WHERE item.token = $1 AND stored.expires_at > $2 AND item.id IN ({})",
                placeholders(3, piece.len())
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(token).bind(now.as_microsecond());
            let query = piece.iter().fold(query, sqlx::query::Query::bind);
            for row in &query.fetch_all(&self.readers).await? {
                let stored = StoredResponse { input: get(row, 1)?, response: get(row, 2)? };
                found.push((get(row, 0)?, stored));
            }
        }
        Ok(found)
    }

    /// Deletes a response. Returns whether there was one. Responses that continue it cannot be continued any more.
    pub async fn delete_response(&self, token: &str, id: &str) -> Result<bool, StoreError> {
        let mut transaction = self.write().await?;
        let deleted = sqlx::query("DELETE FROM stored_response WHERE token = $1 AND id = $2")
            .bind(token)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM stored_item WHERE token = $1 AND response_id = $2")
            .bind(token)
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// Deletes everything that is stored for keys. It may be a gigabyte for each, so others can write in between.
    pub(super) async fn forget_responses_of(&self, tokens: &[String]) -> Result<(), StoreError> {
        for (table, id) in [("stored_item", "id, response_id"), ("stored_response", "id")] {
            let sql = format!(
                "DELETE FROM {table} WHERE (token, {id}) IN (SELECT token, {id} FROM {table} WHERE token = $1 LIMIT $2)"
            );
            for token in tokens {
                let query = || sqlx::query(AssertSqlSafe(sql.clone())).bind(token).bind(DELETED_AT_ONCE);
                while query().execute(&self.writers).await?.rows_affected() > 0 {}
            }
        }
        Ok(())
    }

    /// Deletes responses that have expired, at most `most` of them, and returns their number.
    pub async fn forget_responses(&self, now: Timestamp, most: i64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        for (table, id) in [("stored_item", "id, response_id"), ("stored_response", "id")] {
            let sql = format!(
                "DELETE FROM {table} WHERE (token, {id}) IN \
                 (SELECT token, {id} FROM {table} WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)"
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(now.as_microsecond()).bind(most);
            deleted = query.execute(&self.writers).await?.rows_affected();
        }
        Ok(deleted)
    }
}

/// Number of responses in the conversation that ends in a response, and their bytes.
async fn extent(
    transaction: &mut Transaction<'static, Any>,
    token: &str,
    id: &str,
    now: Timestamp,
) -> Result<Option<(i64, i64)>, StoreError> {
    let row = sqlx::query(
        "SELECT turns, chain_bytes FROM stored_response WHERE token = $1 AND id = $2 AND expires_at > $3",
    )
    .bind(token)
    .bind(id)
    .bind(now.as_microsecond())
    .fetch_optional(&mut **transaction)
    .await?;
    row.map(|row| Ok((get(&row, 0)?, get(&row, 1)?))).transpose()
}
