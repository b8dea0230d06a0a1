//! The provider for benches: one fixed answer per path and kind, and as little work as can be.
//!
//! It has to be faster than what it measures, so it speaks just enough HTTP/1.1 for a proxy that keeps its
//! connections, and copies nothing and allocates nothing per request.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::dialects::{Asked, of_path};
use crate::model::Reply;
use crate::replays::Replay;
use crate::script::Script;

/// Words of a streamed answer: with the role, the end and the usage, a thousand events and a few.
const STREAMED_WORDS: usize = 1000;

/// Every answer, as bytes on the wire.
struct Answers {
    chat: Vec<u8>,
    chat_stream: Vec<u8>,
    messages: Vec<u8>,
    messages_stream: Vec<u8>,
    embeddings: Vec<u8>,
    /// In the languages that the provider does not speak: whole answers and streams.
    replays: Vec<(Replay, Vec<u8>, Vec<u8>)>,
}

/// Listens on a loopback port of the system's choice, in a thread of its own that ends with the process.
pub fn start() -> io::Result<u16> {
    start_on(0)
}

/// Listens on that loopback port, in a thread of its own that ends with the process.
pub fn start_on(port: u16) -> io::Result<u16> {
    listen(port, Duration::ZERO)
}

/// As [`start`], but after a stream's first words there is a pause, as there is between those of a model.
pub fn start_pausing(pause: Duration) -> io::Result<u16> {
    listen(0, pause)
}

fn listen(port: u16, pause: Duration) -> io::Result<u16> {
    let socket = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    socket.set_nonblocking(true)?;
    let port = socket.local_addr()?.port();
    let answers: &'static Answers = Box::leak(Box::new(Answers::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("canned".to_owned()).spawn(move || {
        runtime.block_on(async move {
            let Ok(socket) = TcpListener::from_std(socket) else { return };
            loop {
                if let Ok((stream, _)) = socket.accept().await {
                    tokio::spawn(serve(stream, answers, pause));
                }
            }
        });
    })?;
    Ok(port)
}

async fn serve(mut stream: TcpStream, answers: &'static Answers, pause: Duration) {
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        let Ok(read) = stream.read(&mut buffer[filled..]).await else { return };
        if read == 0 {
            return;
        }
        filled += read;
        let Some(request) = Request::read(&buffer[..filled]) else {
            if filled == buffer.len() {
                buffer.resize(buffer.len() * 2, 0);
            }
            continue;
        };
        // The body is read past, not kept: only its beginning is looked at.
        let answer = answers.to(&request);
        let mut missing = (request.head + request.length).saturating_sub(filled);
        while missing > 0 {
            let room = missing.min(buffer.len());
            match stream.read(&mut buffer[..room]).await {
                Ok(0) | Err(_) => return,
                Ok(read) => missing -= read,
            }
        }
        filled = 0;
        let (beginning, rest) = answer.split_at(if pause.is_zero() { answer.len() } else { opening(answer) });
        if stream.write_all(beginning).await.is_err() {
            return;
        }
        if !rest.is_empty() {
            tokio::time::sleep(pause).await;
            if stream.write_all(rest).await.is_err() {
                return;
            }
        }
    }
}

/// Events that a stream begins with before it pauses: what tells that it begins, and a few words.
const FIRST_EVENTS: usize = 8;

/// Length of an answer up to the end of its first events; all of it where it is no stream.
fn opening(answer: &[u8]) -> usize {
    let after = |from: usize, mark: &str| {
        let found = memchr::memmem::find(answer.get(from..)?, mark.as_bytes())?;
        Some(from + found + mark.len())
    };
    let event = |from: usize| {
        let begins = after(from, "\r\n")?;
        let size = std::str::from_utf8(&answer[from..begins - 2]).ok()?;
        Some(begins + usize::from_str_radix(size, 16).ok()? + 2)
    };
    let end = || (0..FIRST_EVENTS).try_fold(after(0, "\r\n\r\n")?, |from, _| event(from));
    end().filter(|end| *end < answer.len()).unwrap_or(answer.len())
}

