//! What a client gathers from a stream, as its SDK does, is the whole answer. (`tests/splits.rs` says so of chat completions.)

use serde_json::{Map, Value, json};
use switchboard::inbound::{GENERATE, Language, MESSAGES, RESPONSES, STREAM};

use super::fixtures::{Case, Kind};
use super::{answer, answer_as_stream, chats, parsed, stream};

/// A client's API: its whole answers and its streams.
type Api = (&'static dyn Language, &'static dyn Language);

const APIS: [Api; 3] = [(&MESSAGES, &MESSAGES), (&RESPONSES, &RESPONSES), (&GENERATE, &STREAM)];

#[test]
fn a_stream_that_is_made_of_a_whole_answer_leads_to_it() {
    for (whole, streamed) in APIS {
        let mut compared = 0;
        for case in chats(Kind::Response) {
            let answer = parsed(&String::from_utf8(answer(&case, whole)).unwrap());
            let Some(events) = answer_as_stream(&case, streamed) else {
                assert!(!answer["error"].is_null(), "{}: {answer}", case.path());
                continue;
            };
            compared += 1;
            let gathered = gathered(whole, &String::from_utf8(events).unwrap());
            assert_eq!(gathered, essence(whole, &answer), "{} as {}", case.path(), whole.name());
        }
        assert!(compared > 20, "{compared}");
    }
}

#[test]
fn a_providers_stream_leads_to_its_whole_answer_of_the_same_name() {
    let answers = chats(Kind::Response);
    for (whole, streamed) in APIS {
        let mut compared = 0;
        for case in chats(Kind::Stream) {
            let same = |one: &&Case| one.name == case.name && one.provider.name == case.provider.name;
            let Some(other) = answers.iter().find(same) else { continue };
            let answer = parsed(&String::from_utf8(answer(other, whole)).unwrap());
            let events = String::from_utf8(stream(&case, streamed, &[&case.input])).unwrap();
            compared += 1;
            let gathered = gathered(whole, &events);
            assert_eq!(gathered, essence(whole, &answer), "{} as {}", case.path(), whole.name());
        }
        assert!(compared > 10, "{compared}");
    }
}

/// Joins the halves of surrogate pairs, which `parsed` leaves as escapes.
fn whole_characters(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace("\\ud83d\\ude00", "😀"),
        Value::Array(items) => items.iter_mut().for_each(whole_characters),
        Value::Object(members) => members.values_mut().for_each(whole_characters),
        _ => {}
    }
}

/// The events' answer.
fn gathered(language: &dyn Language, events: &str) -> Value {
    let answer = match language.name() {
        "messages" => message(events),
        "responses" => response(events),
        _ => candidates(events),
    };
    essence(language, &answer)
}

fn data(events: &str) -> impl Iterator<Item = Value> {
    let lines = events.lines().filter_map(|line| line.strip_prefix("data: "));
    lines.map(parsed)
}

/// As Anthropic's SDKs do: blocks by their index, and arguments joined before they are read.
fn message(events: &str) -> Value {
    let (mut message, mut inputs) = (Value::Null, Vec::<String>::new());
    for event in data(events) {
        let at = usize::try_from(event["index"].as_u64().unwrap_or_default()).unwrap();
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                let blocks = message["content"].as_array_mut().unwrap();
                assert_eq!(at, blocks.len());
                blocks.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let (block, delta) = (&mut message["content"][at], &event["delta"]);
                match delta["type"].as_str().unwrap() {
                    "text_delta" => grow(&mut block["text"], &delta["text"]),
                    "thinking_delta" => grow(&mut block["thinking"], &delta["thinking"]),
                    "signature_delta" => block["signature"] = delta["signature"].clone(),
                    "citations_delta" => {
                        let citations =
                            block.as_object_mut().unwrap().entry("citations").or_insert(json!([]));
                        citations.as_array_mut().unwrap().push(delta["citation"].clone());
                    }
                    "input_json_delta" => inputs[at] += delta["partial_json"].as_str().unwrap(),
                    other => panic!("{other}"),
                }
            }
            "content_block_stop" if !inputs[at].is_empty() => {
                message["content"][at]["input"] =
                    serde_json::from_str(&inputs[at]).unwrap_or_else(|_| json!(inputs[at]));
            }
            "message_delta" => {
                for (name, value) in event["delta"].as_object().unwrap() {
                    message[name] = value.clone();
                }
                message["usage"] = event["usage"].clone();
            }
            "error" => return event,
            _ => {}
        }
    }
    message
}

