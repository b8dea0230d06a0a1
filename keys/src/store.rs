//! The database. This is the only module with SQL.
//!
//! The same queries and migrations serve SQLite and Postgres, through sqlx's `Any` driver: numbered
//! placeholders (`$1`), `ON CONFLICT` and `RETURNING` have the same meaning in both, and columns use only
//! types that both share. Differences (how a transaction begins, how many connections may write) are in
//! `backend`. With two separate backends, every query would exist twice, and half of them would be tested
//! less.

mod accounts;
mod audit;
mod backend;
mod blocks;
mod budgets;
mod cache;
mod charges;
mod customers;
mod deletions;
mod directory;
mod feed;
mod gateway;
mod imports;
mod key_row;
mod key_text;
mod keys;
mod kind;
mod leases;
mod limits;
mod listing;
mod log;
mod migrations;
mod models;
mod of_team;
mod outcomes;
mod recorder;
mod records;
mod replicas;
mod requests;
mod responses;
mod rollups;
mod sessions;
mod shared_accounts;
mod spend_log;
mod spenders;
mod spends;
mod sql;
mod stored_models;
mod tags;
mod together;
mod usage;
mod users;

use core::fmt;
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{Any, AnyPool, ColumnIndex, Decode, Row, Transaction, Type};

pub use accounts::{AccountRow, member_id};
pub use audit::{AuditFilter, AuditRow};
pub use backend::{OpenError, default_url};
pub use blocks::BLOCK;
pub use budgets::Due;
pub use customers::CustomerDefault;
pub use directory::{Accounts, At, Listing, Position, Sort};
pub use feed::Changes;
pub use key_row::KeyRow;
pub use keys::{Creation, Owner};
pub use kind::Kind;
pub use listing::{KeyFilter, KeyPage, Order, Status};
pub use models::{ModelBudget, budgets as model_budgets, limits as model_limits, windows as budget_windows};
pub use outcomes::Outcomes;
pub use requests::{Cursor, Outcome, RequestFilter, RequestPage};
pub use responses::{
    Chain, LIFE as RESPONSE_LIFE, MOST_BYTES as MOST_RESPONSE_BYTES, MOST_CHAIN_BYTES, MOST_TURNS,
    NewResponse, StoredResponse,
};
pub use rollups::{
    By, Failures, Histogram, KeyNames, Scope, Sums, Unit, UsageQuery, UsageRow, hour_of, time_of,
};
pub use sessions::SessionRow;
pub use spend_log::{MOST as MOST_SPEND_ROWS, SpendAttempt, SpendDay, SpendFilter, SpendRow};
pub use spenders::Spender;
pub use stored_models::ModelRow;
pub use users::AccountFilter;

pub use cache::Verified;

use backend::Backend;
use cache::Cache;
use recorder::Recorder;
use spends::Charged;
use together::Together;

/// A handle to the database. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Backend,
    /// Connections that only read.
    readers: AnyPool,
    /// Connections that write: one for SQLite, which has a single writer, so that writers queue here instead
    /// of getting "database is locked"; several for Postgres.
    writers: AnyPool,
    cache: Arc<Cache>,
    together: Arc<Together>,
    charged: Arc<Charged>,
    recorder: Arc<Recorder>,
    gateway: Arc<gateway::HasBudget>,
    customers: Arc<customers::InUse>,
}

/// Why a database operation failed.
#[derive(Debug)]
pub enum StoreError {
    /// Another key already has this alias.
    AliasTaken(String),
    /// Another key already has this hash.
    KeyTaken,
    /// The database did not respond, or returned an error.
    Database(sqlx::Error),
    /// The database contains invalid data.
    Corrupt(String),
}

impl Store {
    /// Opens the database, creates a SQLite file that does not exist, and migrates the tables.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let store = backend::open(url).await?;
        migrations::run(&store.writers, store.backend)
            .await
            .map_err(|error| OpenError::migration(url, &error))?;
        feed::begin(&store).await.map_err(|error| OpenError::database(url, &error))?;
        Ok(store)
    }

    /// Checks that the database responds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT last FROM feed WHERE id = 1").fetch_one(&self.readers).await?;
        Ok(())
    }

    /// Finishes pending writes and closes all connections.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writers.close().await;
    }

    /// Begins a transaction that writes.
    async fn write(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.writers.begin_with(self.backend.begin_write()).await?)
    }

    /// Begins a transaction that adds or deletes keys.
    async fn write_keys(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.writers.begin_with(self.backend.begin_write_keys()).await?)
    }

    /// Begins a transaction that sees a consistent snapshot.
    async fn read(&self) -> Result<Transaction<'static, Any>, StoreError> {
        Ok(self.readers.begin_with(self.backend.begin_read()).await?)
    }

    /// Commits a transaction; cached state from before it is no longer used.
    async fn commit(&self, transaction: Transaction<'static, Any>) -> Result<(), StoreError> {
        let committed = transaction.commit().await;
        // After a failure, too: the response may have been lost, not the commit.
        self.cache.committed();
        Ok(committed?)
    }

    /// The same, for a transaction that creates, changes or deletes keys.
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

/// A column's value, with the type inferred from its use.
fn get<'r, T, I>(row: &'r AnyRow, column: I) -> Result<T, StoreError>
where
    T: Decode<'r, Any> + Type<Any>,
    I: ColumnIndex<AnyRow>,
{
    Ok(row.try_get(column)?)
}
