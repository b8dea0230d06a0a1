//! Migrates the tables. Add a file to `migrations/` and a row here; never change one that was released.

use std::borrow::Cow;

use sqlx::AnyPool;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::backend::Backend;

/// A migration's text, which may differ between the databases.
#[derive(Clone, Copy)]
enum Sql {
    Both(&'static str),
    Each { sqlite: &'static str, postgres: &'static str },
}

impl Sql {
    fn on(self, backend: Backend) -> &'static str {
        match (self, backend) {
            (Self::Both(sql), _)
            | (Self::Each { sqlite: sql, .. }, Backend::Sqlite)
            | (Self::Each { postgres: sql, .. }, Backend::Postgres) => sql,
        }
    }
}

const ALL: [(i64, &str, Sql); 15] = [
    (1, "keys", Sql::Both(include_str!("../../migrations/0001_keys.sql"))),
    (2, "accounts", Sql::Both(include_str!("../../migrations/0002_accounts.sql"))),
    (3, "listing", Sql::Both(include_str!("../../migrations/0003_listing.sql"))),
    (4, "blocks", Sql::Both(include_str!("../../migrations/0004_blocks.sql"))),
    (5, "spend log", Sql::Both(include_str!("../../migrations/0005_spend_log.sql"))),
    (6, "responses", Sql::Both(include_str!("../../migrations/0006_responses.sql"))),
    (7, "spend segments", Sql::Both(include_str!("../../migrations/0007_spend_segments.sql"))),
    (8, "models", Sql::Both(include_str!("../../migrations/0008_models.sql"))),
    (9, "sessions", Sql::Both(include_str!("../../migrations/0009_sessions.sql"))),
    (10, "replicas", Sql::Both(include_str!("../../migrations/0010_replicas.sql"))),
    (11, "audit log", Sql::Both(include_str!("../../migrations/0011_audit_log.sql"))),
    (12, "payers", Sql::Both(include_str!("../../migrations/0012_payers.sql"))),
    (13, "usage", Sql::Both(include_str!("../../migrations/0013_usage.sql"))),
    (14, "attempts", Sql::Both(include_str!("../../migrations/0014_attempts.sql"))),
    (
        15,
        "key search",
        Sql::Each {
            sqlite: include_str!("../../migrations/0015_key_search.sqlite.sql"),
            postgres: include_str!("../../migrations/0015_key_search.postgres.sql"),
        },
    ),
];

/// Applies missing migrations. If several services start at the same time, only one applies them: on Postgres
/// sqlx ensures this; on SQLite, which sqlx does not lock, all migrations are a single transaction.
pub(super) async fn run(pool: &AnyPool, backend: Backend) -> Result<(), MigrateError> {
    let migrations = ALL.map(|(version, description, sql)| {
        let sql = sql.on(backend);
        Migration::new(version, Cow::Borrowed(description), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.into());
    match backend {
        Backend::Postgres => migrator.run(pool).await,
        Backend::Sqlite => {
            let mut transaction = pool.begin_with(backend.begin_write()).await?;
            migrator.run(&mut *transaction).await?;
            Ok(transaction.commit().await?)
        }
    }
}