/// As clients of the Responses API do: the items that are done.
fn response(events: &str) -> Value {
    let (mut items, mut last) = (Vec::new(), Value::Null);
    for event in data(events) {
        if event["type"] == "response.output_item.done" {
            items.push(event["item"].clone());
        }
        last = event;
    }
    let mut response = last["response"].take();
    if response["status"] == "failed" {
        return json!({"error": response["error"]});
    }
    response["output"] = json!(items);
    response
}

/// As Google's SDKs do: parts one after the other, texts of a kind joined.
fn candidates(events: &str) -> Value {
    let mut whole = Value::Null;
    let mut parts: Vec<Vec<Value>> = Vec::new();
    for mut event in data(events) {
        if !event["error"].is_null() {
            return event;
        }
        for candidate in event["candidates"].as_array_mut().unwrap() {
            let at = usize::try_from(candidate["index"].as_u64().unwrap()).unwrap();
            if parts.len() <= at {
                parts.resize(at + 1, Vec::new());
            }
            parts[at].append(&mut candidate["content"]["parts"].as_array().cloned().unwrap_or_default());
        }
        whole = event;
    }
    for candidate in whole["candidates"].as_array_mut().unwrap() {
        let at = usize::try_from(candidate["index"].as_u64().unwrap()).unwrap();
        candidate["content"]["parts"] = json!(parts[at]);
    }
    whole
}

fn grow(text: &mut Value, by: &Value) {
    *text = [text.as_str().unwrap(), by.as_str().unwrap()].concat().into();
}

/// What an answer says, without what only one of the two forms has.
fn essence(language: &dyn Language, answer: &Value) -> Value {
    if !answer["error"].is_null() {
        // Its class and words; clients tell it by the status or by the event.
        return json!("an error");
    }
    let mut essence = answer.clone();
    whole_characters(&mut essence);
    match language.name() {
        "messages" => {
            // An empty answer has no blocks.
            essence.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
        "responses" => {
            for name in ["id", "created_at", "completed_at"] {
                essence.as_object_mut().unwrap().remove(name);
            }
            for item in essence["output"].as_array_mut().unwrap() {
                item.as_object_mut().unwrap().remove("id");
                // White space between tokens is the provider's.
                if let Some(arguments) = item["arguments"].as_str() {
                    item["arguments"] = serde_json::from_str(arguments).unwrap_or(json!(arguments));
                }
            }
        }
        _ => {
            for candidate in essence["candidates"].as_array_mut().unwrap() {
                let parts = joined(candidate["content"]["parts"].as_array().unwrap());
                candidate["content"]["parts"] = parts;
            }
        }
    }
    essence
}

/// Parts with the texts of a kind joined. A signature may come after its text.
fn joined(parts: &[Value]) -> Value {
    let mut joined: Vec<Map<String, Value>> = Vec::new();
    for part in parts {
        let mut part = part.as_object().unwrap().clone();
        let is_text = part.get("text").is_some();
        let signature = if is_text { part.remove("thoughtSignature") } else { None };
        match joined.last_mut() {
            Some(last)
                if is_text && last.get("text").is_some() && last.get("thought") == part.get("thought") =>
            {
                grow(last.get_mut("text").unwrap(), &part["text"]);
            }
            _ if part.get("text") == Some(&json!("")) => {}
            _ => joined.push(part),
        }
        if let (Some(signature), Some(last)) = (signature, joined.last_mut()) {
            last.insert("thoughtSignature".to_owned(), signature);
        }
    }
    json!(joined)
}
