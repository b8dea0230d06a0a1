//! The change feed: which keys have changed, in an order that all readers agree on.
//!
//! Changes are numbered consecutively. A filter remembers the number of the last change that it received, its
//! *cursor*, and asks for later ones. Only the key's hash is stored, and its current state is read when it is
//! sent, so several changes of a key become one. If the feed cannot continue from a cursor (too old, or from
//! another database, because numbers start at the creation time of the database), the response tells the
//! filter to drop everything.

use std::collections::BTreeSet;

use sqlx::{Any, AssertSqlSafe, Transaction};
use switchboard::key::{KeyChange, TokenHash};

use super::accounts::AT_ONCE;
use super::key_row::token;
use super::sql::{Places, placeholders};
use super::{Store, StoreError, get};
use crate::clock;

/// Number of changes that are kept, and so the maximum per response. A filter that has missed more verifies
/// its keys again, which is cheaper than reading all changes, and never leaves a revoked key waiting for the
/// next page.
const KEPT: i64 = 1000;

/// The changes that a filter has not received yet.
#[derive(Debug)]
pub struct Changes {
    /// The cursor for the next request.
    pub cursor: u64,
    /// The filter's cursor is unknown, so its cached keys may be wrong.
    pub reset: bool,
    /// The changed keys in their current state, without duplicates.
    pub changes: Vec<KeyChange>,
    /// Requests may count against accounts that they name.
    pub payers: bool,
}

/// What the feed has after a cursor.
#[derive(Debug)]
pub(super) struct Heard {
    /// The next cursor.
    pub(super) cursor: u64,
    /// The keys that changed, without duplicates; `None` if the feed does not reach back that far.
    pub(super) changed: Option<Vec<TokenHash>>,
    /// There are customers or tags.
    pub(super) has_payers: bool,
}

/// Initializes the feed of a new database.
pub(super) async fn begin(store: &Store) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO feed (id, last) VALUES (1, $1) ON CONFLICT DO NOTHING")
        .bind(clock::now().as_microsecond())
        .execute(&store.writers)
        .await?;
    Ok(())
}

/// Announces that these keys changed, and the retired keys that resolve to them, in the transaction that
/// changes them.
pub(super) async fn announce(
    transaction: &mut Transaction<'static, Any>,
    tokens: &[TokenHash],
) -> Result<(), StoreError> {
    let mut tokens: Vec<_> = tokens.iter().map(TokenHash::to_string).collect();
    for successors in tokens.clone().chunks(AT_ONCE) {
        let list = placeholders(1, successors.len());
        let sql = format!("SELECT token FROM retired_key WHERE successor IN ({list})");
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for successor in successors {
            query = query.bind(successor.as_str());
        }
        for row in query.fetch_all(&mut **transaction).await? {
            tokens.push(get(&row, 0)?);
        }
    }
    tell(transaction, &tokens).await
}

/// Keys affected by a change.
pub(super) enum Concerned {
    /// These.
    Keys(Vec<TokenHash>),
    /// More than one response can hold.
    TooMany,
}

/// The keys that meet a condition on a value.
pub(super) async fn concerned(
    transaction: &mut Transaction<'static, Any>,
    condition: &str,
    value: &str,
) -> Result<Concerned, StoreError> {
    let sql = format!("SELECT token FROM virtual_key WHERE {condition} LIMIT {}", KEPT + 1);
    let rows = sqlx::query(AssertSqlSafe(sql)).bind(value).fetch_all(&mut **transaction).await?;
    if i64::try_from(rows.len()).is_ok_and(|count| count > KEPT) {
        return Ok(Concerned::TooMany);
    }
    Ok(Concerned::Keys(rows.iter().map(|row| token(row, 0)).collect::<Result<_, _>>()?))
}

/// Announces them. Every announcement is the last statement of its transaction: a transaction that holds the
/// feed's row already holds all other rows that it needs, so transactions cannot deadlock.
pub(super) async fn announce_concerned(
    transaction: &mut Transaction<'static, Any>,
    concerned: &Concerned,
) -> Result<(), StoreError> {
    match concerned {
        Concerned::Keys(tokens) => announce(transaction, tokens).await,
        Concerned::TooMany => {
            // All filters drop everything, which is faster.
            sqlx::query("UPDATE feed SET last = last + 1 WHERE id = 1").execute(&mut **transaction).await?;
            sqlx::query("DELETE FROM change").execute(&mut **transaction).await?;
            Ok(())
        }
    }
}

