//! A running Envoy with a filter of a few lines, and one request to it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use switchboard_compile::envoy::Site;
use switchboard_compile::plan::Plan;

/// `count` ports in a row that nobody listens on.
///
/// Below the range from which the system picks ports for connections, each given out once by this process, and from
/// another place in every process: tests run side by side.
pub fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let offset = NEXT.fetch_add(u32::from(count), Ordering::Relaxed);
        let first = 20_000 + u16::try_from((std::process::id() * 64 + offset) % 12_000).unwrap();
        if (first..first + count).all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()) {
            return first;
        }
    }
}

/// An Envoy that ends with the test.
pub struct Running {
    process: Child,
    /// Where clients reach it.
    pub port: u16,
}

impl Running {
    /// Starts `envoy` with what `up` would give it, and waits until it is ready.
    pub fn start(envoy: &Path, folder: &Path, plan: &Plan, wasm: &Path) -> Self {
        let port = free_ports(4);
        let mut site = super::site(wasm);
        (site.port, site.admin_port, site.keys_port) = (port, port + 1, port + 2);
        Self::start_on(envoy, folder, plan, &site)
    }

    fn start_on(envoy: &Path, folder: &Path, plan: &Plan, site: &Site) -> Self {
        let configuration = folder.join("running.json");
        std::fs::write(&configuration, super::configuration(plan, site)).unwrap();
        let arguments =
            ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "--config-path"];
        let process =
            Command::new(envoy).args(arguments).arg(configuration).stdin(Stdio::null()).spawn().unwrap();
        let running = Self { process, port: site.port };
        let deadline = Instant::now() + Duration::from_secs(30);
        while get(site.admin_port, "/ready", &[]).is_none_or(|answer| answer.status != 200) {
            assert!(Instant::now() < deadline, "Envoy does not get ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    /// A request that must be answered.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        get(self.port, path, headers).expect("Envoy answers")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

/// GET on loopback; nothing when nobody answers.
pub fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let headers = headers.concat();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    Some(Answer { status, content_type: content_type.to_owned(), body: body.to_owned() })
}

/// A server that hands the head of each request to `answer` and writes what comes back; nothing means silence.
pub fn serve(answer: impl Fn(&str) -> Option<String> + Send + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        // Connections that get no answer stay open.
        let mut silent = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            match answer(&String::from_utf8_lossy(&head)) {
                Some(answer) => drop(stream.write_all(answer.as_bytes())),
                None => silent.push(stream),
            }
        }
    });
    port
}

/// A filter that answers every request by itself with this status and the body `own words`.
pub fn answering_filter(folder: &Path, status: u16) -> PathBuf {
    let text = super::PASSING_FILTER
        .replacen(
            "(module",
            r#"(module
    (import "env" "proxy_send_local_response"
        (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (data (i32.const 16) "own words")"#,
            1,
        )
        .replacen(
            "(func (export \"proxy_on_vm_start\")",
            &format!(
                r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $answer (i32.const {status}) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 9)
            (i32.const 0) (i32.const 0) (i32.const -1)))
        (i32.const 1))
    (func (export "proxy_on_vm_start")"#
            ),
            1,
        );
    super::filter(folder, &format!("answering-{status}.wasm"), &text)
}
