//! What must hold for any bytes. The fuzz targets call these functions; so does `tests/fuzz.rs`, with the fixtures.

use std::borrow::Cow;

use serde_json::value::RawValue;
use switchboard::config::Deployment;
use switchboard::dialects::{Body, Target};
use switchboard::exchange::{Streaming, translated};
use switchboard::frame::{Framer, Framing};
use switchboard::inbound::{LANGUAGES, Language, STREAM_ARRAY, native};
use switchboard::openai::{Memo, Operation, Request};
use switchboard::providers::{PROVIDERS, Provider};

/// More than any event of a translation is longer than the one that it was made of, bytes.
const GROWTH: usize = 2048;

/// Frames do not depend on how their bytes were cut: server-sent events, lines, and AWS event streams.
///
/// # Panics
/// When they do.
pub fn sse(data: &[u8]) {
    for framing in [Framing::Sse, Framing::Lines, Framing::EventStream] {
        let mended;
        let data = match framing {
            // With the right checksums, too: without them, a fuzzer gets no further than to the first message.
            Framing::EventStream if data.len().is_multiple_of(2) => {
                mended = mend(data);
                &mended[..]
            }
            _ => data,
        };
        let cut_up = |chunks: &[&[u8]]| {
            let mut cutter = Framer::new(framing);
            let mut frames = Vec::new();
            let mut each = |frame: switchboard::frame::Frame<'_>| {
                frames.push((frame.event.to_vec(), frame.data.to_vec(), frame.exception));
            };
            let mut fed = Ok(());
            for chunk in chunks {
                fed = fed.and_then(|()| cutter.feed(chunk, &mut each));
            }
            let ended = fed.and_then(|()| cutter.end(&mut each));
            (frames, ended)
        };
        let whole = cut_up(&[data]);
        for at in cuts(data) {
            let (before, after) = data.split_at(at);
            assert_eq!(cut_up(&[before, after]), whole, "cut at {at}");
        }
    }
}

/// A translated stream does not depend on how its bytes were cut, is made of JSON, and ends exactly once.
///
/// # Panics
/// When it does, is not, or does not.
pub fn stream(data: &[u8]) {
    for provider in speakers() {
        for operation in [Operation::Chat, Operation::Completions] {
            let translated = |chunks: &[&[u8]]| {
                let mut streaming =
                    Streaming::new(provider.dialect, native(operation), &memo(operation), provider.name);
                let mut out = Vec::new();
                for chunk in chunks {
                    out.extend_from_slice(streaming.feed(chunk, false));
                }
                out.extend_from_slice(streaming.feed(b"", true));
                out
            };
            let mended;
            let data = match provider.dialect.framing() {
                Framing::EventStream => {
                    mended = mend(data);
                    &mended[..]
                }
                _ => data,
            };
            let whole = translated(&[data]);
            for at in cuts(data) {
                let (before, after) = data.split_at(at);
                assert!(translated(&[before, after]) == whole, "{} cut at {at}", provider.name);
            }
            check_events(&whole);
            let lines = data.split(|byte| *byte == b'\n').count() + data.len() / 16;
            assert!(whole.len() <= 8 * data.len() + GROWTH * (2 + lines), "{} grows", provider.name);
        }
    }
}

