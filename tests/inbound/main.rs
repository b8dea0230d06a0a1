//! Clients' languages besides `OpenAI`'s: requests as the chat that they become, and every provider's answers and streams as
//! those clients get them, byte for byte. `UPDATE=1` rewrites; review the difference.

#[path = "../fixtures/mod.rs"]
mod fixtures;
mod gemini;
mod gemini_relayed;
mod hostile;
mod messages;
mod relayed;
mod responses;

use std::fs;
use std::path::{Path, PathBuf};

use fixtures::{Case, Kind, cases};
use switchboard::exchange::{Streaming, translated};
use switchboard::inbound::Language;
use switchboard::openai::Operation;

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

/// A whole answer, or the error in its place.
fn answer(case: &Case, language: &'static dyn Language) -> Vec<u8> {
    match translated(case.dialect(), language, &case.input, &case.memo()) {
        Ok(answer) => answer.body,
        Err(fault) => language.error(&fault.to_body(case.provider.name), "fixture").unwrap(),
    }
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
        for at in 0..case.input.len() {
            let (before, after) = case.input.split_at(at);
            assert!(stream(&case, language, &[before, after]) == whole, "{} cut at {at}", case.path());
        }
    }
}

/// Compares with the file, or writes it.
#[track_caller]
fn golden(file: &Path, bytes: &[u8]) {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
    let expected = fs::read(file).unwrap_or_default();
    assert!(
        expected == bytes,
        "{} differs; UPDATE=1 rewrites it:\n{}",
        file.display(),
        String::from_utf8_lossy(bytes)
    );
}
