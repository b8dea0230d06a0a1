//! Every provider's answer says the same in every client's API, also of vendors that leave out, repeat or misplace something.

use serde_json::{Value, json};
use switchboard::exchange::{Streaming, translated};
use switchboard::inbound::{CHAT, GENERATE, Language, MESSAGES, RESPONSES, STREAM};
use switchboard::openai::{Memo, Operation};
use switchboard::providers::find;

use super::fixtures::{Case, Kind, cases};
use super::{messages, parsed, responses};

/// What an answer says in any API.
#[derive(Debug, Default, PartialEq)]
struct Said {
    text: String,
    reasoning: String,
    /// Names and arguments.
    calls: Vec<(String, Value)>,
    /// In the words of chat completions, or `error`.
    finish: String,
    /// Prompt, cached tokens, output.
    usage: Option<[u64; 3]>,
}

impl Said {
    fn call(&mut self, name: &Value, arguments: &str) {
        let arguments = if arguments.is_empty() { "{}" } else { arguments };
        let arguments = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        self.calls.push((name.as_str().unwrap().to_owned(), arguments));
    }

    /// A refusal is a text of its own in some APIs, and a reason in others.
    fn refused(&mut self) {
        "content_filter".clone_into(&mut self.finish);
    }

    fn failed(mut self) -> Self {
        "error".clone_into(&mut self.finish);
        self
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// The data of the events.
fn data(events: &str) -> Vec<Value> {
    let lines = events.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.filter(|line| *line != "[DONE]").map(parsed).collect()
}

fn chat_usage(usage: &Value) -> Option<[u64; 3]> {
    let cached = &usage["prompt_tokens_details"]["cached_tokens"];
    usage
        .is_object()
        .then(|| [number(&usage["prompt_tokens"]), number(cached), number(&usage["completion_tokens"])])
}

fn of_chat_events(events: &str) -> Said {
    let mut said = Said::default();
    let mut refuses = false;
    let mut calls: Vec<(Value, String)> = Vec::new();
    for event in data(events) {
        if !event["error"].is_null() {
            return said.failed();
        }
        said.usage = chat_usage(&event["usage"]).or(said.usage);
        for choice in event["choices"].as_array().unwrap().iter().filter(|choice| choice["index"] == 0) {
            let delta = &choice["delta"];
            said.text += text(&delta["content"]);
            said.text += text(&delta["refusal"]);
            refuses |= !text(&delta["refusal"]).is_empty();
            said.reasoning += text(&delta["reasoning_content"]);
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let at = usize::try_from(number(&call["index"])).unwrap();
                if at == calls.len() {
                    calls.push((call["function"]["name"].clone(), String::new()));
                }
                calls[at].1 += text(&call["function"]["arguments"]);
            }
            if let Some(finish) = choice["finish_reason"].as_str() {
                finish.clone_into(&mut said.finish);
            }
        }
    }
    for (name, arguments) in &calls {
        said.call(name, arguments);
    }
    if refuses {
        said.refused();
    }
    said
}

fn of_chat(answer: &Value) -> Said {
    let mut said = Said { usage: chat_usage(&answer["usage"]), ..Said::default() };
    if !answer["error"].is_null() {
        return said.failed();
    }
    let choice = &answer["choices"][0];
    let message = &choice["message"];
    said.text = [text(&message["content"]), text(&message["refusal"])].concat();
    text(&message["reasoning_content"]).clone_into(&mut said.reasoning);
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        said.call(&call["function"]["name"], text(&call["function"]["arguments"]));
    }
    text(&choice["finish_reason"]).clone_into(&mut said.finish);
    if !text(&message["refusal"]).is_empty() {
        said.refused();
    }
    said
}

fn message_end(said: &mut Said, stop_reason: &Value, usage: &Value) {
    text(&match text(stop_reason) {
        "end_turn" | "stop_sequence" => json!("stop"),
        // Chat completions have one word for them.
        "max_tokens" | "pause_turn" | "model_context_window_exceeded" => json!("length"),
        "tool_use" => json!("tool_calls"),
        "refusal" => json!("content_filter"),
        other => json!(other),
    })
    .clone_into(&mut said.finish);
    let [input, cached, written] = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
        .map(|name| number(&usage[name]));
    said.usage = Some([input + cached + written, cached, number(&usage["output_tokens"])]);
}

