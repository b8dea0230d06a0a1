//! What clients of each API send, and what they make of what they receive, as strictly as their SDKs or more.

use serde_json::{Value, json};

use crate::client::{Answer, Call, Client};
use crate::sse::Events;

/// A client's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `OpenAI`'s chat completions.
    Chat,
    /// Anthropic's Messages.
    Messages,
    /// `OpenAI`'s Responses.
    Responses,
    /// Gemini's `generateContent`, streams as server-sent events.
    Gemini,
    /// The same, streams as one JSON array.
    GeminiArray,
}

/// A streamed answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Streamed {
    /// All text.
    pub text: String,
    /// It ends as a good stream does.
    pub is_complete: bool,
    /// Message of the error that ends it.
    pub error: Option<String>,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Messages, Self::Responses, Self::Gemini, Self::GeminiArray];

    /// Begins a request with one user turn.
    pub fn ask(self, client: &Client, key: &str, model: &str, prompt: &str, streamed: bool) -> Call {
        let (path, body) = self.request(model, prompt, streamed);
        let call = client.post(&path, &body);
        match self {
            Self::Chat | Self::Responses => call.key(key),
            Self::Messages => call.header("x-api-key", key).header("anthropic-version", "2023-06-01"),
            Self::Gemini | Self::GeminiArray => call.header("x-goog-api-key", key),
        }
    }

    /// Path and body of the same.
    pub fn request(self, model: &str, prompt: &str, streamed: bool) -> (String, Value) {
        let turn = json!([{ "role": "user", "content": prompt }]);
        let mut body = match self {
            Self::Chat => json!({ "model": model, "messages": turn }),
            Self::Messages => json!({ "model": model, "max_tokens": 64, "messages": turn }),
            Self::Responses => json!({ "model": model, "input": turn }),
            Self::Gemini | Self::GeminiArray => {
                json!({ "contents": [{ "role": "user", "parts": [{ "text": prompt }] }] })
            }
        };
        let path = match self {
            Self::Chat => "/v1/chat/completions".to_owned(),
            Self::Messages => "/v1/messages".to_owned(),
            Self::Responses => "/v1/responses".to_owned(),
            Self::Gemini | Self::GeminiArray => {
                let method = match (streamed, self) {
                    (false, _) => "generateContent",
                    (true, Self::Gemini) => "streamGenerateContent?alt=sse",
                    (true, _) => "streamGenerateContent",
                };
                return (format!("/v1beta/models/{model}:{method}"), body);
            }
        };
        if streamed {
            body["stream"] = json!(true);
        }
        (path, body)
    }

    /// The text of a whole answer.
    pub fn text(self, answer: &Answer) -> String {
        let body = answer.json();
        let text = match self {
            Self::Chat => &body["choices"][0]["message"]["content"],
            Self::Messages => &body["content"][0]["text"],
            Self::Responses => &body["output"][0]["content"][0]["text"],
            Self::Gemini | Self::GeminiArray => &body["candidates"][0]["content"]["parts"][0]["text"],
        };
        text.as_str().unwrap_or_else(|| panic!("{self:?}: no text in {body}")).to_owned()
    }

    /// The kind and the message of an error in this API's own words; anything else is a failure of the test.
    pub fn error(self, answer: &Answer) -> (String, String) {
        let body = answer.json();
        let members = |value: &Value| -> Vec<String> {
            let object = value.as_object().unwrap_or_else(|| panic!("{self:?}: {body}"));
            let mut names: Vec<String> = object.keys().cloned().collect();
            names.sort_unstable();
            names
        };
        let error = &body["error"];
        let kind = match self {
            Self::Chat | Self::Responses => {
                assert_eq!(members(&body), ["error"], "{self:?}: {body}");
                assert_eq!(members(error), ["code", "message", "param", "type"], "{self:?}: {body}");
                assert!(error["code"].is_string(), "{self:?}: {body}");
                &error["type"]
            }
            Self::Messages => {
                assert_eq!(members(&body), ["error", "request_id", "type"], "{self:?}: {body}");
                assert_eq!(members(error), ["message", "type"], "{self:?}: {body}");
                assert_eq!(body["type"], "error", "{self:?}: {body}");
                &error["type"]
            }
            Self::Gemini | Self::GeminiArray => {
                assert_eq!(members(&body), ["error"], "{self:?}: {body}");
                assert_eq!(members(error), ["code", "message", "status"], "{self:?}: {body}");
                assert_eq!(error["code"], answer.status, "{self:?}: {body}");
                &error["status"]
            }
        };
        let text = |value: &Value| {
            let text = value.as_str().filter(|text| !text.is_empty());
            text.unwrap_or_else(|| panic!("{self:?}: {body}")).to_owned()
        };
        (text(kind), text(&error["message"]))
    }

    /// What a stream says. It may have been cut after the last of these bytes, between events.
    pub fn streamed(self, body: &[u8]) -> Streamed {
        let streamed = match self {
            Self::Chat => {
                let events = Events::parse(body);
                let error = events.error().map(|error| message(&error));
                Streamed { text: events.text(), is_complete: events.is_done(), error }
            }
            Self::Messages => messages(&typed(body)),
            Self::Responses => responses(&typed(body)),
            Self::Gemini => contents(&google(body)),
            Self::GeminiArray => {
                let items: Vec<Value> = serde_json::from_slice(body)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)));
                contents(&items)
            }
        };
        assert!(
            !(streamed.is_complete && streamed.error.is_some()),
            "{self:?}: a stream that died looks complete: {streamed:?}"
        );
        streamed
    }
}

