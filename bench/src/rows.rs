//! What is measured, and what it may cost. A new row is one entry.

use serde_json::{Value, json};

use switchboard_bench::load::Request;

/// One kind of work.
pub(crate) struct Row {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// What it may cost.
    pub(crate) target: Target,
    /// Most connections at a time: large bodies would otherwise measure memory.
    pub(crate) connections: usize,
    path: &'static str,
    model: &'static str,
    body: Value,
    native: Native,
}

/// What a row may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// So many times the CPU of bare Envoy.
    Ratio(f64),
    /// So many microseconds of CPU more than bare Envoy, for each event of a stream of so many.
    PerEvent {
        /// Microseconds.
        micros: f64,
        /// Events of one stream.
        events: u32,
    },
}

/// What bare Envoy is sent for it: the request that the provider takes.
enum Native {
    /// The same.
    OpenAi,
    /// The same question, in Anthropic's words.
    Anthropic,
}

/// Events of the streams that the canned provider sends.
const STREAM: u32 = 1000;

/// All of them.
pub(crate) fn rows() -> Vec<Row> {
    let stream = |mut body: Value| {
        body["stream"] = json!(true);
        body
    };
    let chat = "/v1/chat/completions";
    vec![
        row("chat, OpenAI, 1 KB", Target::Ratio(1.4), chat, "gpt-4o", question(1 << 10), Native::OpenAi),
        row(
            "chat, Anthropic, 1 KB",
            Target::Ratio(1.7),
            chat,
            "claude",
            question(1 << 10),
            Native::Anthropic,
        ),
        row(
            "embeddings, OpenAI, 1 KB",
            Target::Ratio(1.4),
            "/v1/embeddings",
            "embed",
            embedding(),
            Native::OpenAi,
        ),
        row("chat, OpenAI, 100 KB", Target::Ratio(1.5), chat, "gpt-4o", question(100 << 10), Native::OpenAi),
        row(
            "chat, Anthropic, 100 KB",
            Target::Ratio(2.0),
            chat,
            "claude",
            question(100 << 10),
            Native::Anthropic,
        ),
        Row {
            connections: 2,
            ..row(
                "chat, OpenAI, 10 MB",
                Target::Ratio(1.3),
                chat,
                "gpt-4o",
                question(10 << 20),
                Native::OpenAi,
            )
        },
        row(
            "stream of 1,000, OpenAI",
            Target::PerEvent { micros: 3.0, events: STREAM },
            chat,
            "gpt-4o",
            stream(question(1 << 10)),
            Native::OpenAi,
        ),
        row(
            "stream of 1,000, Anthropic",
            Target::PerEvent { micros: 6.0, events: STREAM },
            chat,
            "claude",
            stream(question(1 << 10)),
            Native::Anthropic,
        ),
    ]
}

fn row(
    name: &'static str,
    target: Target,
    path: &'static str,
    model: &'static str,
    body: Value,
    native: Native,
) -> Row {
    Row { name, target, connections: usize::MAX, path, model, body, native }
}

/// A conversation of so many bytes.
fn question(size: usize) -> Value {
    let sentence = "The quick brown fox jumps over the lazy dog. ";
    let text = sentence.repeat(size.saturating_sub(250) / sentence.len() + 1);
    json!({
        "messages": [
            { "role": "system", "content": "You are a helpful assistant." },
            { "role": "user", "content": text },
        ],
        "temperature": 0.7,
        "max_tokens": 256,
    })
}

fn embedding() -> Value {
    json!({ "input": "The quick brown fox jumps over the lazy dog. ".repeat(22) })
}

impl Row {
    /// What the gateway is sent.
    pub(crate) fn gateway(&self, key: &str) -> Request {
        let mut body = json!({ "model": self.model });
        merge(&mut body, &self.body);
        Request::new(self.path, &[("authorization", &format!("Bearer {key}"))], &body)
    }

    /// What bare Envoy is sent.
    pub(crate) fn bare(&self) -> Request {
        let mut body = json!({ "model": self.model });
        match self.native {
            Native::OpenAi => {
                merge(&mut body, &self.body);
                if self.body["stream"] == true {
                    body["stream_options"] = json!({ "include_usage": true });
                }
                Request::new(self.path, &[("authorization", "Bearer sk-openai-bench")], &body)
            }
            Native::Anthropic => {
                merge(&mut body, &self.body);
                body["system"] = body["messages"][0]["content"].take();
                body["messages"] = json!([body["messages"][1].take()]);
                let headers = [("x-api-key", "sk-ant-bench"), ("anthropic-version", "2023-06-01")];
                Request::new("/v1/messages", &headers, &body)
            }
        }
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}
