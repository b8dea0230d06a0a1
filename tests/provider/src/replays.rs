//! Words in the languages that the provider does not speak: fixed answers for benches.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::eventstream::event as message;
use crate::script::Script;

/// A language in which an answer can be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Bedrock's Converse.
    Bedrock,
    /// Cohere's second version.
    Cohere,
    /// Gemini's `generateContent`.
    Gemini,
    /// Ollama's `/api/chat`.
    Ollama,
    /// `OpenAI`'s Responses.
    Responses,
}

impl Replay {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bedrock, Self::Cohere, Self::Gemini, Self::Ollama, Self::Responses];

    /// Whose path that is.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.split('?').next().unwrap_or_default();
        let ends = |ends: &[&str]| ends.iter().any(|end| path.ends_with(end));
        Self::ALL.into_iter().find(|language| match language {
            Self::Bedrock => ends(&["/converse", "/converse-stream"]),
            Self::Cohere => ends(&["/v2/chat"]),
            Self::Gemini => ends(&[":generateContent", ":streamGenerateContent"]),
            Self::Ollama => ends(&["/api/chat"]),
            Self::Responses => ends(&["/v1/responses"]),
        })
    }

    /// A whole answer of so many words.
    pub fn whole(self, words: usize) -> Script {
        let text = "word ".repeat(words);
        let answer = match self {
            Self::Bedrock => json!({
                "metrics": { "latencyMs": 100 },
                "output": { "message": { "content": [{ "text": text }], "role": "assistant" } },
                "stopReason": "end_turn",
                "usage": { "inputTokens": 20, "outputTokens": words, "totalTokens": words + 20 },
            }),
            Self::Cohere => json!({
                "id": "c14c80c3-18eb-4519-9460-6c92edd8cfb4",
                "finish_reason": "COMPLETE",
                "message": { "role": "assistant", "content": [{ "type": "text", "text": text }] },
                "usage": { "billed_units": { "input_tokens": 20, "output_tokens": words },
                    "tokens": { "input_tokens": 20, "output_tokens": words } },
            }),
            Self::Gemini => candidate(&text, Some(words)),
            Self::Ollama => line(&text, Some(words)),
            Self::Responses => response(Some((&text, words))),
        };
        Script::whole(200, "application/json", answer.to_string())
    }

    /// A stream of so many words.
    pub fn stream(self, words: usize) -> Script {
        let mut events: Vec<Bytes> = Vec::new();
        let content_type = match self {
            Self::Bedrock => {
                events.push(message("messageStart", &json!({ "role": "assistant" })));
                let delta =
                    json!({ "contentBlockIndex": 0, "delta": { "text": "word " }, "p": "abcdefghijk" });
                events.extend((0..words).map(|_| message("contentBlockDelta", &delta)));
                events.push(message("contentBlockStop", &json!({ "contentBlockIndex": 0 })));
                events.push(message("messageStop", &json!({ "stopReason": "end_turn" })));
                let usage = json!({ "inputTokens": 20, "outputTokens": words, "totalTokens": words + 20 });
                events.push(message("metadata", &json!({ "metrics": { "latencyMs": 1 }, "usage": usage })));
                "application/vnd.amazon.eventstream"
            }
            Self::Cohere => {
                let mut event = |name: &str, rest: Value| {
                    let mut data = json!({ "type": name });
                    merge(&mut data, &rest);
                    events.push(format!("event: {name}\ndata: {data}\n\n").into());
                };
                let block = json!({ "message": { "content": { "type": "text", "text": "" } } });
                let delta = json!({ "message": { "content": { "text": "word " } } });
                event("message-start", json!({ "id": "1", "delta": { "message": { "role": "assistant" } } }));
                event("content-start", json!({ "index": 0, "delta": block }));
                for _ in 0..words {
                    event("content-delta", json!({ "index": 0, "delta": delta }));
                }
                event("content-end", json!({ "index": 0 }));
                let usage = json!({ "tokens": { "input_tokens": 20, "output_tokens": words } });
                event("message-end", json!({ "delta": { "finish_reason": "COMPLETE", "usage": usage } }));
                "text/event-stream"
            }
            Self::Gemini => {
                events
                    .extend((0..words).map(|_| format!("data: {}\r\n\r\n", candidate("word ", None)).into()));
                events.push(format!("data: {}\r\n\r\n", candidate("", Some(words))).into());
                "text/event-stream"
            }
            Self::Ollama => {
                events.extend((0..words).map(|_| format!("{}\n", line("word ", None)).into()));
                events.push(format!("{}\n", line("", Some(words))).into());
                "application/x-ndjson"
            }
            Self::Responses => {
                let mut event = |kind: &str, rest: Value| {
                    let mut data = json!({ "type": kind, "sequence_number": events.len() });
                    merge(&mut data, &rest);
                    events.push(format!("event: {kind}\ndata: {data}\n\n").into());
                };
                event("response.created", json!({ "response": response(None) }));
                let delta = json!({
                    "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "word ",
                    "logprobs": [], "obfuscation": "abcdefghijk",
                });
                for _ in 0..words {
                    event("response.output_text.delta", delta.clone());
                }
                let text = "word ".repeat(words);
                event("response.completed", json!({ "response": response(Some((&text, words))) }));
                "text/event-stream"
            }
        };
        Script::streamed(200, content_type, events)
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (member, value) in from.as_object().into_iter().flatten() {
        into[member] = value.clone();
    }
}

/// A response, at the end with its text and how many tokens that is.
fn response(end: Option<(&str, usize)>) -> Value {
    let mut response = json!({
        "id": "resp_68af4030592c81938ec0a5fbab4a3e9f", "object": "response", "created_at": 1_700_000_000,
        "status": "in_progress", "background": false, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": 256, "model": "gpt-4o-2026-01-01", "output": [], "parallel_tool_calls": true,
        "previous_response_id": null, "store": true, "temperature": 0.7, "text": { "format": { "type": "text" } },
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": null, "metadata": {},
    });
    if let Some((text, words)) = end {
        let content = json!([{ "type": "output_text", "annotations": [], "logprobs": [], "text": text }]);
        response["status"] = json!("completed");
        response["output"] = json!([
            { "id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content }
        ]);
        response["usage"] = json!({
            "input_tokens": 20, "input_tokens_details": { "cached_tokens": 0 }, "output_tokens": words,
            "output_tokens_details": { "reasoning_tokens": 0 }, "total_tokens": words + 20,
        });
    }
    response
}

/// What Gemini says, at the end with how many tokens it was.
fn candidate(text: &str, end: Option<usize>) -> Value {
    let content = json!({ "parts": [{ "text": text }], "role": "model" });
    let mut candidate = json!({ "content": content });
    let mut usage = json!({ "promptTokenCount": 20, "totalTokenCount": 20 });
    if let Some(words) = end {
        candidate["finishReason"] = json!("STOP");
        usage =
            json!({ "promptTokenCount": 20, "candidatesTokenCount": words, "totalTokenCount": words + 20 });
    }
    json!({
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": "gemini-2.5-flash",
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
    })
}

/// What Ollama says, at the end with how many tokens it was.
fn line(text: &str, end: Option<usize>) -> Value {
    let mut line = json!({
        "model": "llama3.2",
        "created_at": "2026-01-01T00:00:00.000000Z",
        "message": { "role": "assistant", "content": text },
        "done": end.is_some(),
    });
    if let Some(words) = end {
        line["done_reason"] = json!("stop");
        line["prompt_eval_count"] = json!(20);
        line["eval_count"] = json!(words);
    }
    line
}
