//! Migrates the tables. Add a file to `migrations/` and a row here; never change one that was released.

use std::borrow::Cow;

use sqlx::AnyPool;
use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::backend::Backend;

const ALL: [(i64, &str, &str); 13] = [
    (1, "keys", include_str!("../../migrations/0001_keys.sql")),
    (2, "accounts", include_str!("../../migrations/0002_accounts.sql")),
    (3, "listing", include_str!("../../migrations/0003_listing.sql")),
    (4, "blocks", include_str!("../../migrations/0004_blocks.sql")),
    (5, "spend log", include_str!("../../migrations/0005_spend_log.sql")),
    (6, "responses", include_str!("../../migrations/0006_responses.sql")),
    (7, "spend segments", include_str!("../../migrations/0007_spend_segments.sql")),
    (8, "models", include_str!("../../migrations/0008_models.sql")),
    (9, "sessions", include_str!("../../migrations/0009_sessions.sql")),
    (10, "replicas", include_str!("../../migrations/0010_replicas.sql")),
    (11, "audit log", include_str!("../../migrations/0011_audit_log.sql")),
    (12, "payers", include_str!("../../migrations/0012_payers.sql")),
    (13, "usage", include_str!("../../migrations/0013_usage.sql")),
];

/// Applies missing migrations. If several services start at the same time, only one applies them: on Postgres
/// sqlx ensures this; on SQLite, which sqlx does not lock, all migrations are a single transaction.
pub(super) async fn run(pool: &AnyPool, backend: Backend) -> Result<(), MigrateError> {
    let migrations = ALL.map(|(version, description, sql)| {
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
