//! The change feed: which keys are not what they were, in an order that every reader agrees on.
//!
//! A change carries a number, one more than the last. A filter remembers the number up to which it has heard, its
//! *cursor*, and asks for what came after. Only the hash is kept: what it is now is read when it is told, so many
//! changes of one key are one. A cursor that the feed cannot continue (too old, or from another database: numbers
//! begin at the moment a database was made) is answered with "forget everything".

use std::collections::BTreeSet;

use sqlx::{Any, Transaction};
use switchboard::key::{KeyChange, TokenHash};

use super::keys::{KEY_COLUMNS, KeyRow};
use super::{Store, StoreError, get};
use crate::clock;

/// How many changes are kept, and so the most that one answer tells. A filter that has missed more verifies its
/// keys anew, which costs it less than reading on and never leaves a revoked key waiting for the next page.
const KEPT: i64 = 1000;

/// What an asker has not heard yet.
#[derive(Debug)]
pub struct Changes {
    /// The cursor for the next question.
    pub cursor: u64,
    /// The asker's cursor leads nowhere: what it knows may be wrong.
    pub reset: bool,
    /// The keys that changed, each once, as they are now.
    pub changes: Vec<KeyChange>,
}

/// Gives a new database its first number.
pub(super) async fn begin(store: &Store) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO feed (id, last) VALUES (1, $1) ON CONFLICT DO NOTHING")
        .bind(clock::now().as_microsecond())
        .execute(&store.writers)
        .await?;
    Ok(())
}

/// Announces that these keys changed, in the transaction that changes them.
pub(super) async fn announce(
    transaction: &mut Transaction<'static, Any>,
    tokens: &[TokenHash],
) -> Result<(), StoreError> {
    let Ok(count @ 1..) = i64::try_from(tokens.len()) else { return Ok(()) };
    let row = sqlx::query("UPDATE feed SET last = last + $1 WHERE id = 1 RETURNING last")
        .bind(count)
        .fetch_one(&mut **transaction)
        .await?;
    let last: i64 = get(&row, 0)?;
    for (seq, token) in (last - count + 1..).zip(tokens) {
        sqlx::query("INSERT INTO change (seq, token) VALUES ($1, $2)")
            .bind(seq)
            .bind(token.to_string())
            .execute(&mut **transaction)
            .await?;
    }
    sqlx::query("DELETE FROM change WHERE seq <= $1").bind(last - KEPT).execute(&mut **transaction).await?;
    Ok(())
}

impl Store {
    /// What happened after `cursor`; without one, only where the feed stands.
    pub async fn changes_after(&self, cursor: Option<u64>) -> Result<Changes, StoreError> {
        let asked = cursor.and_then(|cursor| i64::try_from(cursor).ok()).unwrap_or(i64::MAX);
        // One statement sees one state of the database, so the numbers and the keys belong together.
        let rows = sqlx::query(concat!(
            "SELECT feed.last, change.seq, change.token AS changed, ",
            KEY_COLUMNS!(),
            " FROM feed LEFT JOIN change ON change.seq > $1 LEFT JOIN virtual_key ON virtual_key.token = change.token",
            " WHERE feed.id = 1 ORDER BY change.seq"
        ))
        .bind(asked)
        .fetch_all(&self.readers)
        .await?;
        let Some(first) = rows.first() else {
            return Err(StoreError::Corrupt("no row in the table feed".to_owned()));
        };
        let last: i64 = get(first, "last")?;
        let next: Option<i64> = get(first, "seq")?;
        let cursor = u64::try_from(last).unwrap_or_default();
        // Numbers have no gaps: unless the next change follows the cursor directly, some are no longer kept.
        let continues = asked == last || next.is_some_and(|next| Some(next) == asked.checked_add(1));
        if !continues {
            return Ok(Changes { cursor, reset: true, changes: Vec::new() });
        }
        let mut heard = BTreeSet::new();
        let mut changes = Vec::new();
        for row in rows.iter().filter(|_| next.is_some()) {
            let text: String = get(row, "changed")?;
            let token =
                TokenHash::parse(&text).ok_or_else(|| StoreError::Corrupt(format!("the change '{text}'")))?;
            if heard.insert(token) {
                let key = KeyRow::read_joined(row)?.map(|key| key.record());
                changes.push(KeyChange { token, key });
            }
        }
        Ok(Changes { cursor, reset: false, changes })
    }
}
