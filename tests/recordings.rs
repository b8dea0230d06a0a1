//! Real answers of providers, where their recordings are present beside the repository.

#[path = "fixtures/eventstream.rs"]
mod eventstream;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use switchboard::exchange::Streaming;
use switchboard::frame::Framing;
use switchboard::openai::{Memo, Operation};
use switchboard::providers::{PROVIDERS, Provider};

/// Recordings that hold a fault of the provider's, and what is made of it.
const FAULTS: &[(&str, &str)] = &[
    // A second answer begins inside a call of the first.
    ("spliced-message-start.chunks.txt", "began its answer a second time"),
    // An error of the provider's, as it stands.
    ("reasoning-model-legacy-parameter-error.json", "Unsupported parameter: 'max_tokens'"),
    ("google-429-retry-info.json", "You exceeded your current quota"),
];

#[test]
fn recorded_answers_are_translated() {
    let recordings = recordings();
    let mut count = 0;
    for (provider, files) in &recordings {
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json"))
        {
            let body = fs::read(file).unwrap();
            let recorded: Value = serde_json::from_slice(&body).unwrap();
            let Some(operation) = operation_of(&recorded) else { continue };
            count += 1;
            let translated = provider.dialect.answer(&body, &memo(operation));
            match (fault_of(file), translated) {
                (None, Ok(answer)) => check_answer(file, &recorded, &answer.body),
                (Some(words), Err(fault)) => {
                    assert!(fault.message.contains(words), "{}: {fault:?}", file.display());
                }
                (_, translated) => panic!("{}: {translated:?}", file.display()),
            }
        }
    }
    assert!(recordings.is_empty() || count > 0, "no recording was known for what it is");
}

#[test]
fn recorded_streams_are_translated_however_they_are_cut() {
    let recordings = recordings();
    let mut count = 0;
    for (provider, files) in &recordings {
        for file in files.iter().filter(|file| file.to_str().unwrap().ends_with(".chunks.txt")) {
            let lines = fs::read_to_string(file).unwrap();
            let Some(operation) =
                lines.lines().next().and_then(|line| operation_of(&serde_json::from_str(line).ok()?))
            else {
                continue;
            };
            count += 1;
            let framed = match provider.dialect.framing() {
                Framing::EventStream => message,
                _ => event,
            };
            let mut wire: Vec<u8> = lines.lines().filter(|line| !line.is_empty()).flat_map(framed).collect();
            if provider.dialect.name() == "openai" {
                wire.extend_from_slice(b"data: [DONE]\n\n");
            }
            let whole = stream(provider, operation, &[&wire]);
            let pieces: Vec<&[u8]> = wire.chunks(97).collect();
            assert!(stream(provider, operation, &pieces) == whole, "{} depends on its cuts", file.display());
            let whole = String::from_utf8(whole).unwrap();
            if let Some(words) = fault_of(file) {
                assert!(whole.contains(words) && !whole.contains("[DONE]"), "{}: {whole}", file.display());
            } else {
                check_stream(file, &lines, &whole);
            }
        }
    }
    assert!(recordings.is_empty() || count > 0, "no recording was known for what it is");
}

