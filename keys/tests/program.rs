//! The real program: its command line, its ports, its end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::app::{INTERNAL_TOKEN, MASTER_KEY};

const PATIENCE: Duration = Duration::from_secs(20);

/// A running service; killed when a test ends early.
pub(crate) struct Program {
    child: Child,
    pub(crate) public: SocketAddr,
    pub(crate) internal: SocketAddr,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard-keys"));
    command
        .current_dir(directory)
        .env_clear()
        .env("SWITCHBOARD_MASTER_KEY", MASTER_KEY)
        .env("SWITCHBOARD_INTERNAL_TOKEN", INTERNAL_TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn start(directory: &Path) -> Program {
    start_with(directory, &[])
}

fn start_with(directory: &Path, more: &[&str]) -> Program {
    start_in(directory, more, &[])
}

/// With more arguments, and with variables of its environment.
pub(crate) fn start_in(directory: &Path, more: &[&str], environment: &[(&str, &str)]) -> Program {
    let (public, internal) = (free_address(), free_address());
    let child = command(directory)
        .envs(environment.iter().copied())
        .args(["serve", "--listen", &public.to_string(), "--internal-listen", &internal.to_string()])
        .args(more)
        .spawn()
        .unwrap();
    let program = Program { child, public, internal };
    let since = Instant::now();
    while !http(public, "GET /health/readiness", "", "")
        .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    {
        assert!(since.elapsed() < PATIENCE, "the service did not become ready");
        std::thread::sleep(Duration::from_millis(20));
    }
    program
}

pub(crate) fn http(address: SocketAddr, start: &str, bearer: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{start} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {bearer}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Sends a signal and returns what the program left behind.
pub(crate) fn stop(mut program: Program, signal: &str) -> (Option<i32>, String, String) {
    let killed = Command::new("kill").args([signal, &program.child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let since = Instant::now();
    let status = loop {
        if let Some(status) = program.child.try_wait().unwrap() {
            break status;
        }
        assert!(since.elapsed() < PATIENCE, "the service did not stop");
        std::thread::sleep(Duration::from_millis(20));
    };
    let (mut out, mut log) = (String::new(), String::new());
    program.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    program.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    (status.code(), out, log)
}

fn fails(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert_eq!(status.code(), Some(2));
    assert_eq!(stdout, b"");
    let line = String::from_utf8(stderr).unwrap();
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");
    line
}

#[test]
fn it_serves_until_it_is_told_to_stop_and_then_ends_well() {
    for signal in ["-TERM", "-INT"] {
        let directory = TempDir::new().unwrap();
        let program = start(directory.path());
        let made = http(program.public, "POST /key/generate", MASTER_KEY, r#"{"key_alias":"real"}"#).unwrap();
        assert!(made.starts_with("HTTP/1.1 200"), "{made}");
        let sync = http(program.internal, "POST /internal/sync", INTERNAL_TOKEN, "{}").unwrap();
        assert!(sync.starts_with("HTTP/1.1 200"), "{sync}");

        // An idle connection does not hold up the end.
        let _idle = TcpStream::connect(program.public).unwrap();
        let (code, out, log) = stop(program, signal);
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(out, "");
        assert!(log.contains("key generated"), "{log}");

        let key = made.split(r#""key":""#).nth(1).unwrap().split('"').next().unwrap();
        assert!(key.starts_with("sk-") && key.len() == 25, "{key}");
        for secret in [key, MASTER_KEY, INTERNAL_TOKEN] {
            assert!(!log.contains(secret), "{log}");
        }
        assert!(directory.path().join(".switchboard/switchboard.db").exists());
    }
}

#[test]
fn a_port_in_use_is_told_with_the_option_that_chooses_another() {
    let directory = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = free_address().to_string();
    let line =
        fails(command(directory.path()).args(["serve", "--listen", &address, "--internal-listen", &free]));
    assert!(line.contains(&address) && line.contains("--listen"), "{line}");
    let line =
        fails(command(directory.path()).args(["serve", "--listen", &free, "--internal-listen", &address]));
    assert!(line.contains(&address) && line.contains("--internal-listen"), "{line}");
    let other = free_address().to_string();
    let ports = ["serve", "--listen", &free, "--internal-listen", &other, "--metrics-listen", &address];
    let line = fails(command(directory.path()).args(ports));
    assert!(line.contains(&address) && line.contains("--metrics-listen"), "{line}");
}

#[test]
fn the_port_of_the_metrics_has_the_metrics_and_nothing_else() {
    let directory = TempDir::new().unwrap();
    let metrics = free_address();
    let program = start_with(directory.path(), &["--metrics-listen", &metrics.to_string()]);
    let made = http(program.public, "POST /key/generate", MASTER_KEY, "{}").unwrap();
    assert!(made.starts_with("HTTP/1.1 200"), "{made}");
    for bearer in ["", "sk-anybody", INTERNAL_TOKEN, MASTER_KEY] {
        let told = http(metrics, "GET /metrics", bearer, "").unwrap();
        assert!(told.starts_with("HTTP/1.1 200"), "{told}");
        assert!(
            told.contains(r#"switchboard_keys_requests_total{path="/key/generate",status="200"} 1"#),
            "{told}"
        );
        for (call, body) in [
            ("POST /internal/sync", "{}"),
            ("POST /internal/verify", "{}"),
            ("POST /internal/lease", "{}"),
            ("POST /internal/media", r#"{"urls":[]}"#),
            ("POST /key/generate", "{}"),
            ("GET /key/list", ""),
            ("GET /health/readiness", ""),
            ("GET /", ""),
        ] {
            let refused = http(metrics, call, bearer, body).unwrap();
            assert!(refused.starts_with("HTTP/1.1 404"), "{call}: {refused}");
        }
        let refused = http(metrics, "POST /metrics", bearer, "").unwrap();
        assert!(refused.starts_with("HTTP/1.1 405"), "{refused}");
    }
    // The other ports go on asking who it is.
    for (port, right) in [(program.public, MASTER_KEY), (program.internal, INTERNAL_TOKEN)] {
        assert!(http(port, "GET /metrics", "", "").unwrap().starts_with("HTTP/1.1 401"));
        assert!(http(port, "GET /metrics", right, "").unwrap().starts_with("HTTP/1.1 200"));
    }
    let (code, _, log) = stop(program, "-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains(&format!("metrics={metrics}")), "{log}");
}

#[test]
fn missing_secrets_are_told_by_name() {
    let directory = TempDir::new().unwrap();
    let line = fails(command(directory.path()).arg("serve").env_remove("SWITCHBOARD_MASTER_KEY"));
    assert!(line.contains("SWITCHBOARD_MASTER_KEY or LITELLM_MASTER_KEY"), "{line}");
    let line = fails(command(directory.path()).arg("serve").env("SWITCHBOARD_INTERNAL_TOKEN", ""));
    assert!(line.contains("SWITCHBOARD_INTERNAL_TOKEN"), "{line}");
}

#[test]
fn the_master_key_is_ours_before_litellms() {
    let directory = TempDir::new().unwrap();
    let (public, internal) = (free_address(), free_address());
    for (ours, key) in [("", "sk-from-litellm"), ("sk-ours", "sk-ours")] {
        let child = command(directory.path())
            .args(["serve", "--listen", &public.to_string(), "--internal-listen", &internal.to_string()])
            .env("SWITCHBOARD_MASTER_KEY", ours)
            .env("LITELLM_MASTER_KEY", "sk-from-litellm")
            .spawn()
            .unwrap();
        let program = Program { child, public, internal };
        let since = Instant::now();
        let answer = loop {
            match http(public, "POST /key/generate", key, "{}") {
                Ok(answer) => break answer,
                Err(error) => assert!(since.elapsed() < PATIENCE, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert_eq!(stop(program, "-TERM").0, Some(0));
    }
}

#[test]
fn a_database_that_cannot_be_used_is_told_with_what_to_do() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "this is no database, but it is long enough to be taken for one").unwrap();

    let inside = file.join("data").display().to_string();
    let line = fails(command(directory.path()).args(["serve", "--data-dir", &inside]));
    assert!(line.contains("cannot create the data directory") && line.contains("--data-dir"), "{line}");

    let missing = format!("sqlite://{}/none/x.db", directory.path().display());
    let line = fails(command(directory.path()).args(["serve", "--database-url", &missing]));
    assert!(line.contains("cannot open the database file"), "{line}");

    let broken = format!("sqlite://{}", file.display());
    let line = fails(command(directory.path()).args(["serve", "--database-url", &broken]));
    assert!(line.contains("not a database"), "{line}");

    let line = fails(command(directory.path()).arg("serve").env("DATABASE_URL", "mysql://me:hidden@host/db"));
    assert!(line.contains("mysql://…@host/db") && !line.contains("hidden"), "{line}");
}

#[test]
fn help_teaches_the_first_call() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_switchboard-keys")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for word in ["--internal-listen", "SWITCHBOARD_MASTER_KEY", "/key/generate", "DATABASE_URL"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}