async fn tell(transaction: &mut Transaction<'static, Any>, tokens: &[String]) -> Result<(), StoreError> {
    let Ok(count @ 1..) = i64::try_from(tokens.len()) else { return Ok(()) };
    let row = sqlx::query("UPDATE feed SET last = last + $1 WHERE id = 1 RETURNING last")
        .bind(count)
        .fetch_one(&mut **transaction)
        .await?;
    let last: i64 = get(&row, 0)?;
    let numbered: Vec<_> =
        (last - count + 1..).zip(tokens).filter(|(number, _)| *number > last - KEPT).collect();
    for rows in numbered.chunks(AT_ONCE) {
        let sql = format!("INSERT INTO change (seq, token) VALUES {}", Places::Numbered.rows(rows.len(), 2));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (number, token) in rows {
            query = query.bind(*number).bind(token.as_str());
        }
        query.execute(&mut **transaction).await?;
    }
    sqlx::query("DELETE FROM change WHERE seq <= $1").bind(last - KEPT).execute(&mut **transaction).await?;
    Ok(())
}

impl Store {
    /// The current position of the feed.
    pub async fn cursor(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT last FROM feed WHERE id = 1").fetch_one(&self.readers).await?;
        Ok(u64::try_from(get::<i64, _>(&row, 0)?).unwrap_or_default())
    }

    /// What changed after `cursor`.
    pub(super) async fn changed_after(&self, cursor: Option<u64>) -> Result<Heard, StoreError> {
        let asked = cursor.and_then(|cursor| i64::try_from(cursor).ok()).unwrap_or(i64::MAX);
        // A single statement sees a consistent snapshot.
        let rows = sqlx::query(
            "SELECT feed.last, change.seq, change.token AS changed, \
             (SELECT COUNT(*) FROM (SELECT 1 FROM account WHERE kind IN ('customer', 'tag') LIMIT 1) AS one) AS payers \
             FROM feed LEFT JOIN change ON change.seq > $1 WHERE feed.id = 1 ORDER BY change.seq",
        )
        .bind(asked)
        .fetch_all(&self.readers)
        .await?;
        let Some(first) = rows.first() else {
            return Err(StoreError::Corrupt("the feed table is empty".to_owned()));
        };
        let last: i64 = get(first, "last")?;
        let next: Option<i64> = get(first, "seq")?;
        let cursor = u64::try_from(last).unwrap_or_default();
        let has_payers = get::<i64, _>(first, "payers")? > 0;
        // Numbers have no gaps: unless the next change directly follows the cursor, some were deleted.
        let continues = asked == last || next.is_some_and(|next| Some(next) == asked.checked_add(1));
        if !continues {
            return Ok(Heard { cursor, changed: None, has_payers });
        }
        let mut heard = BTreeSet::new();
        let mut changed = Vec::new();
        for row in rows.iter().filter(|_| next.is_some()) {
            let token = token(row, "changed")?;
            if heard.insert(token) {
                changed.push(token);
            }
        }
        Ok(Heard { cursor, changed: Some(changed), has_payers })
    }

    /// The changes after `cursor`; without a cursor, only the current position.
    pub async fn changes_after(&self, cursor: Option<u64>) -> Result<Changes, StoreError> {
        let Heard { cursor, changed, has_payers } = self.changed_after(cursor).await?;
        let payers = has_payers || self.limits_all_customers();
        let Some(changed) = changed else {
            return Ok(Changes { cursor, reset: true, changes: Vec::new(), payers });
        };
        // The keys are read after the numbers, so they may be newer than the cursor, but never older.
        let mut records = self.records(&changed).await?;
        let told =
            changed.into_iter().map(|token| KeyChange { token, key: records.remove(&token) }).collect();
        Ok(Changes { cursor, reset: false, changes: told, payers })
    }
}