/// What stands in the answer must come out of the translation.
fn check_answer(file: &Path, recorded: &Value, body: &[u8]) {
    let answer: Value =
        serde_json::from_slice(body).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(answer["model"], "the-model", "{}", file.display());
    let choice = &answer["choices"][0];
    if let Some(candidate) = recorded["candidates"].get(0) {
        let (text, calls) = said_by(candidate);
        let message = &choice["message"];
        assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{}", file.display());
        assert_eq!(message["tool_calls"].as_array().map_or(0, Vec::len), calls, "{}", file.display());
        assert_eq!(
            choice["finish_reason"],
            if calls > 0 { "tool_calls" } else { "stop" },
            "{}",
            file.display()
        );
        assert_eq!(answer["usage"]["total_tokens"], recorded["usageMetadata"]["totalTokenCount"]);
    }
    if let Some(message) = recorded["choices"][0].get("message") {
        let told = &choice["message"];
        assert_eq!(
            told["content"].as_str().unwrap_or_default(),
            words(&message["content"]),
            "{}",
            file.display()
        );
        let calls = |message: &Value| message["tool_calls"].as_array().map_or(0, Vec::len);
        assert_eq!(calls(told), calls(message), "{}", file.display());
        let thought = message["reasoning"].as_str().or(message["reasoning_content"].as_str());
        assert!(thought.is_none_or(|thought| told["reasoning_content"] == thought), "{}", file.display());
    }
    if let Some(blocks) = recorded["output"]["message"]["content"].as_array() {
        let message = &choice["message"];
        let text: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{}", file.display());
        let calls: Vec<&Value> =
            blocks.iter().map(|block| &block["toolUse"]).filter(|call| call.is_object()).collect();
        let made = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        assert_eq!(made.len(), calls.len(), "{}", file.display());
        for (made, call) in made.iter().zip(&calls) {
            let arguments: Value =
                serde_json::from_str(made["function"]["arguments"].as_str().unwrap()).unwrap();
            assert_eq!((&made["id"], &arguments), (&call["toolUseId"], &call["input"]), "{}", file.display());
        }
        let finish = if calls.is_empty() { "stop" } else { "tool_calls" };
        assert_eq!(choice["finish_reason"], finish, "{}", file.display());
        assert_eq!(answer["usage"]["total_tokens"], recorded["usage"]["totalTokens"]);
    }
    if let Some(message) = recorded.get("message") {
        let told = &choice["message"];
        assert_eq!(
            told["content"].as_str().unwrap_or_default(),
            words(&message["content"]),
            "{}",
            file.display()
        );
        assert_eq!(
            told["tool_calls"].as_array().map_or(0, Vec::len),
            message["tool_calls"].as_array().map_or(0, Vec::len),
            "{}",
            file.display()
        );
        assert_eq!(answer["usage"]["prompt_tokens"], recorded["usage"]["tokens"]["input_tokens"]);
    }
    let Some(blocks) = recorded["content"].as_array() else { return };
    let of = |kind: &str| blocks.iter().filter(|block| block["type"] == kind).collect::<Vec<_>>();
    let text: String = of("text").iter().filter_map(|block| block["text"].as_str()).collect();
    assert_eq!(choice["message"]["content"].as_str().unwrap_or_default(), text, "{}", file.display());
    let calls = choice["message"]["tool_calls"].as_array().map_or(0, Vec::len);
    assert_eq!(calls, of("tool_use").len(), "{}", file.display());
    assert!(choice["finish_reason"].is_string(), "{}", file.display());
    assert!(answer["usage"]["prompt_tokens"].as_u64() >= recorded["usage"]["input_tokens"].as_u64());
}

/// A content of `OpenAI`'s form: a text, or parts of which some have words.
fn words(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    content.as_str().into_iter().chain(parts).collect()
}

/// The words and the number of calls of a candidate; a call in pieces has one name.
fn said_by(candidate: &Value) -> (String, usize) {
    let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let words = parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str());
    (words.collect(), parts.iter().filter(|part| part["functionCall"]["name"].is_string()).count())
}

fn check_stream(file: &Path, recorded: &str, out: &str) {
    assert!(out.ends_with("data: [DONE]\n\n") && !out.contains("\"error\""), "{}: {out}", file.display());
    let mut text = String::new();
    let mut finishes = 0;
    let mut calls = Vec::new();
    for event in out.split("\n\n") {
        let Some(data) = event.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
        let chunk: Value =
            serde_json::from_str(data).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for choice in chunk["choices"].as_array().unwrap() {
            text.push_str(
                choice["delta"]["content"].as_str().or(choice["text"].as_str()).unwrap_or_default(),
            );
            finishes += usize::from(choice["finish_reason"].is_string());
            for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
                let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                calls.resize(calls.len().max(at + 1), String::new());
                calls[at].push_str(call["function"]["arguments"].as_str().unwrap_or_default());
            }
        }
    }
    assert_eq!(finishes, 1, "{}", file.display());
    // Up to the end of the first answer: some recordings hold several.
    let mut expected = String::new();
    let mut expected_calls = 0;
    for line in recorded.lines().filter(|line| !line.is_empty()) {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["type"] == "message_stop" {
            break;
        }
        for candidate in event["candidates"].as_array().into_iter().flatten() {
            let (words, named) = said_by(candidate);
            expected.push_str(&words);
            expected_calls += named;
        }
        expected.push_str(event["delta"]["text"].as_str().unwrap_or_default());
        expected.push_str(event["delta"]["message"]["content"]["text"].as_str().unwrap_or_default());
        expected.push_str(event["contentBlockDelta"]["delta"]["text"].as_str().unwrap_or_default());
        expected_calls += usize::from(event["contentBlockStart"]["start"]["toolUse"].is_object());
        expected.push_str(event["content_block"]["text"].as_str().unwrap_or_default());
        for choice in event["choices"].as_array().into_iter().flatten() {
            expected.push_str(choice["text"].as_str().unwrap_or_default());
            expected.push_str(&words(&choice["delta"]["content"]));
        }
    }
    assert_eq!(text, expected, "{}", file.display());
    if recorded.contains("\"candidates\"") || recorded.contains("\"contentBlockDelta\"") {
        assert_eq!(calls.len(), expected_calls, "{}", file.display());
        for arguments in &calls {
            let arguments: Value = serde_json::from_str(arguments).unwrap();
            assert!(arguments.is_object(), "{}: {arguments}", file.display());
        }
    }
}