fn of_message_events(events: &str) -> Said {
    let mut said = Said::default();
    let mut calls: Vec<(Value, String)> = Vec::new();
    for event in data(events) {
        match text(&event["type"]) {
            "error" => return said.failed(),
            "content_block_start" if event["content_block"]["type"] == "tool_use" => {
                calls.push((event["content_block"]["name"].clone(), String::new()));
            }
            "content_block_delta" => {
                let delta = &event["delta"];
                said.text += text(&delta["text"]);
                said.reasoning += text(&delta["thinking"]);
                if let Some((_, arguments)) = calls.last_mut() {
                    *arguments += text(&delta["partial_json"]);
                }
            }
            "message_delta" => message_end(&mut said, &event["delta"]["stop_reason"], &event["usage"]),
            _ => {}
        }
    }
    for (name, arguments) in &calls {
        said.call(name, arguments);
    }
    said
}

fn of_message(answer: &Value) -> Said {
    let mut said = Said::default();
    if answer["type"] == "error" {
        return said.failed();
    }
    for block in answer["content"].as_array().unwrap() {
        said.text += text(&block["text"]);
        said.reasoning += text(&block["thinking"]);
        if block["type"] == "tool_use" {
            said.call(&block["name"], &block["input"].to_string());
        }
    }
    message_end(&mut said, &answer["stop_reason"], &answer["usage"]);
    said
}

fn of_response(response: &Value) -> Said {
    let mut said = Said::default();
    if !response["error"].is_null() {
        return said.failed();
    }
    for item in response["output"].as_array().unwrap() {
        for part in item["content"].as_array().into_iter().flatten() {
            let to = if item["type"] == "reasoning" { &mut said.reasoning } else { &mut said.text };
            *to += text(&part["text"]);
            *to += text(&part["refusal"]);
        }
        for part in item["summary"].as_array().into_iter().flatten() {
            said.reasoning += text(&part["text"]);
        }
        if item["type"] == "function_call" {
            said.call(&item["name"], text(&item["arguments"]));
        }
    }
    let finish = match (text(&response["status"]), text(&response["incomplete_details"]["reason"])) {
        ("completed", _) if said.calls.is_empty() => "stop",
        ("completed", _) => "tool_calls",
        ("incomplete", "max_output_tokens") => "length",
        (_, reason) => reason,
    };
    finish.clone_into(&mut said.finish);
    if response.to_string().contains(r#""type":"refusal""#) {
        said.refused();
    }
    let usage = &response["usage"];
    let cached = number(&usage["input_tokens_details"]["cached_tokens"]);
    said.usage = Some([number(&usage["input_tokens"]), cached, number(&usage["output_tokens"])]);
    said
}

fn of_contents(events: &[Value]) -> Said {
    let mut said = Said::default();
    for event in events {
        if !event["error"].is_null() {
            return said.failed();
        }
        let candidates = event["candidates"].as_array().unwrap();
        let candidate = candidates.iter().find(|candidate| candidate["index"] == 0).unwrap_or(&Value::Null);
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            let to = if part["thought"] == true { &mut said.reasoning } else { &mut said.text };
            *to += text(&part["text"]);
            if part["functionCall"].is_object() {
                said.call(&part["functionCall"]["name"], &part["functionCall"]["args"].to_string());
            }
        }
        if let Some(finish) = candidate["finishReason"].as_str() {
            let finish = match finish {
                "STOP" if said.calls.is_empty() => "stop",
                "STOP" => "tool_calls",
                "MAX_TOKENS" => "length",
                "SAFETY" => "content_filter",
                other => other,
            };
            finish.clone_into(&mut said.finish);
        }
        let usage = &event["usageMetadata"];
        if usage.is_object() {
            let output = number(&usage["candidatesTokenCount"]) + number(&usage["thoughtsTokenCount"]);
            let cached = number(&usage["cachedContentTokenCount"]);
            said.usage = Some([number(&usage["promptTokenCount"]), cached, output]);
        }
    }
    said
}

