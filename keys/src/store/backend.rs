//! Differences between the databases: how each is opened, and how a write transaction begins.

use core::fmt::{self, Write as _};
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use sqlx::any::AnyPoolOptions;
use sqlx::{AnyConnection, Connection};

use super::{Store, StoreError};

/// How long a request may wait for a connection before it is rejected.
const WAIT: Duration = Duration::from_secs(5);

/// SQLite readers; more than the cores of a small machine would only wait for each other.
const READERS: u32 = 4;

/// Postgres connections of a replica, for reading and for writing each.
const POSTGRES_CONNECTIONS: u32 = 10;

/// The kind of database.
#[derive(Clone, Copy, Debug)]
pub(super) enum Backend {
    /// A file with a single writer.
    Sqlite,
    /// A server that replicas of this service share.
    Postgres,
}

impl Backend {
    /// `BEGIN IMMEDIATE` takes SQLite's write lock immediately. Otherwise, a transaction that reads first and
    /// then finds another process writing could not wait, but would fail.
    pub(super) fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// Begins a transaction that adds or deletes keys; the blocks that count them must not change meanwhile.
    /// It is a single message to the server, which saves a round trip.
    pub(super) fn begin_write_keys(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN; SELECT pg_advisory_xact_lock_shared(hashtextextended('key_block', 0))",
        }
    }

    /// Begins a transaction that changes the blocks; keys must not be added or deleted meanwhile.
    pub(super) fn begin_arranging(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('key_block', 0))",
        }
    }

    /// Begins a transaction whose statements all see the same snapshot.
    pub(super) fn begin_read(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN",
            Self::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        }
    }

    /// Makes a `SELECT` lock the row until the end of the transaction.
    pub(super) fn for_update(self) -> &'static str {
        match self {
            // The transaction already holds the only write lock.
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// A query that locks a name until the end of the transaction. Unlike a row, a name can be locked before
    /// anything is stored under it.
    pub(super) fn lock_name(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"),
        }
    }
}

/// Why the database cannot be opened, and what to do.
#[derive(Debug)]
pub struct OpenError(String);

impl OpenError {
    /// The migration failed.
    pub(super) fn migration(url: &str, error: &sqlx::migrate::MigrateError) -> Self {
        Self(format!(
            "cannot migrate the database {}: {error}; it may have been written by a newer version",
            without_password(url)
        ))
    }

    /// The first query failed.
    pub(super) fn database(url: &str, error: &StoreError) -> Self {
        Self(format!("cannot use the database {}: {error}", without_password(url)))
    }

    fn directory(directory: &Path, error: &io::Error) -> Self {
        Self(format!(
            "cannot create the data directory {}: {error}; pass a writable directory with --data-dir",
            directory.display()
        ))
    }

    fn file(file: &Path, error: &io::Error) -> Self {
        Self(format!(
            "cannot open the database file {}: {error}; pass a writable location with --data-dir or --database-url",
            file.display()
        ))
    }

    fn url(url: &str) -> Self {
        Self(format!(
            "invalid database URL {}; expected sqlite:///absolute/path/to/file.db or postgres://user:password@host/database",
            without_password(url)
        ))
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OpenError {}

/// The default database: a file in the data directory, which is created with access for the current user
/// only.
pub fn default_url(data_dir: &Path) -> Result<String, OpenError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(|error| OpenError::directory(data_dir, &error))?;
    Ok(format!("sqlite://{}", data_dir.join("switchboard.db").display()))
}

/// Opens connections, without checking the tables.
pub(super) async fn open(url: &str) -> Result<Store, OpenError> {
    // sqlx's registry of drivers is global to the process.
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(sqlx::any::install_default_drivers);

    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => sqlite(url, Path::new(path)).await,
        Some(("postgres" | "postgresql", place)) if !place.is_empty() => postgres(url).await,
        _ => Err(OpenError::url(url)),
    }
}

async fn sqlite(url: &str, path: &Path) -> Result<Store, OpenError> {
    // SQLite creates `-wal` and `-shm` with the mode of the main file, so it is enough to create that one
    // privately.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| OpenError::file(path, &error))?;
    let path = fs::canonicalize(path).map_err(|error| OpenError::file(path, &error))?;
    let location = sqlite_url(&path).ok_or_else(|| OpenError::url(url))?;

    let fail = |error: sqlx::Error| OpenError::database(url, &error.into());
    // Not through a pool, which would keep retrying a file that is not a database. The journal mode is stored
    // in the file. With WAL, readers never wait for the writer.
    let mut first = AnyConnection::connect(&location).await.map_err(fail)?;
    let begun = Instant::now();
    // SQLite does not wait when it changes the mode, so if two services start at the same time, one gets
    // "locked".
    while let Err(error) =
        sqlx::raw_sql("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL").execute(&mut first).await
    {
        if !is_locked(&error) || begun.elapsed() > WAIT {
            return Err(fail(error));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.close().await.map_err(fail)?;

    let writers = connections(1).connect(&location).await.map_err(fail)?;
    let readers = connections(READERS).connect(&location).await.map_err(fail)?;
    Ok(Store {
        backend: Backend::Sqlite,
        readers,
        writers,
        cache: Arc::default(),
        together: Arc::default(),
        charged: Arc::default(),
        recorder: Arc::default(),
        gateway: Arc::default(),
        customers: Arc::default(),
    })
}

async fn postgres(url: &str) -> Result<Store, OpenError> {
    let fail = |error: sqlx::Error| OpenError::database(url, &error.into());
    // Not through a pool, which would keep retrying a wrong password.
    AnyConnection::connect(url).await.map_err(fail)?.close().await.map_err(fail)?;
    let pool = || AnyPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(WAIT);
    // Two pools: a transaction that also reads must not wait for a connection held by another such
    // transaction.
    let writers = pool().connect(url).await.map_err(fail)?;
    let readers = pool().connect(url).await.map_err(fail)?;
    Ok(Store {
        backend: Backend::Postgres,
        readers,
        writers,
        cache: Arc::default(),
        together: Arc::default(),
        charged: Arc::default(),
        recorder: Arc::default(),
        gateway: Arc::default(),
        customers: Arc::default(),
    })
}

/// Connections that wait for other processes' writes. NORMAL means no fsync per commit: commits survive a
/// killed process, but the last ones may be lost in a power failure.
fn connections(most: u32) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(most).acquire_timeout(WAIT).after_connect(|connection, _| {
        Box::pin(async move {
            let pragmas = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL";
            sqlx::raw_sql(pragmas).execute(connection).await.map(drop)
        })
    })
}

/// `SQLITE_BUSY`, or one of its extended codes.
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// The path as a URL, with special characters percent-encoded.
fn sqlite_url(path: &Path) -> Option<String> {
    let mut url = "sqlite://".to_owned();
    for byte in path.to_str()?.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    Some(url)
}

/// A URL without its credentials, for display.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_signs_of_a_url_is_still_that_path() {
        let url = sqlite_url(Path::new("/a b/100%/c?d#e/switchboard.db")).unwrap();
        assert_eq!(url, "sqlite:///a%20b/100%25/c%3Fd%23e/switchboard.db");
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(without_password("postgres://me:p@ss@host/db"), "postgres://…@host/db");
        assert_eq!(without_password("sqlite:///tmp/x.db"), "sqlite:///tmp/x.db");
    }
}
