//! The requests that are measured, in the words of clients and providers.

use serde_json::{Value, json};

use crate::load::Request;

/// An API, as its clients speak it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `OpenAI`'s chat completions or embeddings: the body as it is.
    OpenAi,
    /// The same, with the model in the path.
    Azure,
    /// `OpenAI`'s Responses.
    Responses,
    /// Anthropic's Messages.
    Anthropic,
    /// Bedrock's Converse.
    Bedrock,
    /// Cohere's second version.
    Cohere,
    /// Gemini's `generateContent`.
    Gemini,
    /// Ollama's `/api/chat`.
    Ollama,
}

/// A question in `OpenAI`'s words, with the path for it.
#[derive(Clone, Debug)]
pub struct Question {
    /// The path.
    pub path: &'static str,
    /// The body without the model.
    pub body: Value,
}

impl Question {
    /// A conversation of so many bytes.
    pub fn chat(size: usize) -> Self {
        let sentence = "The quick brown fox jumps over the lazy dog. ";
        let text = sentence.repeat(size.saturating_sub(250) / sentence.len() + 1);
        let body = json!({
            "messages": [
                { "role": "system", "content": "You are a helpful assistant." },
                { "role": "user", "content": text },
            ],
            "temperature": 0.7,
            "max_tokens": 256,
        });
        Self { path: "/v1/chat/completions", body }
    }

    /// A text of a kilobyte to embed.
    pub fn embedding() -> Self {
        let body = json!({ "input": "The quick brown fox jumps over the lazy dog. ".repeat(22) });
        Self { path: "/v1/embeddings", body }
    }

    /// The same, to be answered by a stream.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.body["stream"] = json!(true);
        self
    }

    fn is_streamed(&self) -> bool {
        self.body["stream"] == true
    }

    /// The request of a client to the gateway.
    pub fn to_gateway(&self, wire: Wire, model: &str, key: &str) -> Request {
        let (path, body) = self.written(wire, model);
        Request::new(&path, &[("authorization", &format!("Bearer {key}"))], &body)
    }

    /// The request of the gateway to a provider.
    pub fn to_provider(&self, wire: Wire, model: &str) -> Request {
        let (path, mut body) = self.written(wire, model);
        if self.is_streamed() && matches!(wire, Wire::OpenAi | Wire::Azure) {
            body["stream_options"] = json!({ "include_usage": true });
        }
        let headers = match wire {
            Wire::Anthropic => &[("x-api-key", "sk-ant-bench"), ("anthropic-version", "2023-06-01")][..],
            Wire::Azure => &[("api-key", "sk-openai-bench")],
            Wire::Gemini => &[("x-goog-api-key", "sk-bench")],
            _ => &[("authorization", "Bearer sk-openai-bench")],
        };
        Request::new(&path, headers, &body)
    }

    /// Path and body.
    fn written(&self, wire: Wire, model: &str) -> (String, Value) {
        let streams = self.is_streamed();
        let (system, user) = (&self.body["messages"][0]["content"], &self.body["messages"][1]["content"]);
        let mut body = json!({ "model": model });
        let path = match wire {
            Wire::OpenAi => {
                merge(&mut body, &self.body);
                self.path.to_owned()
            }
            Wire::Azure => {
                merge(&mut body, &self.body);
                "/openai/deployments/gpt-4o/chat/completions?api-version=2025-02-01-preview".to_owned()
            }
            Wire::Responses => {
                let question = json!({
                    "instructions": system,
                    "input": [{ "role": "user", "content": user }],
                    "temperature": 0.7,
                    "max_output_tokens": 256,
                });
                merge(&mut body, &question);
                if streams {
                    body["stream"] = json!(true);
                }
                "/v1/responses".to_owned()
            }
            Wire::Anthropic => {
                merge(&mut body, &self.body);
                body["system"] = system.clone();
                body["messages"] = json!([self.body["messages"][1]]);
                "/v1/messages".to_owned()
            }
            Wire::Cohere => {
                merge(&mut body, &self.body);
                "/v2/chat".to_owned()
            }
            Wire::Ollama => {
                let messages = &self.body["messages"];
                let options = json!({ "temperature": 0.7, "num_predict": 256 });
                merge(&mut body, &json!({ "stream": streams, "messages": messages, "options": options }));
                "/api/chat".to_owned()
            }
            Wire::Gemini => {
                body = json!({
                    "systemInstruction": { "parts": [{ "text": system }] },
                    "contents": [{ "role": "user", "parts": [{ "text": user }] }],
                    "generationConfig": { "temperature": 0.7, "maxOutputTokens": 256 },
                });
                let method = if streams { "streamGenerateContent?alt=sse" } else { "generateContent" };
                format!("/v1beta/models/{model}:{method}")
            }
            Wire::Bedrock => {
                body = json!({
                    "system": [{ "text": system }],
                    "messages": [{ "role": "user", "content": [{ "text": user }] }],
                    "inferenceConfig": { "temperature": 0.7, "maxTokens": 256 },
                });
                let method = if streams { "converse-stream" } else { "converse" };
                format!("/model/us.amazon.nova-pro-v1%3A0/{method}")
            }
        };
        (path, body)
    }
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}
