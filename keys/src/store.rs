//! The database: the only room that knows SQL.
//!
//! One set of queries and migrations for SQLite and Postgres, through sqlx's `Any` driver: numbered placeholders
//! (`$1`), `ON CONFLICT` and `RETURNING` mean the same on both, and the columns have only types that both share.
//! What differs (how a transaction begins, how many may write) is in `backend`. Two hand-made backends would
//! have been every query twice and half of them tested.

mod accounts;
mod backend;
mod blocks;
mod budgets;
mod cache;
mod charges;
mod feed;
mod imports;
mod key_row;
mod keys;
mod leases;
mod listing;
mod migrations;
mod models;
mod records;
mod spend_log;
mod sql;
mod together;
mod usage;
mod users;

use core::fmt;
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyPool, ColumnIndex, Decode, Row, Transaction, Type};

pub use accounts::{AccountRow, Kind, member_id};
pub use backend::{OpenError, default_url};
pub use blocks::BLOCK;
pub use budgets::Due;
pub use feed::Changes;
pub use key_row::KeyRow;
pub use keys::{Creation, Owner};
pub use listing::{KeyFilter, KeyPage, Order, Status};
pub use models::{ModelBudget, budgets as model_budgets, limits as model_limits, windows as budget_windows};
pub use spend_log::{MOST as MOST_SPEND_ROWS, SpendDay, SpendFilter, SpendRow};
pub use users::AccountFilter;

pub use cache::Verified;

use backend::Backend;
use cache::Cache;
use together::Together;

/// A handle on the database; a clone is another handle on the same.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
    /// Connections that only read.
    readers: AnyPool,
    /// Connections that write: one for SQLite, which has one writer, so that waiting is a queue here and never a
    /// "database is locked" there; many for Postgres.
    writers: AnyPool,
    cache: Arc<Cache>,
    together: Arc<Together>,
}

/// Why the database did not do what it was asked to.
#[derive(Debug)]
pub enum StoreError {
    /// Another live key has this alias.
    AliasTaken(String),
    /// Another key has this hash.
    KeyTaken,
    /// It did not answer, or refused.
    Database(sqlx::Error),
    /// It holds something that this program did not write there.
    Corrupt(String),
}

impl Store {
    /// Opens the database, creates it when it is a SQLite file that is not there, and brings its tables up to date.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let store = backend::open(url).await?;
        migrations::run(&store.writers, store.backend)
            .await
            .map_err(|error| OpenError::migration(url, &error))?;
        feed::begin(&store).await.map_err(|error| OpenError::database(url, &error))?;
        Ok(store)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT last FROM feed WHERE id = 1").fetch_one(&self.readers).await?;
        Ok(())
    }

    /// Waits for what is being written and closes all connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    /// Begins a transaction that will write.
    async fn write(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.writers.begin_with(self.backend.begin_write()).await?)
    }

    /// Begins a transaction that will add or delete keys.
    async fn write_keys(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.writers.begin_with(self.backend.begin_write_keys()).await?)
    }

    /// Begins a transaction that sees one state of the database, whatever is committed meanwhile.
    async fn read(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.readers.begin_with(self.backend.begin_read()).await?)
    }

    /// Commits it; from now on nobody is told what was before.
    async fn commit(&self, transaction: Transaction<'static, Any>) -> Result<(), StoreError> {
        let committed = transaction.commit().await;
        // Even a failure: the answer may have been lost, not the commit.
        self.cache.committed();
        Ok(committed?)
    }

    /// The same, for a transaction that makes, changes or deletes keys.
    async fn commit_keys(&self, transaction: Transaction<'static, Any>) -> Result<(), StoreError> {
        let committed = self.commit(transaction).await;
        self.cache.keys_changed();
        committed
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AliasTaken(alias) => write!(f, "duplicate key alias '{alias}'"),
            Self::KeyTaken => f.write_str("duplicate key hash"),
            Self::Database(error) => error.fmt(f),
            Self::Corrupt(what) => write!(f, "invalid data in the database: {what}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// A column's value, its type inferred from where it goes.
fn get<'r, T, I>(row: &'r AnyRow, column: I) -> Result<T, StoreError>
where
    T: Decode<'r, Any> + Type<Any>,
    I: ColumnIndex<AnyRow>,
{
    Ok(row.try_get(column)?)
}
