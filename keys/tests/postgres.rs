//! A Postgres for the tests, when `TEST_DATABASE=postgres` asks for one: the server at `TEST_POSTGRES_URL`, or one of our
//! own that is started from the programs of this machine and ends with the tests.

use std::sync::OnceLock;

use local_postgres::Server;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

/// Whether the tests are to use Postgres.
pub fn wanted() -> bool {
    match std::env::var("TEST_DATABASE").as_deref() {
        Ok("postgres") => true,
        Ok("sqlite" | "") | Err(_) => false,
        Ok(other) => panic!("TEST_DATABASE is sqlite or postgres, not {other}"),
    }
}

/// The URL of a schema of this name, which is made when it is not there. Every test has one of its own.
pub async fn schema(name: &str) -> String {
    sqlx::any::install_default_drivers();
    let server = server();
    let mut connection = AnyConnection::connect(server).await.unwrap();
    let sql = format!("CREATE SCHEMA IF NOT EXISTS {name}");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let join = if server.contains('?') { '&' } else { '?' };
    format!("{server}{join}options=-c%20search_path%3D{name}")
}

fn server() -> &'static str {
    static SERVER: OnceLock<(String, Option<Server>)> = OnceLock::new();
    let (url, _) = SERVER.get_or_init(|| match std::env::var("TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => (url, None),
        _ => {
            let server = Server::start().unwrap_or_else(|error| {
                panic!(
                    "TEST_DATABASE=postgres, there is no TEST_POSTGRES_URL, and none can be started: {error}"
                )
            });
            (server.url(), Some(server))
        }
    });
    url
}
