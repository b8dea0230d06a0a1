//! Leases, stored in the database: all replicas of the service share the same books.

use sqlx::{Any, Transaction};
use switchboard::key::Account;
use switchboard::key::lease::{Lease, LeaseAsk};

use super::limits::kind_name;
use super::models::window_kind;
use super::{Store, StoreError, get};
use crate::clock;
use crate::lease::Book;

impl Store {
    /// Answers the asks of a holder, in order.
    pub async fn lease(&self, instance: &str, asks: &[LeaseAsk]) -> Result<Vec<Lease>, StoreError> {
        if asks.is_empty() {
            return Ok(Vec::new());
        }
        // All replicas lock books in the same order, to avoid deadlocks.
        let mut order: Vec<_> = (0..asks.len()).collect();
        order.sort_by(|a, b| asks.get(*a).map(|ask| &ask.account).cmp(&asks.get(*b).map(|ask| &ask.account)));
        let mut leases: Vec<Option<Lease>> = vec![None; asks.len()];
        let mut transaction = self.write().await?;
        for at in order {
            let (Some(ask), Some(lease)) = (asks.get(at), leases.get_mut(at)) else { continue };
            *lease = Some(self.lease_one(&mut transaction, instance, ask).await?);
        }
        self.commit(transaction).await?;
        Ok(leases.into_iter().flatten().collect())
    }

    async fn lease_one(
        &self,
        transaction: &mut Transaction<'static, Any>,
        instance: &str,
        ask: &LeaseAsk,
    ) -> Result<Lease, StoreError> {
        let kind = kind_name(ask.account.kind);
        let kind = if ask.account.window.is_some() { window_kind(kind) } else { kind };
        let part = ask.account.window.as_deref().or(ask.account.model.as_deref());
        let model = part.unwrap_or_default();
        let mut book = self.book(transaction, kind, &ask.account.id, model).await?;
        // Read after the book is locked: a holder's batch is committed before its ask, so the spend includes
        // everything that the book no longer does.
        let account = self.limits(&ask.account).await?;
        // A deleted account limits nothing; the feed notifies the filter.
        let account = account.unwrap_or_else(|| Account::new(ask.account.clone()));
        let now = clock::now();
        let lease =
            book.ask(u64::try_from(now.as_millisecond()).unwrap_or_default(), instance, ask, &account);
        let text = serde_json::to_string(&book).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        sqlx::query(
            "INSERT INTO lease (kind, id, model, book, asked_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (kind, id, model) DO UPDATE SET book = excluded.book, asked_at = excluded.asked_at",
        )
        .bind(kind)
        .bind(&ask.account.id)
        .bind(model)
        .bind(text)
        .bind(now.as_microsecond())
        .execute(&mut **transaction)
        .await?;
        Ok(lease)
    }

    /// Locks and reads a book; a missing one is empty.
    async fn book(
        &self,
        transaction: &mut Transaction<'static, Any>,
        kind: &str,
        id: &str,
        model: &str,
    ) -> Result<Book, StoreError> {
        if let Some(lock) = self.backend.lock_name() {
            sqlx::query(lock).bind(format!("{kind} {model} {id}")).execute(&mut **transaction).await?;
        }
        let row = sqlx::query("SELECT book FROM lease WHERE kind = $1 AND id = $2 AND model = $3")
            .bind(kind)
            .bind(id)
            .bind(model)
            .fetch_optional(&mut **transaction)
            .await?;
        let Some(row) = row else { return Ok(Book::default()) };
        let text: String = get(&row, 0)?;
        // An invalid book was written by another version: start with an empty one rather than reject requests
        // forever.
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Deletes the books without asks since `before`.
    pub async fn forget_leases(&self, before: jiff::Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("DELETE FROM lease WHERE asked_at < $1")
            .bind(before.as_microsecond())
            .execute(&self.writers)
            .await?;
        Ok(forgotten.rows_affected())
    }
}