fn message(error: &Value) -> String {
    error["message"].as_str().unwrap_or_else(|| panic!("no message in {error}")).to_owned()
}

/// Events that have a type beside their data.
fn typed(body: &[u8]) -> Vec<(String, Value)> {
    let text = std::str::from_utf8(body).expect("a stream in UTF-8");
    assert!(text.ends_with("\n\n"), "the stream ends within an event: {text:?}");
    let events = text.split_terminator("\n\n").map(|event| {
        let (kind, data) = event.split_once('\n').unwrap_or_else(|| panic!("no two lines: {event:?}"));
        let kind = kind.strip_prefix("event: ").unwrap_or_else(|| panic!("no type: {event:?}")).to_owned();
        let data = data.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {event:?}"));
        let data: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
        assert_eq!(data["type"], kind.as_str(), "{event}");
        (kind, data)
    });
    events.collect()
}

fn messages(events: &[(String, Value)]) -> Streamed {
    let mut streamed = Streamed::default();
    for (at, (kind, data)) in events.iter().enumerate() {
        let is_last = at + 1 == events.len();
        match kind.as_str() {
            "content_block_delta" => {
                streamed.text.push_str(data["delta"]["text"].as_str().unwrap_or_default());
            }
            "message_stop" => streamed.is_complete = true,
            "error" => streamed.error = Some(message(&data["error"])),
            _ => continue,
        }
        assert!(is_last || kind == "content_block_delta", "something follows the end: {events:#?}");
    }
    streamed
}

fn responses(events: &[(String, Value)]) -> Streamed {
    let mut streamed = Streamed::default();
    for (number, (kind, data)) in events.iter().enumerate() {
        assert_eq!(data["sequence_number"], number, "{events:#?}");
        match kind.as_str() {
            "response.output_text.delta" => {
                streamed.text.push_str(data["delta"].as_str().unwrap_or_default());
                continue;
            }
            "response.completed" => streamed.is_complete = true,
            "response.failed" => streamed.error = Some(message(&data["response"]["error"])),
            _ => continue,
        }
        assert_eq!(number + 1, events.len(), "something follows the end: {events:#?}");
    }
    streamed
}

/// Google's server-sent events.
fn google(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).expect("a stream in UTF-8");
    assert!(text.ends_with("\r\n\r\n"), "the stream ends within an event: {text:?}");
    let events = text.split_terminator("\r\n\r\n").map(|event| {
        let data = event.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {event:?}"));
        serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"))
    });
    events.collect()
}

fn contents(events: &[Value]) -> Streamed {
    let mut streamed = Streamed::default();
    for (at, event) in events.iter().enumerate() {
        for part in event["candidates"][0]["content"]["parts"].as_array().into_iter().flatten() {
            streamed.text.push_str(part["text"].as_str().unwrap_or_default());
        }
        if event["candidates"][0]["finishReason"].is_string() {
            streamed.is_complete = true;
        } else if event["error"].is_object() {
            streamed.error = Some(message(&event["error"]));
        } else {
            continue;
        }
        assert_eq!(at + 1, events.len(), "something follows the end: {events:#?}");
    }
    streamed
}
