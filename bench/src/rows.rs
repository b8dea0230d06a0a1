//! What is measured, and what it may cost. A new row is one entry.

use serde_json::{Value, json};

use crate::load::Request;

/// One kind of work.
pub struct Row {
    /// Its name in the table.
    pub name: &'static str,
    /// What it may cost.
    pub target: Target,
    /// Most connections at a time: large bodies would otherwise measure memory.
    pub connections: usize,
    path: &'static str,
    model: &'static str,
    body: Value,
    native: Native,
}

/// What a row may cost.
#[derive(Clone, Copy, Debug)]
pub enum Target {
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
#[derive(Clone, Copy, Debug)]
enum Native {
    /// The same.
    OpenAi,
    /// The same, with the model in the path.
    Azure,
    /// The same question, in Anthropic's words.
    Anthropic,
    /// In Bedrock's.
    Bedrock,
    /// In Cohere's.
    Cohere,
    /// In Gemini's.
    Gemini,
    /// In Ollama's.
    Ollama,
}

/// A way of speaking: one whole answer and one stream are measured, and what they may cost.
struct Dialect {
    chat: &'static str,
    stream: &'static str,
    /// The group that `main.rs` configures.
    model: &'static str,
    native: Native,
    /// Times the CPU of bare Envoy, for a request of 1 KB.
    ratio: f64,
    /// Microseconds more than bare Envoy, for an event.
    micros: f64,
}

const DIALECTS: &[Dialect] = &[
    Dialect {
        chat: "chat, OpenAI, 1 KB",
        stream: "stream of 1,000, OpenAI",
        model: "gpt-4o",
        native: Native::OpenAi,
        ratio: 1.4,
        micros: 3.0,
    },
    Dialect {
        chat: "chat, Azure, 1 KB",
        stream: "stream of 1,000, Azure",
        model: "azure",
        native: Native::Azure,
        ratio: 2.5,
        micros: 3.0,
    },
    Dialect {
        chat: "chat, Mistral, 1 KB",
        stream: "stream of 1,000, Mistral",
        model: "mistral",
        native: Native::OpenAi,
        ratio: 2.5,
        micros: 3.0,
    },
    Dialect {
        chat: "chat, Anthropic, 1 KB",
        stream: "stream of 1,000, Anthropic",
        model: "claude",
        native: Native::Anthropic,
        ratio: 1.7,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Bedrock, 1 KB",
        stream: "stream of 1,000, Bedrock",
        model: "nova",
        native: Native::Bedrock,
        ratio: 2.2,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Cohere, 1 KB",
        stream: "stream of 1,000, Cohere",
        model: "command",
        native: Native::Cohere,
        ratio: 2.5,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Gemini, 1 KB",
        stream: "stream of 1,000, Gemini",
        model: "gemini",
        native: Native::Gemini,
        ratio: 1.7,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Ollama, 1 KB",
        stream: "stream of 1,000, Ollama",
        model: "llama",
        native: Native::Ollama,
        ratio: 2.5,
        micros: 6.0,
    },
];

/// Events of the streams that the canned provider sends.
const STREAM: u32 = 1000;

/// All of them.
pub fn rows() -> Vec<Row> {
    let stream = |mut body: Value| {
        body["stream"] = json!(true);
        body
    };
    let chat = "/v1/chat/completions";
    let mut rows = vec![
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
    ];
    for (at, dialect) in DIALECTS.iter().enumerate() {
        let small = question(1 << 10);
        rows.insert(
            at,
            row(dialect.chat, Target::Ratio(dialect.ratio), chat, dialect.model, small, dialect.native),
        );
        let target = Target::PerEvent { micros: dialect.micros, events: STREAM };
        rows.push(row(
            dialect.stream,
            target,
            chat,
            dialect.model,
            stream(question(1 << 10)),
            dialect.native,
        ));
    }
    rows
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
    pub fn gateway(&self, key: &str) -> Request {
        let mut body = json!({ "model": self.model });
        merge(&mut body, &self.body);
        Request::new(self.path, &[("authorization", &format!("Bearer {key}"))], &body)
    }

    /// What bare Envoy is sent.
    pub fn bare(&self) -> Request {
        let stream = self.body["stream"] == true;
        let (system, user) = (&self.body["messages"][0]["content"], &self.body["messages"][1]["content"]);
        let mut body = json!({ "model": self.model });
        let path = match self.native {
            Native::OpenAi | Native::Azure => {
                merge(&mut body, &self.body);
                if stream {
                    body["stream_options"] = json!({ "include_usage": true });
                }
                match self.native {
                    Native::Azure => {
                        "/openai/deployments/gpt-4o/chat/completions?api-version=2025-02-01-preview"
                    }
                    _ => self.path,
                }
            }
            Native::Anthropic => {
                merge(&mut body, &self.body);
                body["system"] = system.clone();
                body["messages"] = json!([self.body["messages"][1]]);
                "/v1/messages"
            }
            Native::Cohere => {
                merge(&mut body, &self.body);
                "/v2/chat"
            }
            Native::Ollama => {
                let messages = &self.body["messages"];
                let options = json!({ "temperature": 0.7, "num_predict": 256 });
                merge(&mut body, &json!({ "stream": stream, "messages": messages, "options": options }));
                "/api/chat"
            }
            Native::Gemini => {
                body = json!({
                    "systemInstruction": { "parts": [{ "text": system }] },
                    "contents": [{ "role": "user", "parts": [{ "text": user }] }],
                    "generationConfig": { "temperature": 0.7, "maxOutputTokens": 256 },
                });
                if stream {
                    "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
                } else {
                    "/v1beta/models/gemini-2.5-flash:generateContent"
                }
            }
            Native::Bedrock => {
                body = json!({
                    "system": [{ "text": system }],
                    "messages": [{ "role": "user", "content": [{ "text": user }] }],
                    "inferenceConfig": { "temperature": 0.7, "maxTokens": 256 },
                });
                if stream {
                    "/model/us.amazon.nova-pro-v1%3A0/converse-stream"
                } else {
                    "/model/us.amazon.nova-pro-v1%3A0/converse"
                }
            }
        };
        let headers = match self.native {
            Native::Anthropic => &[("x-api-key", "sk-ant-bench"), ("anthropic-version", "2023-06-01")][..],
            Native::Azure => &[("api-key", "sk-openai-bench")],
            Native::Gemini => &[("x-goog-api-key", "sk-bench")],
            _ => &[("authorization", "Bearer sk-openai-bench")],
        };
        Request::new(path, headers, &body)
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}