/// A request is refused as the client's fault, or written as JSON; whatever is read as an answer or an error gives JSON, too.
///
/// # Panics
/// When something else comes out.
pub fn request(data: &[u8]) {
    for provider in speakers() {
        for operation in [Operation::Chat, Operation::Completions, Operation::Embeddings] {
            let mut memo = memo(operation);
            if let Ok(answer) = translated(provider.dialect, native(operation), data, &memo) {
                is_json(&answer.body);
            }
            is_json(&provider.dialect.error(400, data, &memo).to_body(provider.name).to_json());
            let Ok(request) = Request::parse(operation, data) else { continue };
            let sum = sum(data);
            // What models take differs: the bytes tell which three it is.
            for model in (0..3).map(|step| MODELS[(sum + step) % MODELS.len()]) {
                let deployment = deployment(provider.name, model);
                let to = Target {
                    provider,
                    deployment: &deployment,
                    model,
                    drop_params: model.len() % 2 == 0,
                    features: "",
                    version: "",
                    is_fallback: false,
                    allowed: None,
                    lacks_search: None,
                };
                match provider.dialect.request(&request, &to, &mut memo) {
                    Ok(outbound) => {
                        is_json(&match outbound.body {
                            Body::Bytes(body) => body,
                            Body::Form(_) | Body::Mock(_) => continue,
                            Body::Converted(answer) => answer.body,
                            Body::Edited(edits) => edits.write(request.body),
                            Body::Raised(fault) => fault.to_body(provider.name).to_json(),
                        });
                    }
                    Err(refused) => {
                        is_json(&refused.to_json());
                        assert!(
                            (400..500).contains(&refused.status),
                            "{}: {}",
                            provider.name,
                            refused.message
                        );
                    }
                }
            }
        }
    }
}

/// A request in a client's format is rejected as the client's error, or becomes JSON in the common form.
///
/// # Panics
/// Another result.
pub fn client_request(data: &[u8]) {
    for language in clients() {
        match language.request(Cow::Borrowed(data)) {
            Ok(common) => {
                is_json(&common.body);
                if let Err(refused) = Request::parse(language.operation(), &common.body) {
                    assert!((400..500).contains(&refused.status), "{}: {}", language.name(), refused.message);
                }
            }
            Err(refused) => {
                assert!((400..500).contains(&refused.status), "{}: {}", language.name(), refused.message);
                is_json(&language.error(&refused, "fuzz").unwrap_or_else(|| refused.to_json()));
            }
        }
        if language.count_endpoint().is_some() && language.counted_request(Cow::Borrowed(data)).is_ok() {
            is_json(&language.count(7));
        }
    }
}

/// A provider's stream for a client of another format does not depend on how its bytes were cut, and consists of JSON. So
/// does a complete response.
///
/// # Panics
/// When it does, or does not.
pub fn client_stream(data: &[u8]) {
    for provider in speakers() {
        let mended;
        let data = match provider.dialect.framing() {
            Framing::EventStream => {
                mended = mend(data);
                &mended[..]
            }
            _ => data,
        };
        // The bytes tell which format it is: all of them would take five times as long.
        let languages: Vec<_> =
            clients().filter(|language| language.operation() == Operation::Chat).collect();
        let language = languages[sum(data) % languages.len()];
        let memo = Memo { stream: true, ..memo(Operation::Chat) };
        let events = |chunks: &[&[u8]]| {
            let mut streaming = Streaming::new(provider.dialect, language, &memo, provider.name);
            let mut out = Vec::new();
            for chunk in chunks {
                out.extend_from_slice(streaming.feed(chunk, false));
            }
            out.extend_from_slice(streaming.feed(b"", true));
            out
        };
        let whole = events(&[data]);
        for at in cuts(data) {
            let (before, after) = data.split_at(at);
            assert!(
                events(&[before, after]) == whole,
                "{} for {} cut at {at}",
                provider.name,
                language.name()
            );
        }
        if language == &STREAM_ARRAY as &dyn Language {
            is_json(&whole);
        } else {
            whole
                .split(|byte| *byte == b'\n')
                .filter_map(|line| line.strip_prefix(b"data: "))
                .for_each(is_json);
        }
        let memo = Memo { stream: false, ..memo };
        if let Ok(answer) = translated(provider.dialect, language, data, &memo) {
            is_json(&answer.body);
        }
    }
}

/// The formats of clients besides `OpenAI`'s own.
fn clients() -> impl Iterator<Item = &'static dyn Language> {
    LANGUAGES.into_iter().filter(|language| native(language.operation()) != *language)
}

