//! The estimate of tokens beside real tokenizers: `tests/tokens/samples.json` has texts with the counts of OpenAI's `o200k_base`
//! (by the package `bpe-openai` 0.1.4), and recorded streams have those of their vendors.

#[path = "fixtures/eventstream.rs"]
mod eventstream;
#[path = "fixtures/recorded.rs"]
mod recorded;

use recorded::{Asked, recordings};
use serde_json::Value;
use switchboard::exchange::Streaming;
use switchboard::inbound::CHAT;
use switchboard::openai::{Memo, Operation};
use switchboard::providers::find;
use switchboard::tokens::Tokens;

/// Whether an estimate is within a quarter of the count.
fn is_near(estimate: u64, count: u64) -> bool {
    estimate.abs_diff(count) * 4 <= count
}

#[test]
fn texts_of_many_kinds_are_counted_within_a_quarter() {
    let samples: Vec<Value> = serde_json::from_str(include_str!("tokens/samples.json")).unwrap();
    assert!(samples.len() > 15);
    for sample in samples {
        let token = sample["text"].to_string();
        let mut tokens = Tokens::default();
        tokens.add(&token[1..token.len() - 1]);
        let count = sample["o200k"].as_u64().unwrap();
        assert!(is_near(tokens.count(), count), "{}: {} tokens, not {count}", sample["name"], tokens.count());
    }
}

/// Answers whose counts have more in them than their words: what the model thought and did not say, what tools of the
/// provider's said, and the form of a call, which is some forty tokens at Claude.
fn has_more(counted: &Value) -> bool {
    const MORE: [&str; 7] =
        ["reasoning", "thinking", "iterations", "thoughts", "tool_use", "toolUse", "tool_calls"];
    let text = counted.to_string();
    MORE.iter().any(|word| text.contains(word))
}

/// Recordings that lack most of the words that their counts are of.
const SHORTENED: [&str; 3] = [
    "anthropic/duplicate-message-start.chunks.txt",
    "perplexity/perplexity-citations.chunks.txt",
    "perplexity/perplexity-text.chunks.txt",
];

#[test]
fn recorded_streams_are_counted_within_a_quarter_by_their_words() {
    let (mut compared, mut far) = (0, Vec::new());
    for recording in recordings().iter().filter(|recording| recording.is_stream) {
        if recording.asked != Asked::Chat || recording.events.iter().any(has_more) {
            continue;
        }
        if SHORTENED.contains(&&*recording.name()) {
            continue;
        }
        let provider = find(recording.provider).unwrap();
        let memo = Memo {
            names: None,
            prompt_estimate: 0,
            echo: None,
            wire: None,
            counts: false,
            operation: Operation::Chat,
            model: "the-model".into(),
            stream: true,
            include_usage: true,
            base64: false,
            created: 1_700_000_000,
            id: "recording".into(),
            json_tool: None,
            function_call: false,
            renamed: Vec::new(),
            headers: Vec::new(),
        };
        let mut streaming = Streaming::new(provider.dialect, &CHAT, &memo, provider.name);
        streaming.feed(&recording.wire(eventstream::message).concat(), true);
        let (estimate, count) = (streaming.writer().produced(), streaming.writer().used().completion);
        if count >= 60 {
            compared += 1;
            far.extend(
                (!is_near(estimate, count)).then(|| format!("{}: {estimate}/{count}", recording.name())),
            );
        }
    }
    assert_eq!(far, Vec::<String>::new());
    assert!(compared > 3 || recordings().is_empty());
}
