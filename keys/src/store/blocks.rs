//! Counts keys, and finds the key at a distant position of the list, without scanning.
//!
//! Keys are listed in the order of their creation. Older keys are divided into blocks; a row stores the time
//! at which a block ends and its number of keys. Adding or deleting a key updates the count of its block in
//! the same transaction, so pages are exact. The newest keys, the *tail*, are in no block, because everyone
//! who creates keys at the same time would wait for its row. The tail is counted on demand, and cut before it
//! becomes long.
//!
//! Between finding its block and committing, a transaction must not see the blocks change: it holds a shared
//! lock, and cutting blocks needs an exclusive one. (SQLite has a single writer, and needs no lock.)

use sqlx::{Any, Transaction};

use super::{Store, StoreError, get};

/// Keys per block. Smaller blocks mean more rows to add up per page, larger ones a longer scan to the start
/// of a page; with a million keys neither takes more than a quarter of a millisecond.
pub const BLOCK: i64 = 4_000;

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Total number of keys.
    pub(super) total: u64,
    /// Only keys created up to this time count, or after it in the other direction; all if `None`.
    pub(super) bound: Option<i64>,
    /// How many of those come before the page.
    pub(super) skip: i64,
}

/// Adds 1 or -1 to the counts of the blocks of keys, if they are in blocks. `created` are their creation
/// times.
pub(super) async fn count(
    transaction: &mut Transaction<'static, Any>,
    mut created: Vec<i64>,
    by: i64,
) -> Result<(), StoreError> {
    // In the same order for everyone, to avoid deadlocks.
    created.sort_unstable();
    for created_at in created {
        sqlx::query(
            "UPDATE key_block SET number_of_keys = number_of_keys + $1 \
             WHERE last_at = (SELECT MIN(last_at) FROM key_block WHERE last_at >= $2)",
        )
        .bind(by)
        .bind(created_at)
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

/// The key at that position of the list, starting at 0, as the transaction sees it.
pub(super) async fn place(
    transaction: &mut Transaction<'static, Any>,
    offset: i64,
    newest_first: bool,
) -> Result<Place, StoreError> {
    let row =
        sqlx::query("SELECT MAX(last_at), CAST(COALESCE(SUM(number_of_keys), 0) AS BIGINT) FROM key_block")
            .fetch_one(&mut **transaction)
            .await?;
    let (end, blocks): (Option<i64>, i64) = (get(&row, 0)?, get(&row, 1)?);
    // With a literal time, the planner can estimate the number of rows; otherwise it assumes a third of the
    // table.
    let row = sqlx::query("SELECT COUNT(*) FROM virtual_key WHERE created_at > $1")
        .bind(end.unwrap_or(i64::MIN))
        .fetch_one(&mut **transaction)
        .await?;
    let tail: i64 = get(&row, 0)?;
    // The block with the fewest keys before the position.
    let sql = if newest_first {
        "SELECT last_at, passed FROM (SELECT last_at, \
         CAST(SUM(number_of_keys) OVER (ORDER BY last_at DESC) - number_of_keys AS BIGINT) + $1 AS passed \
         FROM key_block) AS block WHERE passed <= $2 ORDER BY last_at LIMIT 1"
    } else {
        "SELECT last_at, passed FROM (SELECT last_at, \
         CAST(SUM(number_of_keys) OVER (ORDER BY last_at) AS BIGINT) + $1 AS passed \
         FROM key_block) AS block WHERE passed <= $2 ORDER BY last_at DESC LIMIT 1"
    };
    let row = sqlx::query(sql)
        .bind(if newest_first { tail } else { 0 })
        .bind(offset)
        .fetch_optional(&mut **transaction)
        .await?;
    let (bound, passed) = match &row {
        Some(row) => (Some(get(row, 0)?), get(row, 1)?),
        None => (None, 0),
    };
    Ok(Place { total: u64::try_from(blocks + tail).unwrap_or_default(), bound, skip: offset - passed })
}

impl Store {
    /// Cuts a long tail and long blocks into blocks of that many keys, and merges short blocks with their
    /// neighbors. Each cut is short, because it blocks everyone who creates or deletes a key.
    pub async fn arrange_keys(&self, block: i64) -> Result<(), StoreError> {
        let rows = sqlx::query("SELECT last_at, number_of_keys FROM key_block ORDER BY last_at")
            .fetch_all(&self.readers)
            .await?;
        let mut begin = i64::MIN;
        for row in &rows {
            let (end, keys): (i64, i64) = (get(row, 0)?, get(row, 1)?);
            if keys > 2 * block {
                while let Some(cut) = self.cut(begin, Some(end), block).await? {
                    begin = cut;
                }
            } else if keys < block / 4 {
                self.give_away(end).await?;
            }
            begin = end;
        }
        while self.cut_tail(block).await? {}
        Ok(())
    }

    /// Makes a block of the oldest keys of the tail if it is long; returns `false` if not.
    async fn cut_tail(&self, block: i64) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT MAX(last_at) FROM key_block").fetch_one(&self.readers).await?;
        let begin = get::<Option<i64>, _>(&row, 0)?.unwrap_or(i64::MIN);
        let long = sqlx::query(
            "SELECT token FROM virtual_key WHERE created_at > $1 ORDER BY created_at LIMIT 1 OFFSET $2",
        )
        .bind(begin)
        .bind(2 * block)
        .fetch_optional(&self.readers)
        .await?
        .is_some();
        Ok(long && self.cut(begin, None, block).await?.is_some())
    }

    /// Splits a block, which starts after `begin` and ends at `end` (or is the tail), after its first keys,
    /// and returns the position. `None` if there are too few keys, they have the same creation time, or
    /// another replica was faster.
    async fn cut(&self, begin: i64, end: Option<i64>, block: i64) -> Result<Option<i64>, StoreError> {
        let mut transaction = self.writers.begin_with(self.backend.begin_arranging()).await?;
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM key_block WHERE last_at = $1), (SELECT MIN(last_at) FROM key_block WHERE last_at > $2), \
             (SELECT created_at FROM virtual_key WHERE created_at > $3 ORDER BY created_at LIMIT 1 OFFSET $4)",
        )
        .bind(begin)
        .bind(begin)
        .bind(begin)
        .bind(block - 1)
        .fetch_one(&mut *transaction)
        .await?;
        let begins = get::<i64, _>(&row, 0)? == 1 || begin == i64::MIN;
        let (ends, cut): (Option<i64>, Option<i64>) = (get(&row, 1)?, get(&row, 2)?);
        let Some(cut) = cut.filter(|cut| begins && ends == end && end.is_none_or(|end| *cut < end)) else {
            return Ok(None);
        };
        let row = sqlx::query("SELECT COUNT(*) FROM virtual_key WHERE created_at > $1 AND created_at <= $2")
            .bind(begin)
            .bind(cut)
            .fetch_one(&mut *transaction)
            .await?;
        let keys: i64 = get(&row, 0)?;
        sqlx::query("INSERT INTO key_block (last_at, number_of_keys) VALUES ($1, $2)")
            .bind(cut)
            .bind(keys)
            .execute(&mut *transaction)
            .await?;
        if let Some(end) = end {
            sqlx::query("UPDATE key_block SET number_of_keys = number_of_keys - $1 WHERE last_at = $2")
                .bind(keys)
                .bind(end)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(Some(cut))
    }

    /// Merges the block with the next one, or the tail.
    async fn give_away(&self, end: i64) -> Result<(), StoreError> {
        let mut transaction = self.writers.begin_with(self.backend.begin_arranging()).await?;
        let row = sqlx::query("DELETE FROM key_block WHERE last_at = $1 RETURNING number_of_keys")
            .bind(end)
            .fetch_optional(&mut *transaction)
            .await?;
        if let Some(row) = row {
            let keys: i64 = get(&row, 0)?;
            sqlx::query(
                "UPDATE key_block SET number_of_keys = number_of_keys + $1 \
                 WHERE last_at = (SELECT MIN(last_at) FROM key_block WHERE last_at > $2)",
            )
            .bind(keys)
            .bind(end)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}
