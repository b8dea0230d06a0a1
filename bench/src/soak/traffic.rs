//! What is sent: every kind of request in turn, the large ones rarely.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;

use serde_json::{Value, json};
use switchboard_bench::load::{Request, begin, exchange};
use tokio::net::TcpStream;

/// A kind of request.
struct Kind {
    name: &'static str,
    request: Request,
    /// One request of so many is of this kind.
    one_in: u64,
    status: u16,
    /// Only the first client sends it: how much memory large bodies take is a matter of how many are in flight at
    /// once, and a run that meets a new chance each hour would seem to grow.
    first_client_only: bool,
    /// The client goes away when the answer begins.
    aborts: bool,
    sent: Cell<u64>,
}

/// All kinds, the rarest first: a request is of the first kind whose turn it is.
pub(crate) struct Traffic(Vec<Kind>);

impl Traffic {
    /// With that key.
    pub(crate) fn new(key: &str) -> Self {
        let authorization = format!("Bearer {key}");
        let chat = |model: &str, size: usize, stream: bool| {
            let text = "The quick brown fox jumps over the lazy dog. ".repeat(size / 45 + 1);
            let messages = json!([{ "role": "user", "content": text }]);
            json!({ "model": model, "messages": messages, "max_tokens": 256, "stream": stream })
        };
        let post = |key: &str, path: &str, body: &Value| Request::new(path, &[("authorization", key)], body);
        let to_chat = |body: &Value| post(&authorization, "/v1/chat/completions", body);
        let kind = |name, one_in, status, request| Kind {
            name,
            request,
            one_in,
            status,
            first_client_only: false,
            aborts: false,
            sent: Cell::new(0),
        };
        let whole = |model| to_chat(&chat(model, 1 << 10, false));
        let stream = |model| to_chat(&chat(model, 1 << 10, true));
        let embedding = json!({ "model": "embed", "input": "The quick brown fox jumps over the lazy dog." });
        Self(vec![
            Kind {
                first_client_only: true,
                ..kind("10 MB", 157, 200, to_chat(&chat("gpt-4o", 10 << 20, false)))
            },
            kind("stream, Gemini", 2_003, 200, stream("gemini")),
            kind("stream, Bedrock", 1_999, 200, stream("nova")),
            kind("stream, Anthropic", 1_009, 200, stream("claude")),
            kind("stream, OpenAI", 1_007, 200, stream("gpt-4o")),
            Kind { aborts: true, ..kind("stream that the client leaves", 499, 200, stream("claude")) },
            kind("100 KB, Anthropic", 251, 200, to_chat(&chat("claude", 100 << 10, false))),
            kind("100 KB, OpenAI", 241, 200, to_chat(&chat("gpt-4o", 100 << 10, false))),
            kind(
                "unknown key",
                101,
                401,
                post("Bearer sk-unknown", "/v1/chat/completions", &chat("gpt-4o", 9, false)),
            ),
            kind("unknown model", 97, 400, whole("unknown")),
            kind("no message", 89, 400, to_chat(&json!({ "model": "gpt-4o" }))),
            kind("chat, Ollama", 13, 200, whole("llama")),
            kind("chat, Cohere", 11, 200, whole("command")),
            kind("chat, Gemini", 7, 200, whole("gemini")),
            kind("chat, Bedrock", 6, 200, whole("nova")),
            kind("embeddings", 5, 200, post(&authorization, "/v1/embeddings", &embedding)),
            kind("chat, Anthropic", 3, 200, whole("claude")),
            kind("chat, OpenAI", 1, 200, whole("gpt-4o")),
        ])
    }

    /// One client: sends its share, one after another, and counts in `done`.
    pub(crate) async fn client(
        &self,
        number: u64,
        port: u16,
        share: u64,
        done: &Cell<u64>,
    ) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(256 * 1024);
        let mut stream = connect(port).await?;
        // Each begins elsewhere, so that they do not all send their large ones at once.
        let first = number * share;
        for at in first..first + share {
            let mut kinds = self.0.iter().filter(|kind| number == 0 || !kind.first_client_only);
            let Some(kind) = kinds.find(|kind| at % kind.one_in == kind.one_in / 2) else { continue };
            let status = if kind.aborts {
                begin(&mut stream, &kind.request, &mut buffer).await?
            } else {
                exchange(&mut stream, &kind.request, &mut buffer).await?
            };
            if kind.aborts || status != 200 {
                // A request that is refused before it is read whole ends its connection (RFC 9112, section 9.6).
                stream = connect(port).await?;
            }
            if status != kind.status {
                let said = String::from_utf8_lossy(&buffer).into_owned();
                return Err(io::Error::other(format!(
                    "{}: {status} in place of {}:\n{said}",
                    kind.name, kind.status
                )));
            }
            kind.sent.set(kind.sent.get() + 1);
            done.set(done.get() + 1);
        }
        Ok(())
    }
}

async fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| sent | of |\n|--:|---|")?;
        for kind in &self.0 {
            writeln!(f, "| {} | {} |", kind.sent.get(), kind.name)?;
        }
        Ok(())
    }
}
