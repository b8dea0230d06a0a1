//! A Postgres for the tests, when `TEST_DATABASE=postgres` asks for one: the server at `TEST_POSTGRES_URL`, or one of our
//! own that is started from the programs of this machine and ends with the tests.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

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
    static SERVER: OnceLock<(String, Option<Child>)> = OnceLock::new();
    let (url, _) = SERVER.get_or_init(|| match std::env::var("TEST_POSTGRES_URL") {
        Ok(url) if !url.is_empty() => (url, None),
        _ => start(),
    });
    url
}

fn start() -> (String, Option<Child>) {
    let programs = programs().unwrap_or_else(|| {
        panic!(
            "TEST_DATABASE=postgres, but there is neither TEST_POSTGRES_URL nor the program initdb; install Postgres \
             (apt-get install postgresql) or name a server"
        )
    });
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // Ends the server and removes its files when the tests end, in whatever way: then nobody holds our side of the pipe.
    let script = r#"
        set -e
        directory=$(mktemp -d)
        trap 'rm -rf "$directory"' EXIT
        "$1/initdb" -D "$directory/data" -A trust -U postgres -E UTF8 --no-sync >/dev/null
        "$1/postgres" -D "$directory/data" -k "$directory" -h 127.0.0.1 -p "$2" -c fsync=off -c max_connections=400 \
            >/dev/null 2>&1 </dev/null &
        server=$!
        cat >/dev/null
        kill -INT $server
        wait $server || true
    "#;
    // Postgres refuses to work for root.
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let mut command = Command::new(if root { "runuser" } else { "sh" });
    if root {
        command.args(["-u", "postgres", "--", "sh"]);
    }
    command.args(["-c", script, "sh"]).arg(&programs).arg(port.to_string()).current_dir("/");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let since = Instant::now();
    let ready = || {
        let port = port.to_string();
        let arguments = ["-q", "-h", "127.0.0.1", "-p", &port];
        Command::new(programs.join("pg_isready"))
            .args(arguments)
            .status()
            .is_ok_and(|status| status.success())
    };
    while !ready() {
        assert!(child.try_wait().unwrap().is_none(), "Postgres did not start");
        assert!(since.elapsed() < Duration::from_mins(1), "Postgres did not become ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.stdin.as_mut().unwrap().flush().unwrap();
    (format!("postgres://postgres@127.0.0.1:{port}/postgres"), Some(child))
}

/// The newest installed version's folder of programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        version.and_then(|version| version.parse::<u32>().ok())
    });
    found.pop().or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|directory| directory.join("initdb").exists())
    })
}
