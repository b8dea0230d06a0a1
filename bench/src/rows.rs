//! What is measured, and what it may cost. A new row is one entry.

use crate::load::Request;
use crate::wires::{Question, Wire};

/// One kind of work.
pub struct Row {
    /// Its name in the table.
    pub name: &'static str,
    /// What it may cost.
    pub target: Target,
    /// Most connections at a time: large bodies would otherwise measure memory.
    pub connections: usize,
    /// The group that `gateway.rs` configures.
    model: &'static str,
    question: Question,
    /// What the client speaks.
    client: Wire,
    /// What the provider speaks, and so what bare Envoy is sent.
    provider: Wire,
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

/// A way of speaking: one whole answer and one stream are measured, and what they may cost.
struct Dialect {
    chat: &'static str,
    stream: &'static str,
    /// The group that `gateway.rs` configures.
    model: &'static str,
    provider: Wire,
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
        provider: Wire::OpenAi,
        ratio: 1.4,
        micros: 3.0,
    },
    Dialect {
        chat: "chat, Azure, 1 KB",
        stream: "stream of 1,000, Azure",
        model: "azure",
        provider: Wire::Azure,
        ratio: 2.5,
        micros: 3.0,
    },
    Dialect {
        chat: "chat, Mistral, 1 KB",
        stream: "stream of 1,000, Mistral",
        model: "mistral",
        provider: Wire::OpenAi,
        ratio: 2.5,
        micros: 3.0,
    },
    Dialect {
        chat: "chat, Anthropic, 1 KB",
        stream: "stream of 1,000, Anthropic",
        model: "claude",
        provider: Wire::Anthropic,
        ratio: 1.7,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Bedrock, 1 KB",
        stream: "stream of 1,000, Bedrock",
        model: "nova",
        provider: Wire::Bedrock,
        ratio: 2.2,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Cohere, 1 KB",
        stream: "stream of 1,000, Cohere",
        model: "command",
        provider: Wire::Cohere,
        ratio: 2.5,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Gemini, 1 KB",
        stream: "stream of 1,000, Gemini",
        model: "gemini",
        provider: Wire::Gemini,
        ratio: 1.7,
        micros: 6.0,
    },
    Dialect {
        chat: "chat, Ollama, 1 KB",
        stream: "stream of 1,000, Ollama",
        model: "llama",
        provider: Wire::Ollama,
        ratio: 2.5,
        micros: 6.0,
    },
];

/// An API of clients besides chat completions, in front of a provider whose chat is measured, too.
struct Api {
    whole: &'static str,
    stream: &'static str,
    client: Wire,
    /// The group that `gateway.rs` configures.
    model: &'static str,
    provider: Wire,
    /// The group of the row of [`DIALECTS`] that is its measure.
    chat: &'static str,
}

const APIS: &[Api] = &[
    Api {
        whole: "messages, Anthropic, 1 KB",
        stream: "messages stream, Anthropic",
        client: Wire::Anthropic,
        model: "claude",
        provider: Wire::Anthropic,
        chat: "claude",
    },
    Api {
        whole: "messages, OpenAI, 1 KB",
        stream: "messages stream, OpenAI",
        client: Wire::Anthropic,
        model: "gpt-4o",
        provider: Wire::OpenAi,
        chat: "gpt-4o",
    },
    Api {
        whole: "responses, Azure, 1 KB",
        stream: "responses stream, Azure",
        client: Wire::Responses,
        model: "azure-v1",
        provider: Wire::Responses,
        chat: "azure",
    },
    // `OpenAI`'s chat completions at another host, which a request is translated to.
    Api {
        whole: "responses, chat, 1 KB",
        stream: "responses stream, chat",
        client: Wire::Responses,
        model: "gpt-4o",
        provider: Wire::OpenAi,
        chat: "gpt-4o",
    },
    Api {
        whole: "responses, Anthropic, 1 KB",
        stream: "responses stream, Anthropic",
        client: Wire::Responses,
        model: "claude",
        provider: Wire::Anthropic,
        chat: "claude",
    },
    Api {
        whole: "gemini, Gemini, 1 KB",
        stream: "gemini stream, Gemini",
        client: Wire::Gemini,
        model: "gemini",
        provider: Wire::Gemini,
        chat: "gemini",
    },
];

/// What another API may cost, compared to a chat with the same provider.
const MORE_THAN_CHAT: f64 = 1.15;

/// What an event of another API may cost more than with bare Envoy, microseconds.
const EVENT: f64 = 3.0;

/// Events of the streams that the canned provider sends.
const STREAM: u32 = 1000;

/// All of them.
pub fn rows() -> Vec<Row> {
    let small = || Question::chat(1 << 10);
    let large = || Question::chat(100 << 10);
    let huge = Question::chat(10 << 20);
    let per_event = |micros| Target::PerEvent { micros, events: STREAM };
    let mut rows: Vec<Row> = DIALECTS
        .iter()
        .map(|speaks| row(speaks.chat, Target::Ratio(speaks.ratio), speaks.model, small(), speaks.provider))
        .collect();
    let embedding = Question::embedding();
    rows.push(row("embeddings, OpenAI, 1 KB", Target::Ratio(1.4), "embed", embedding, Wire::OpenAi));
    rows.push(row("chat, OpenAI, 100 KB", Target::Ratio(1.5), "gpt-4o", large(), Wire::OpenAi));
    rows.push(row("chat, Anthropic, 100 KB", Target::Ratio(2.0), "claude", large(), Wire::Anthropic));
    let huge = row("chat, OpenAI, 10 MB", Target::Ratio(1.3), "gpt-4o", huge, Wire::OpenAi);
    rows.push(Row { connections: 2, ..huge });
    for speaks in DIALECTS {
        let target = per_event(speaks.micros);
        rows.push(row(speaks.stream, target, speaks.model, small().streamed(), speaks.provider));
    }
    for api in APIS {
        let Some(chat) = DIALECTS.iter().find(|chat| chat.model == api.chat) else { continue };
        let target = Target::Ratio(chat.ratio * MORE_THAN_CHAT);
        let of = |name, target, question| Row {
            client: api.client,
            ..row(name, target, api.model, question, api.provider)
        };
        rows.push(of(api.whole, target, small()));
        rows.push(of(api.stream, per_event(EVENT), small().streamed()));
    }
    rows
}

/// A row of a client that speaks `OpenAI`'s language.
fn row(name: &'static str, target: Target, model: &'static str, question: Question, provider: Wire) -> Row {
    Row { name, target, connections: usize::MAX, model, question, client: Wire::OpenAi, provider }
}

impl Row {
    /// What the gateway is sent.
    pub fn gateway(&self, key: &str) -> Request {
        self.question.to_gateway(self.client, self.model, key)
    }

    /// What bare Envoy is sent.
    pub fn bare(&self) -> Request {
        self.question.to_provider(self.provider, self.model)
    }
}