/// What has to be known of a request.
struct Request<'a> {
    path: &'a str,
    head: usize,
    length: usize,
    stream: bool,
}

impl<'a> Request<'a> {
    /// Reads a head, once it is complete and something of the body has come.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let httparse::Status::Complete(head) = request.parse(bytes).ok()? else { return None };
        let path = request.path?;
        let length = headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
        let length = std::str::from_utf8(length.value).ok()?.parse().ok()?;
        let body = &bytes[head..];
        if body.len() < usize::min(length, 4096) {
            return None;
        }
        // The bench writes `"stream":true` at the beginning or the end of its bodies; a translation may move it.
        let looked_at = [&body[..body.len().min(4096)], &body[body.len().saturating_sub(512)..]];
        let stream = looked_at.iter().any(|part| memchr::memmem::find(part, b"\"stream\":true").is_some());
        Some(Self { path, head, length, stream })
    }
}

impl Answers {
    fn new() -> Self {
        let chat = |stream: bool| {
            let options = r#","stream":true,"stream_options":{"include_usage":true}"#;
            format!(
                r#"{{"model":"gpt-4o","messages":[{{"role":"user","content":"hi"}}]{}}}"#,
                if stream { options } else { "" }
            )
        };
        let messages = |stream: bool| {
            format!(
                r#"{{"model":"claude","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}],"stream":{stream}}}"#
            )
        };
        let embeddings = r#"{"model":"text-embedding-3-small","input":"hi","dimensions":256}"#;
        let short = Reply::text("word ".repeat(100));
        let long = Reply::text("word ".repeat(STREAMED_WORDS));
        Self {
            chat: wire("/v1/chat/completions", &chat(false), &short),
            chat_stream: wire("/v1/chat/completions", &chat(true), &long),
            messages: wire("/v1/messages", &messages(false), &short),
            messages_stream: wire("/v1/messages", &messages(true), &long),
            embeddings: wire("/v1/embeddings", embeddings, &short),
            replays: Replay::ALL
                .into_iter()
                .map(|language| {
                    (language, flatten(&language.whole(100)), flatten(&language.stream(STREAMED_WORDS)))
                })
                .collect(),
        }
    }

    fn to(&self, request: &Request<'_>) -> &[u8] {
        let language = Replay::of_path(request.path);
        if let Some((_, whole, stream)) = self.replays.iter().find(|replay| Some(replay.0) == language) {
            let path = request.path;
            let streams = request.stream || path.contains(":stream") || path.ends_with("-stream");
            return if streams { stream } else { whole };
        }
        match (request.path.ends_with("/messages"), request.path.ends_with("/embeddings"), request.stream) {
            (true, _, false) => &self.messages,
            (true, _, true) => &self.messages_stream,
            (_, true, _) => &self.embeddings,
            (_, _, false) => &self.chat,
            (_, _, true) => &self.chat_stream,
        }
    }
}

/// The provider's own answer to a request, as bytes on the wire.
fn wire(path: &str, body: &str, reply: &Reply) -> Vec<u8> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let (dialect, _) = of_path(path).expect("a path of a dialect");
    let key = if dialect.name() == "anthropic" { "Bearer sk-ant-x" } else { "Bearer sk-openai-x" };
    headers.insert(AUTHORIZATION, HeaderValue::from_static(key));
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    let asked = Asked {
        method: &http::Method::POST,
        path,
        query: "",
        headers: &headers,
        body: body.as_bytes(),
        scripted: Some(reply),
        rounds: &[],
    };
    let script = dialect.answer(&asked).expect("an answer to a valid request");
    flatten(&script)
}

fn flatten(script: &Script) -> Vec<u8> {
    let mut out = b"HTTP/1.1 200 OK\r\n".to_vec();
    let (_, headers) = script.head.as_ref().expect("a head");
    for (name, value) in headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let body = script.bytes();
    if script.is_stream() {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
        for act in &script.acts {
            let crate::script::Act::Send(event) = act else { continue };
            out.extend_from_slice(format!("{:x}\r\n", event.len()).as_bytes());
            out.extend_from_slice(event);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
    } else {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&body);
    }
    out
}
