//! Clients' languages besides `OpenAI`'s: requests as the chat that they become, and every provider's answers and streams as
//! those clients get them, byte for byte. `UPDATE=1` rewrites; review the difference.

mod alike;
mod errors;
#[path = "../fixtures/eventstream.rs"]
mod eventstream;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod gemini;
mod gemini_relayed;
mod hostile;
mod messages;
mod relayed;
mod relayed_bedrock;
mod responses;
mod responses_relayed;
mod searches;
mod state;
mod together;
mod turns;
mod users;

use std::path::{Path, PathBuf};

use fixtures::{Case, Kind, cases, cuts, golden, written};
use serde_json::Value;
use switchboard::exchange::{Streaming, translated};
use switchboard::inbound::Language;
use switchboard::openai::{ErrorBody, Memo, Operation};

/// Where a language's fixtures are.
fn folder(language: &dyn Language) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/inbound").join(language.name())
}

/// The chats of the providers' languages, without those of vendors that speak them with an accent.
fn chats(kind: Kind) -> Vec<Case> {
    let languages = ["anthropic", "bedrock", "cohere", "gemini", "ollama", "openai"];
    let is_chat =
        |case: &Case| languages.contains(&case.provider.name) && case.memo().operation == Operation::Chat;
    cases(kind).into_iter().filter(is_chat).collect()
}

/// Sends a client's request to a provider.
fn sent(
    language: &'static dyn Language,
    provider: &str,
    model: &str,
    body: &Value,
) -> Result<Value, ErrorBody> {
    sent_and_noted(language, provider, model, body).map(|(sent, _)| sent)
}

/// The same, and what is noted for the answer.
fn sent_and_noted(
    language: &'static dyn Language,
    provider: &str,
    model: &str,
    body: &Value,
) -> Result<(Value, Memo), ErrorBody> {
    let memo = chats(Kind::Response)[0].memo();
    let (_, sent, memo) = written(language, provider, model, body.to_string().into_bytes(), memo)?;
    Ok((serde_json::from_slice(&sent).unwrap(), memo))
}

/// A whole answer, or the error in its place.
fn answer(case: &Case, language: &'static dyn Language) -> Vec<u8> {
    match translated(case.dialect(), language, &case.input, &case.memo()) {
        Ok(answer) => answer.body,
        Err(fault) => language.error(&fault.to_body(case.provider.name), "fixture").unwrap(),
    }
}

/// A whole answer to a client that asked for a stream, if it is not an error.
fn answer_as_stream(case: &Case, language: &'static dyn Language) -> Option<Vec<u8>> {
    let memo = Memo { stream: true, include_usage: true, ..case.memo() };
    Some(translated(case.dialect(), language, &case.input, &memo).ok()?.body)
}

/// JSON as JavaScript reads it: half a surrogate pair is a character. Rust has none for it, so it stays the escape that it was.
fn parsed(json: &str) -> Value {
    let json = json.replace("\\ud8", "\\\\ud8").replace("\\ude", "\\\\ude");
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// A stream that comes in these chunks.
fn stream(case: &Case, language: &'static dyn Language, chunks: &[&[u8]]) -> Vec<u8> {
    let mut streaming = Streaming::new(case.dialect(), language, &case.memo(), case.provider.name);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(streaming.feed(chunk, false));
    }
    out.extend_from_slice(streaming.feed(b"", true));
    out
}

/// Compares every provider's streams with their files. `in_order` checks the order of the events.
fn streams(language: &'static dyn Language, in_order: impl Fn(&str, &str)) {
    for case in chats(Kind::Stream) {
        let bytes = stream(&case, language, &[&case.input]);
        golden(&folder(language).join(format!("{}.sse", case.path())), &bytes);
        in_order(&String::from_utf8(bytes).unwrap(), &case.path());
    }
}

/// Cuts every provider's streams at every byte: the output is the same.
fn cut_anywhere(language: &'static dyn Language) {
    for case in chats(Kind::Stream) {
        let whole = stream(&case, language, &[&case.input]);
        for (at, pieces) in cuts(&case.input) {
            assert!(stream(&case, language, &pieces) == whole, "{} cut from {at}", case.path());
        }
    }
}
