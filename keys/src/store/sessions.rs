//! Sessions of the console. Only hashes of their cookies are stored.

use jiff::Timestamp;

use super::{Store, StoreError, get};
use crate::clock;

/// A session.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// What its holder has presented.
    pub holder: String,
    /// When it began.
    pub created_at: Timestamp,
    /// Its last use, to the minute.
    pub seen_at: Timestamp,
}

impl Store {
    /// Begins a session.
    pub async fn insert_session(&self, id: &str, holder: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO console_session (id, holder, created_at, seen_at) VALUES ($1, $2, $3, $3)")
            .bind(id)
            .bind(holder)
            .bind(now.as_microsecond())
            .execute(&self.writers)
            .await?;
        Ok(())
    }

    /// The session with this hash.
    pub async fn session(&self, id: &str) -> Result<Option<SessionRow>, StoreError> {
        let row = sqlx::query("SELECT holder, created_at, seen_at FROM console_session WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| {
            Ok(SessionRow {
                holder: get(&row, 0)?,
                created_at: clock::from_micros(get(&row, 1)?),
                seen_at: clock::from_micros(get(&row, 2)?),
            })
        })
        .transpose()
    }

    /// The session is in use.
    pub async fn touch_session(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("UPDATE console_session SET seen_at = $1 WHERE id = $2")
            .bind(now.as_microsecond())
            .bind(id)
            .execute(&self.writers)
            .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn delete_session(&self, id: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM console_session WHERE id = $1").bind(id).execute(&self.writers).await?;
        Ok(())
    }

    /// Deletes the sessions that began, or were last used, before these moments.
    pub async fn forget_sessions(&self, begun: Timestamp, seen: Timestamp) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM console_session WHERE created_at < $1 OR seen_at < $2")
            .bind(begun.as_microsecond())
            .bind(seen.as_microsecond())
            .execute(&self.writers)
            .await?;
        Ok(())
    }
}