/// What a client of an API hears of a stream.
fn heard(language: &'static dyn Language, dialect: &'static str, memo: &Memo, input: &[u8]) -> Said {
    let mut streaming = Streaming::new(find(dialect).unwrap().dialect, language, memo, dialect);
    let mut out = streaming.feed(input, false).to_vec();
    out.extend_from_slice(streaming.feed(b"", true));
    let events = String::from_utf8(out).unwrap();
    match language.name() {
        "messages" => {
            messages::in_order(&events, dialect);
            of_message_events(&events)
        }
        "responses" => {
            responses::in_order(&events, dialect);
            let last = data(&events).pop().unwrap();
            of_response(&last["response"])
        }
        "gemini-stream" => of_contents(&data(&events.replace("\r\n", "\n"))),
        _ => of_chat_events(&events),
    }
}

/// Chats without what only chat completions have.
fn comparable(kind: Kind) -> Vec<Case> {
    let is_comparable = |case: &Case| {
        let memo = case.memo();
        memo.operation == Operation::Chat
            && !memo.function_call
            && case.dialect().name() == case.provider.dialect.name()
    };
    cases(kind).into_iter().filter(is_comparable).collect()
}

const STREAMED: [&dyn Language; 3] = [&MESSAGES, &RESPONSES, &STREAM];

#[test]
fn every_vendors_stream_says_the_same_in_every_api() {
    let mut count = 0;
    for case in comparable(Kind::Stream) {
        let memo = Memo { include_usage: true, ..case.memo() };
        let expected = heard(&CHAT, case.provider.name, &memo, &case.input);
        for language in STREAMED {
            let said = heard(language, case.provider.name, &memo, &case.input);
            assert_alike(&said, &expected, &format!("{} as {}", case.path(), language.name()));
        }
        count += 1;
    }
    assert!(count > 60, "{count}");
}

#[test]
fn every_vendors_answer_says_the_same_in_every_api() {
    let mut count = 0;
    for case in comparable(Kind::Response) {
        let told = |language: &'static dyn Language| {
            let body = match translated(case.provider.dialect, language, &case.input, &case.memo()) {
                Ok(answer) => answer.body,
                Err(fault) => {
                    let error = fault.to_body(case.provider.name);
                    language.error(&error, "").unwrap_or_else(|| error.to_json())
                }
            };
            parsed(&String::from_utf8(body).unwrap())
        };
        let expected = of_chat(&told(&CHAT));
        for (language, said) in [
            ("messages", of_message(&told(&MESSAGES))),
            ("responses", of_response(&told(&RESPONSES))),
            ("gemini", of_contents(&[told(&GENERATE)])),
        ] {
            assert_alike(&said, &expected, &format!("{} as {language}", case.path()));
        }
        count += 1;
    }
    assert!(count > 60, "{count}");
}

#[track_caller]
fn assert_alike(said: &Said, expected: &Said, which: &str) {
    // A turn that the provider interrupts is not complete in chat completions, which have no other word; no reason, and one
    // without its calls, are passed on there.
    let finish = match expected.finish.as_str() {
        "tool_calls" if expected.calls.is_empty() => "stop",
        "" => "stop",
        "length" if which.contains("pause-turn") => &said.finish,
        finish => finish,
    };
    assert_eq!(said.finish, finish, "{which}: {said:?}, expected {expected:?}");
    if expected.finish == "error" {
        return;
    }
    assert_eq!(said.text, expected.text, "{which}");
    assert_eq!(said.reasoning, expected.reasoning, "{which}");
    assert_eq!(said.calls, expected.calls, "{which}");
    // Some APIs always say how much.
    assert_eq!(said.usage.unwrap_or_default(), expected.usage.unwrap_or_default(), "{which}");
}
