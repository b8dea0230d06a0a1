//! A request, its attempt, and what became of it.

use std::rc::Rc;

use switchboard::exchange::{Admission, Attempt, Head, HeadStep, Opening, Outgoing};
use switchboard::worker::{Passage, Streamed};

/// The idle timeout of streams, milliseconds.
pub(crate) const PATIENCE_MS: u64 = 20_000;

/// What a response costs, picodollars: 10 tokens of the prompt and as many of the response as asked for.
pub(crate) fn cost(completion: u64) -> u64 {
    (10 + completion) * 1_000_000
}

/// A request.
pub(crate) struct Request {
    /// The number of its context.
    pub(crate) context: u32,
    pub(crate) streams: bool,
    /// When it was admitted, on the monotonic clock.
    pub(crate) since_ms: u64,
    /// The number by which its attempt finds it.
    pub(crate) number: u64,
    pub(crate) state: State,
    /// How often it was forwarded or replied to.
    pub(crate) outcomes: u32,
}

pub(crate) enum State {
    /// It waits for the key service to say what its key is.
    Joining(Box<Admission>),
    /// It waits for capacity.
    Waiting(Rc<Passage>),
    /// It was forwarded.
    Running(Rc<Passage>, Box<Attempt>),
    /// Its response is being streamed.
    Streaming(Rc<Passage>, Box<Attempt>, Stream),
    /// It has ended.
    Over,
}

/// A response that is being streamed.
pub(crate) struct Stream {
    pub(crate) watched: Option<Rc<Streamed>>,
    /// When the last event came, on the monotonic clock.
    pub(crate) heard_ms: u64,
    /// Its final event was written.
    pub(crate) is_ended: bool,
    pub(crate) is_reset: bool,
    pub(crate) releases: u32,
}

const EVENT: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"word \"},\"finish_reason\":null}]}\n\n";

impl State {
    pub(crate) fn passage(&self) -> Option<&Rc<Passage>> {
        match self {
            Self::Waiting(passage) | Self::Running(passage, _) | Self::Streaming(passage, ..) => {
                Some(passage)
            }
            Self::Joining(_) | Self::Over => None,
        }
    }
}

/// The client's request.
pub(crate) fn body(streams: bool) -> Vec<u8> {
    let text = r#"{"model":"gpt","max_tokens":40,"messages":[{"role":"user","content":"Hello"}]"#;
    [text, if streams { r#","stream":true}"# } else { "}" }].concat().into_bytes()
}

/// Sends a request to its provider.
pub(crate) fn send(attempt: &mut Attempt, streams: bool, now_ms: u64) {
    assert!(matches!(attempt.request(&body(streams), now_ms), Outgoing::Send { .. }));
}

fn head(kind: &str) -> Head {
    Head::new(vec![(":status".to_owned(), b"200".to_vec()), ("content-type".to_owned(), kind.into())])
}

/// The whole response arrives.
pub(crate) fn answer(attempt: &mut Attempt, completion: u64) {
    assert!(matches!(attempt.response_head(head("application/json"), false), HeadStep::Hold));
    let body = serde_json::json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": completion, "total_tokens": 10 + completion},
    });
    assert!(attempt.response_body(body.to_string().as_bytes()).is_some());
}

/// The first event of a stream arrives. Returns the number of bytes that are sent to the client.
pub(crate) fn begin(attempt: &mut Attempt, now_ms: u64) -> usize {
    assert!(matches!(attempt.response_head(head("text/event-stream"), false), HeadStep::Hold));
    let Opening::Begin(_, events) = attempt.open(EVENT.as_bytes(), false, now_ms) else { panic!("a stream") };
    events.len()
}

/// Another event arrives.
pub(crate) fn go_on(attempt: &mut Attempt) {
    assert!(attempt.response_chunk(EVENT.as_bytes(), false).is_some());
}

/// The end of a stream arrives, with its usage.
pub(crate) fn end(attempt: &mut Attempt, completion: u64) {
    let usage = serde_json::json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": completion, "total_tokens": 10 + completion},
    });
    let stop = r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let chunk = format!("{stop}\n\ndata: {usage}\n\ndata: [DONE]\n\n");
    assert!(attempt.response_chunk(chunk.as_bytes(), true).is_some());
}
