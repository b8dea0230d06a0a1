//! Real answers of providers, where their recordings are present: text, calls, ending and usage come out as recorded.

#[path = "fixtures/eventstream.rs"]
mod eventstream;
#[path = "fixtures/recorded.rs"]
mod recorded;

use recorded::{Asked, Recording, recordings, told};
use serde_json::Value;
use switchboard::exchange::{Streaming, translated};
use switchboard::inbound::{CHAT, GENERATE, Language, MESSAGES, STREAM};
use switchboard::openai::{Memo, Operation};
use switchboard::providers::{Provider, find};

#[test]
fn whole_answers_say_what_was_recorded() {
    for recording in recordings().iter().filter(|recording| !recording.is_stream) {
        let provider = find(recording.provider).unwrap();
        let translated = translated(provider.dialect, &CHAT, recording.text.as_bytes(), &memo(recording));
        match (recording.fault(), translated) {
            (None, Ok(answer)) => {
                let answer: Value = serde_json::from_slice(&answer.body).unwrap();
                assert_eq!(answer["model"], "the-model", "{}", recording.name());
                recording.compare(&told(&[answer]));
            }
            (Some(words), Err(fault)) => {
                assert!(fault.message.contains(words), "{}: {fault:?}", recording.name());
            }
            (_, translated) => panic!("{}: {translated:?}", recording.name()),
        }
    }
}

#[test]
fn streams_say_what_was_recorded_however_they_are_cut() {
    for recording in recordings().iter().filter(|recording| recording.is_stream) {
        let provider = find(recording.provider).unwrap();
        let wire = recording.wire(eventstream::message).concat();
        let whole = stream(provider, recording, &[&wire]);
        let pieces: Vec<&[u8]> = wire.chunks(97).collect();
        assert!(stream(provider, recording, &pieces) == whole, "{} depends on its cuts", recording.name());
        let whole = String::from_utf8(whole).unwrap();
        if let Some(words) = recording.fault() {
            assert!(whole.contains(words) && !whole.contains("[DONE]"), "{}: {whole}", recording.name());
            continue;
        }
        let body = whole.strip_suffix("data: [DONE]\n\n").unwrap_or_else(|| panic!("{}", recording.name()));
        let data = body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
        let chunks: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
        recording.compare(&told(&chunks));
    }
}

/// Recordings of providers with an API that clients have, too, and that API.
fn shared() -> Vec<(Recording, &'static dyn Language)> {
    let language = |recording: &Recording| -> Option<&'static dyn Language> {
        match (recording.provider, recording.is_stream) {
            ("anthropic", _) => Some(&MESSAGES),
            ("gemini", false) => Some(&GENERATE),
            ("gemini", true) => Some(&STREAM),
            _ => None,
        }
    };
    // A second beginning is left out.
    let begins_once = |recording: &Recording| {
        recording.events.iter().filter(|event| event["type"] == "message_start").count() < 2
    };
    let all = recordings().into_iter().filter(|recording| recording.fault().is_none());
    let shared = all.filter(begins_once).filter_map(|recording| {
        let language = language(&recording)?;
        Some((recording, language))
    });
    shared.collect()
}

/// The same, with the name that the client asked for.
fn renamed(mut said: Value) -> Value {
    for place in ["/model", "/message/model", "/modelVersion"] {
        if let Some(model) = said.pointer_mut(place).filter(|model| !model.is_null()) {
            *model = "the-model".into();
        }
    }
    said
}

#[test]
fn whole_answers_pass_to_clients_of_the_same_api_as_they_were_recorded() {
    for (recording, language) in shared().iter().filter(|(recording, _)| !recording.is_stream) {
        let dialect = find(recording.provider).unwrap().dialect;
        let text = recording.text.as_bytes();
        let relayed = Memo { wire: language.wire(), ..memo(recording) };
        let answer = translated(dialect, *language, text, &relayed).unwrap();
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(said, renamed(recording.events[0].clone()), "{}", recording.name());
        let usage = translated(dialect, &CHAT, text, &memo(recording)).unwrap().usage;
        assert_eq!(answer.usage, usage, "{}", recording.name());
    }
}

#[test]
fn streams_pass_to_clients_of_the_same_api_as_they_were_recorded() {
    for (recording, language) in shared().iter().filter(|(recording, _)| recording.is_stream) {
        let provider = find(recording.provider).unwrap();
        let relayed = Memo { wire: language.wire(), ..memo(recording) };
        let mut streaming = Streaming::new(provider.dialect, *language, &relayed, provider.name);
        let wire = recording.wire(eventstream::message).concat();
        let mut out = Vec::new();
        for chunk in wire.chunks(97) {
            out.extend_from_slice(streaming.feed(chunk, false));
        }
        out.extend_from_slice(streaming.feed(b"", true));
        let out = String::from_utf8(out).unwrap();
        let data = out.lines().filter_map(|line| line.strip_prefix("data: "));
        let said: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
        let expected: Vec<Value> = recording.events.iter().cloned().map(renamed).collect();
        assert!(said.starts_with(&expected), "{}: {out}", recording.name());
        // A missing end is added.
        assert!(said.len() <= expected.len() + 1, "{}: {out}", recording.name());
    }
}

fn stream(provider: &Provider, recording: &Recording, chunks: &[&[u8]]) -> Vec<u8> {
    let mut streaming = Streaming::new(provider.dialect, &CHAT, &memo(recording), provider.name);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(streaming.feed(chunk, false));
    }
    out.extend_from_slice(streaming.feed(b"", true));
    out
}

fn memo(recording: &Recording) -> Memo {
    Memo {
        names: None,
        prompt_estimate: 0,
        echo: None,
        wire: None,
        counts: false,
        operation: match recording.asked {
            Asked::Chat => Operation::Chat,
            Asked::Completion => Operation::Completions,
            Asked::Embedding => Operation::Embeddings,
        },
        model: "the-model".into(),
        stream: recording.is_stream,
        include_usage: true,
        base64: false,
        created: 1_700_000_000,
        id: "recording".into(),
        function_call: false,
        json_tool: None,
        renamed: Vec::new(),
        headers: Vec::new(),
    }
}
