//! Answers that real providers gave, passed through: what was recorded is what the client gets.

use std::path::{Path, PathBuf};

use fake_provider::Step;
use fake_provider::case::Wire;
use serde_json::{Value, json};
use switchboard_e2e::{question, world};

/// Recordings of one provider, where they are present.
fn recordings(provider: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/recordings").join(provider);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths
}

/// What an answer of Anthropic says: text, names of the tools that the client is to run, tokens of the answer.
fn said_by_anthropic(answer: &Value) -> (String, Vec<String>, Value) {
    let blocks = answer["content"].as_array().cloned().unwrap_or_default();
    let text =
        blocks.iter().filter(|block| block["type"] == "text").filter_map(|block| block["text"].as_str());
    let tools = blocks.iter().filter(|block| block["type"] == "tool_use");
    let tools = tools.filter_map(|block| block["name"].as_str().map(str::to_owned));
    (text.collect(), tools.collect(), answer["usage"]["output_tokens"].clone())
}

#[tokio::test]
async fn whole_answers_of_anthropic_say_what_was_recorded() {
    let world = world();
    for path in recordings("anthropic", ".json") {
        let recorded: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        if recorded["type"] != "message" {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let case = world.case();
        let pieces = vec![recorded.to_string()];
        case.then(Step::wire(Wire { status: 200, content_type: "application/json".into(), pieces }));
        let answer = world.chat("claude", &case.prompt("Hello")).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let answer = answer.json();
        let message = &answer["choices"][0]["message"];
        let (text, tools, tokens) = said_by_anthropic(&recorded);
        assert_eq!(message["content"].as_str().unwrap_or_default(), text, "{name}");
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        let called: Vec<&str> = calls.iter().filter_map(|call| call["function"]["name"].as_str()).collect();
        assert_eq!(called, tools, "{name}");
        for call in &calls {
            let arguments = call["function"]["arguments"].as_str().unwrap();
            assert!(
                serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object()),
                "{name}: {call}"
            );
        }
        if recorded["usage"]["iterations"].is_null() {
            assert_eq!(answer["usage"]["completion_tokens"], tokens, "{name}");
        }
        let told = answer["choices"][0]["finish_reason"].as_str().unwrap_or_default();
        assert!(["stop", "length", "tool_calls", "content_filter"].contains(&told), "{name}: {told}");
    }
}

#[tokio::test]
async fn streams_of_anthropic_say_what_was_recorded_however_they_are_cut() {
    let world = world();
    for path in recordings("anthropic", ".chunks.txt") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut events: Vec<Value> =
            text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        // Some files hold several answers one after the other.
        if let Some(end) = events.iter().position(|event| event["type"] == "message_stop") {
            events.truncate(end + 1);
        }
        let mut starts = events.iter().filter(|event| event["type"] == "message_start");
        let first = starts.next().map(|start| &start["message"]["id"]);
        // A second answer within the first is nobody's answer.
        let spliced = starts.any(|start| Some(&start["message"]["id"]) != first);
        let complete = !spliced && events.last().is_some_and(|event| event["type"] == "message_stop");
        let pieces: Vec<String> = events
            .iter()
            .map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default()))
            .collect();
        let step = Step::wire(Wire { status: 200, content_type: "text/event-stream".into(), pieces });
        let case = world.case();
        case.then(step.clone()).then(step.with(fake_provider::Fault::Shred { size: 97 }));
        let mut said = Vec::new();
        for _ in 0..2 {
            let mut body = question("claude", &case.prompt("Hello"));
            body["stream"] = json!(true);
            let answer = world.post("/v1/chat/completions", &body).await.send().await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let events = answer.events();
            assert_eq!(events.is_done(), complete, "{name}: {:?}", events.0.last());
            assert_eq!(events.error().is_none(), complete, "{name}: {:?}", events.0.last());
            said.push((events.text(), events.tool_calls(), events.finish_reasons()));
        }
        assert_eq!(said[0], said[1], "{name}: a cut has changed what is said");
        if !complete {
            continue;
        }
        let deltas = events.iter().filter(|event| event["delta"]["type"] == "text_delta");
        let text: String = deltas.filter_map(|event| event["delta"]["text"].as_str()).collect();
        assert_eq!(said[0].0, text, "{name}");
        let tools = events.iter().filter(|event| event["content_block"]["type"] == "tool_use");
        let tools: Vec<&str> = tools.filter_map(|event| event["content_block"]["name"].as_str()).collect();
        let called: Vec<&str> = said[0].1.iter().map(|call| call.1.as_str()).collect();
        assert_eq!(called, tools, "{name}");
    }
}

#[tokio::test]
async fn answers_of_openai_pass_with_nothing_but_the_model_changed() {
    let world = world();
    for path in recordings("openai", "-text.json") {
        let text = std::fs::read_to_string(&path).unwrap();
        let recorded: Value = serde_json::from_str(&text).unwrap();
        let (model, route) = match recorded["object"].as_str() {
            Some("chat.completion") => ("gpt-4o", "/v1/chat/completions"),
            Some("text_completion") => ("instruct", "/v1/completions"),
            _ => continue,
        };
        let case = world.case();
        let pieces = vec![text.clone()];
        case.then(Step::wire(Wire { status: 200, content_type: "application/json".into(), pieces }));
        let mut body = question(model, &case.prompt("Hello"));
        if model == "instruct" {
            body = json!({ "model": model, "prompt": case.prompt("Hello") });
        }
        let answer = world.post(route, &body).await.send().await.expect(200);
        let theirs = recorded["model"].as_str().unwrap();
        assert_eq!(answer.text(), text.replacen(&format!("\"{theirs}\""), &format!("\"{model}\""), 1));
    }
}

#[tokio::test]
async fn streams_of_openai_pass_with_nothing_but_the_model_changed() {
    let world = world();
    for path in recordings("openai", ".chunks.txt") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let is_chat = text.contains("\"chat.completion.chunk\"");
        let (model, route) =
            if is_chat { ("gpt-4o", "/v1/chat/completions") } else { ("instruct", "/v1/completions") };
        let mut pieces: Vec<String> = text.lines().map(|line| format!("data: {line}\n\n")).collect();
        if !text.contains("[DONE]") {
            pieces.push("data: [DONE]\n\n".to_owned());
        }
        let case = world.case();
        let content_type = "text/event-stream".to_owned();
        case.then(Step::wire(Wire { status: 200, content_type, pieces: pieces.clone() }));
        let mut body = question(model, &case.prompt("Hello"));
        if !is_chat {
            body = json!({ "model": model, "prompt": case.prompt("Hello") });
        }
        body["stream"] = json!(true);
        body["stream_options"] = json!({ "include_usage": true });
        let answer = world.post(route, &body).await.send().await.expect(200);
        let mut wanted = Vec::new();
        for piece in &pieces {
            let chunk: Option<Value> = serde_json::from_str(piece["data: ".len()..].trim_end()).ok();
            let theirs = chunk.as_ref().and_then(|chunk| chunk["model"].as_str()).unwrap_or("no model");
            wanted.push(piece.replacen(
                &format!("\"model\":\"{theirs}\""),
                &format!("\"model\":\"{model}\""),
                1,
            ));
        }
        assert_eq!(answer.text(), wanted.concat(), "{name}");
    }
}