/// Models of which some gate or table knows.
const MODELS: &[&str] = &[
    "amazon.nova-2-lite-v1:0",
    "amazon.titan-embed-text-v2:0",
    "claude-3-5-haiku",
    "claude-opus-5-5",
    "claude-sonnet-4-5",
    "cohere.embed-v4:0",
    "gemini-2.5-flash",
    "gemini-3-pro",
    "gpt-5.4",
    "gpt-oss:20b",
    "openai.gpt-oss-120b-1:0",
    "the-model",
    "us.anthropic.claude-opus-4-6-v1",
];

/// One row for each way of speaking: many vendors share one. `$DIALECT` narrows them to those of one language, and
/// the fuzzer to it.
fn speakers() -> impl Iterator<Item = &'static Provider> {
    static ONLY: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let only = ONLY.get_or_init(|| std::env::var("DIALECT").ok());
    PROVIDERS.iter().enumerate().filter_map(move |(at, row)| {
        // A language without data has no size, and may share its address with another one.
        let is_known = |known: &Provider| {
            core::ptr::addr_eq(known.dialect, row.dialect) && known.dialect.name() == row.dialect.name()
        };
        let is_asked = only.as_ref().is_none_or(|only| only == row.dialect.name());
        (is_asked && !PROVIDERS[..at].iter().any(is_known)).then_some(row)
    })
}

/// AWS event stream messages with the right checksums: without them, nothing that a fuzzer turns would be read.
fn mend(data: &[u8]) -> Vec<u8> {
    let mut mended = data.to_vec();
    let mut rest = &mut mended[..];
    while let Some(total) = rest.first_chunk().map(|total| u32::from_be_bytes(*total) as usize) {
        if total < 16 || total > rest.len() {
            break;
        }
        let (message, after) = rest.split_at_mut(total);
        let checksum = crc32fast::hash(&message[..8]).to_be_bytes();
        message[8..12].copy_from_slice(&checksum);
        let checksum = crc32fast::hash(&message[..total - 4]).to_be_bytes();
        message[total - 4..].copy_from_slice(&checksum);
        rest = after;
    }
    mended
}

fn check_events(out: &[u8]) {
    let text = core::str::from_utf8(out).expect("the client's stream is UTF-8");
    let mut ends = 0;
    for event in text.strip_suffix("\n\n").expect("the last event ends").split("\n\n") {
        assert_eq!(ends, 0, "after the end: {event}");
        // A relayed event may have several lines of data.
        let data: Vec<&str> =
            event.split('\n').map(|line| line.strip_prefix("data: ").expect("a line of data")).collect();
        let data = data.join("\n");
        ends += usize::from(data == "[DONE]" || data.starts_with("{\"error\":"));
        if data != "[DONE]" {
            is_json(data.as_bytes());
        }
    }
    assert_eq!(ends, 1, "a stream ends once");
}

fn is_json(bytes: &[u8]) {
    let parsed: Result<&RawValue, _> = serde_json::from_slice(bytes);
    assert!(parsed.is_ok(), "no JSON: {}", String::from_utf8_lossy(bytes));
}

/// Some places to cut: the ends, the middle, and one that depends on the bytes.
fn cuts(data: &[u8]) -> [usize; 4] {
    [1.min(data.len()), data.len() / 2, data.len().saturating_sub(1), sum(data) % (data.len() + 1)]
}

/// A number that depends on every byte.
fn sum(data: &[u8]) -> usize {
    data.iter().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)))
}

fn deployment(provider: &str, model: &str) -> Deployment {
    let text = format!(
        r#"{{"id":"d","group":"g","provider":"{provider}","model":"{model}","api_base":"https://example.com"}}"#
    );
    switchboard::json::read(text.as_str()).expect("a deployment")
}

fn memo(operation: Operation) -> Memo {
    Memo {
        names: None,
        prompt_estimate: 0,
        echo: None,
        wire: None,
        counts: false,
        operation,
        model: "the-model".into(),
        stream: false,
        include_usage: true,
        base64: false,
        created: 1_700_000_000,
        id: "fuzz".into(),
        function_call: false,
        json_tool: Some("json_tool_call".to_owned()),
        renamed: Vec::new(),
        headers: Vec::new(),
    }
}
