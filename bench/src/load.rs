//! The load generator: a few connections, each with one request at a time, as fast as the answers come.

use std::io;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A request as bytes on the wire, and nothing left to do but to send it.
#[derive(Clone, Debug)]
pub struct Request(Rc<Vec<u8>>);

impl Request {
    /// A POST request with a JSON body.
    pub fn new(path: &str, headers: &[(&str, &str)], body: &Value) -> Self {
        let body = body.to_string();
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        Self(Rc::new(format!("{head}\r\n{body}").into_bytes()))
    }

    /// A GET request.
    pub fn get(path: &str, headers: &[(&str, &str)]) -> Self {
        let mut head = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n");
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        Self(Rc::new(format!("{head}\r\n").into_bytes()))
    }
}

/// What a run of the generator gave.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Requests that were answered.
    pub requests: u64,
    /// How long each took, the quickest first.
    pub latencies: Vec<Duration>,
    /// How long all took.
    pub elapsed: Duration,
}

impl Outcome {
    /// The time in which so many of a hundred requests were answered.
    pub fn quantile(&self, percent: usize) -> Duration {
        let index = self.latencies.len() * percent / 100;
        self.latencies.get(index).or(self.latencies.last()).copied().unwrap_or_default()
    }

    /// Requests per second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a bench does not send 2^52 requests")]
        let requests = self.requests as f64;
        requests / self.elapsed.as_secs_f64()
    }
}

/// Sends the request over and over for that time. An answer that is not a 200 ends the run.
pub async fn run(port: u16, request: &Request, connections: usize, time: Duration) -> io::Result<Outcome> {
    let request = request.clone();
    run_each(port, connections, time, move || request.clone()).await
}

/// Sends the requests that `next` gives, for that time. An answer that is not a 200 ends the run.
pub async fn run_each(
    port: u16,
    connections: usize,
    time: Duration,
    next: impl Fn() -> Request + 'static,
) -> io::Result<Outcome> {
    let next = Rc::new(next);
    let begun = Instant::now();
    let end = begun + time;
    let local = tokio::task::LocalSet::new();
    let mut outcome = Outcome::default();
    local
        .run_until(async {
            let mut running = JoinSet::new();
            for _ in 0..connections {
                running.spawn_local(connection(port, Rc::clone(&next), end));
            }
            while let Some(finished) = running.join_next().await {
                let latencies = finished.map_err(io::Error::other)??;
                outcome.requests += latencies.len() as u64;
                outcome.latencies.extend(latencies);
            }
            Ok::<(), io::Error>(())
        })
        .await?;
    outcome.elapsed = begun.elapsed();
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

async fn connection(port: u16, next: Rc<impl Fn() -> Request>, end: Instant) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(256 * 1024);
    let mut latencies = Vec::new();
    loop {
        let request = next();
        let sent = Instant::now();
        if sent >= end {
            return Ok(latencies);
        }
        let status = exchange(&mut stream, &request, &mut buffer).await?;
        if status != 200 {
            let text = String::from_utf8_lossy(&buffer).into_owned();
            return Err(io::Error::other(format!("a response that is not 200:\n{text}")));
        }
        latencies.push(sent.elapsed());
    }
}

/// Sends a request and reads its answer, of which nothing is kept but the status. `buffer` is room to read into.
///
/// # Errors
/// The connection ends before the answer does, or the answer is no HTTP/1.1.
pub async fn exchange(stream: &mut TcpStream, request: &Request, buffer: &mut Vec<u8>) -> io::Result<u16> {
    stream.write_all(&request.0).await?;
    let head = head(stream, buffer).await?;
    rest(stream, buffer, &head).await?;
    Ok(head.status)
}

/// Sends a request and waits until its answer begins. What follows of it is the caller's not to want.
///
/// # Errors
/// As [`exchange`].
pub async fn begin(stream: &mut TcpStream, request: &Request, buffer: &mut Vec<u8>) -> io::Result<u16> {
    stream.write_all(&request.0).await?;
    Ok(head(stream, buffer).await?.status)
}

async fn head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Head> {
    buffer.clear();
    loop {
        more(stream, buffer).await?;
        if let Some(head) = Head::read(buffer)? {
            return Ok(head);
        }
    }
}

/// Reads what is left of a response, and nothing of it but where it ends.
async fn rest(stream: &mut TcpStream, buffer: &mut Vec<u8>, head: &Head) -> io::Result<()> {
    match head.length {
        Some(length) => {
            let mut missing = (head.size + length).saturating_sub(buffer.len());
            while missing > 0 {
                buffer.clear();
                more(stream, buffer).await?;
                missing = missing.saturating_sub(buffer.len());
            }
        }
        None => {
            // Our providers' events hold no carriage return, so this is the last chunk and nothing else.
            while !buffer.ends_with(b"\r\n0\r\n\r\n") {
                let keep = buffer.len().saturating_sub(8);
                buffer.drain(..keep);
                more(stream, buffer).await?;
            }
        }
    }
    Ok(())
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(buffer).await? {
        0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")),
        _ => Ok(()),
    }
}

struct Head {
    status: u16,
    size: usize,
    /// Of the body; absent where it comes in chunks.
    length: Option<usize>,
}

impl Head {
    fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(size) = response.parse(bytes).map_err(io::Error::other)? else {
            return Ok(None);
        };
        let status = response.code.unwrap_or_default();
        let length =
            response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
        let length = length.and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok());
        Ok(Some(Self { status, size, length }))
    }
}
