//! Answers that real providers gave, passed through the real Envoy: what was recorded is what the client gets.

#[path = "../../fixtures/eventstream.rs"]
mod eventstream;
#[path = "../../fixtures/recorded.rs"]
mod recorded;

use std::fmt::Write as _;

use fake_provider::case::{Piece, Wire};
use fake_provider::{Case, Fault, Step};
use recorded::{Asked, Recording, recordings, told};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, languages, question};

/// Answers the case with the recording: as it was, and then cut anywhere.
fn replay(recording: &Recording, case: &Case) {
    let pieces = recording.wire(eventstream::message).iter().map(|piece| Piece::of(piece)).collect();
    let status = if recording.events[0]["error"].is_object() { 400 } else { 200 };
    let step = Step::wire(Wire { status, content_type: recording.content_type().to_owned(), pieces });
    case.then(step.clone()).then(step.with(Fault::Shred { size: 97 }));
}

/// Asks for what was asked for.
async fn ask(recording: &Recording, case: &Case) -> Answer {
    let (model, prompt) = (recording.provider, case.prompt("Hello"));
    let (path, mut body) = match recording.asked {
        Asked::Chat => ("/v1/chat/completions", question(model, &prompt)),
        Asked::Completion => ("/v1/completions", json!({ "model": model, "prompt": prompt })),
        Asked::Embedding => {
            ("/v1/embeddings", json!({ "model": model, "input": prompt, "encoding_format": "float" }))
        }
    };
    // Whoever says when to come back would be waited for.
    body["num_retries"] = json!(0);
    if recording.is_stream {
        body["stream"] = json!(true);
        body["stream_options"] = json!({ "include_usage": true });
    }
    languages().post(path, &body).await.send().await
}

#[tokio::test]
async fn whole_answers_say_what_was_recorded() {
    for recording in recordings().iter().filter(|recording| !recording.is_stream) {
        let case = languages().case();
        replay(recording, &case);
        for _ in 0..2 {
            let answer = ask(recording, &case).await;
            if let Some(words) = recording.fault() {
                assert!(answer.status >= 400, "{}: {}", recording.name(), answer.text());
                assert!(answer.text().contains(words), "{}: {}", recording.name(), answer.text());
                continue;
            }
            assert_eq!(answer.status, 200, "{}: {}", recording.name(), answer.text());
            assert_eq!(answer.json()["model"], recording.provider, "{}", recording.name());
            recording.compare(&told(&[answer.json()]));
        }
    }
}

#[tokio::test]
async fn streams_say_what_was_recorded_however_they_are_cut() {
    for recording in recordings().iter().filter(|recording| recording.is_stream) {
        let case = languages().case();
        replay(recording, &case);
        for _ in 0..2 {
            let answer = ask(recording, &case).await;
            assert_eq!(answer.status, 200, "{}: {}", recording.name(), answer.text());
            let events = answer.events();
            if let Some(words) = recording.fault() {
                let error = events.error().unwrap_or_default().to_string();
                assert!(!events.is_done() && error.contains(words), "{}: {error}", recording.name());
                continue;
            }
            assert!(events.is_done(), "{}: {}", recording.name(), answer.text());
            recording.compare(&told(&events.chunks()));
        }
    }
}

#[tokio::test]
async fn answers_of_openai_pass_with_nothing_but_the_model_changed() {
    let of_openai = |recording: &&Recording| recording.provider == "openai" && recording.fault().is_none();
    for recording in recordings().iter().filter(of_openai) {
        let case = languages().case();
        replay(recording, &case);
        let answer = ask(recording, &case).await.expect(200);
        let wire = String::from_utf8(recording.wire(eventstream::message).concat()).unwrap();
        let mut wanted = String::new();
        for piece in wire.split_inclusive("\n\n") {
            let json = piece.strip_prefix("data: ").unwrap_or(piece);
            let said: Value = serde_json::from_str(json).unwrap_or_default();
            let theirs = said["model"].as_str().unwrap_or("no model");
            // Some have a space after the colon.
            for colon in [":", ": "] {
                if let Some((before, after)) = piece.split_once(&format!("\"model\"{colon}\"{theirs}\"")) {
                    write!(wanted, "{before}\"model\"{colon}\"openai\"{after}").unwrap();
                }
            }
            // Azure's first chunk has an empty `object`, which is filled in for a server that is not OpenAI's own.
            if said["object"] == "" {
                wanted = wanted.replace("\"object\":\"\"", "\"object\":\"chat.completion.chunk\"");
            }
            if said.is_null() {
                wanted.push_str(piece);
            }
        }
        assert_eq!(answer.text(), wanted, "{}", recording.name());
    }
}