fn stream(provider: &Provider, operation: Operation, chunks: &[&[u8]]) -> Vec<u8> {
    let mut streaming = Streaming::new(provider.dialect, &memo(operation), provider.name);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(streaming.feed(chunk, false));
    }
    out.extend_from_slice(streaming.feed(b"", true));
    out
}

/// An event as it came: its name, where it has one, and its data.
fn event(line: &str) -> Vec<u8> {
    let name = line.strip_prefix("{\"type\":\"").and_then(|rest| rest.split('"').next());
    let named = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{named}data: {line}\n\n").into_bytes()
}

/// An event of an AWS event stream, recorded as an object of its one member.
fn message(line: &str) -> Vec<u8> {
    let recorded: Map<String, Value> = serde_json::from_str(line).unwrap();
    let (name, payload) = recorded.iter().next().unwrap();
    eventstream::message(&[(":event-type", name), (":message-type", "event")], payload.to_string().as_bytes())
}

/// Which API a recording is of; `None` for those that are not translated.
fn operation_of(recorded: &Value) -> Option<Operation> {
    match (recorded["type"].as_str(), recorded["object"].as_str()) {
        (Some("message" | "message_start" | "message-start" | "error"), _)
        | (_, Some("chat.completion" | "chat.completion.chunk")) => Some(Operation::Chat),
        (_, Some("text_completion")) => Some(Operation::Completions),
        (_, Some("list")) if recorded["data"][0]["object"] == "embedding" => Some(Operation::Embeddings),
        _ if recorded["message"]["role"] == "assistant" => Some(Operation::Chat),
        _ if recorded["embeddings"].is_object() => Some(Operation::Embeddings),
        _ if recorded["candidates"].is_array() => Some(Operation::Chat),
        _ if recorded["output"]["message"].is_object() || is_converse_event(recorded) => {
            Some(Operation::Chat)
        }
        _ if recorded["error"].is_object() || recorded["choices"].is_array() => Some(Operation::Chat),
        _ => None,
    }
}

fn is_converse_event(recorded: &Value) -> bool {
    ["messageStart", "contentBlockStart", "contentBlockDelta"].iter().any(|name| recorded[name].is_object())
}

fn fault_of(file: &Path) -> Option<&'static str> {
    let name = file.file_name()?.to_str()?;
    FAULTS.iter().find(|(recording, _)| *recording == name).map(|(_, words)| *words)
}

/// The recordings of each vendor, sorted; none where the folder is not there.
fn recordings() -> Vec<(&'static Provider, Vec<PathBuf>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/recordings");
    let mut found = Vec::new();
    for provider in PROVIDERS {
        let folder = match provider.name {
            "dashscope" => "alibaba",
            "bedrock" => "amazon-bedrock",
            "gemini" => "google",
            "moonshot" => "moonshotai",
            name => name,
        };
        let Ok(folder) = fs::read_dir(root.join(folder)) else { continue };
        let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        found.push((provider, files));
    }
    if found.is_empty() {
        eprintln!("no recordings beside the repository: nothing is tested here");
    }
    found
}

fn memo(operation: Operation) -> Memo {
    Memo {
        operation,
        model: "the-model".to_owned(),
        stream: false,
        include_usage: true,
        base64: false,
        created: 1_700_000_000,
        id: "chatcmpl-recording".to_owned(),
        json_tool: None,
        renamed: Vec::new(),
        headers: Vec::new(),
    }
}
