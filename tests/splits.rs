//! How the network cuts a stream makes no difference, and what a client gathers from it is the whole answer.

mod fixtures;

use fixtures::{Case, Kind, cases, cuts};
use serde_json::{Map, Value, json};

/// Every pair of cuts is tried up to this length, bytes.
const SHORT: usize = 320;

#[test]
fn a_stream_cut_at_any_byte_gives_the_same_bytes() {
    for case in cases(Kind::Stream) {
        let whole = case.translate().body;
        for (at, pieces) in cuts(&case.input) {
            assert!(case.stream(&pieces) == whole, "{} cut from {at}", case.path());
        }
        let bytes: Vec<&[u8]> = case.input.chunks(1).collect();
        assert!(case.stream(&bytes) == whole, "{} byte by byte", case.path());
    }
}

#[test]
fn a_short_stream_cut_at_any_two_bytes_gives_the_same_bytes() {
    let short: Vec<Case> = cases(Kind::Stream).into_iter().filter(|case| case.input.len() <= SHORT).collect();
    assert!(!short.is_empty(), "there is no short stream");
    for case in short {
        let whole = case.translate().body;
        for first in 0..=case.input.len() {
            for second in first..=case.input.len() {
                let chunks = [&case.input[..first], &case.input[first..second], &case.input[second..]];
                assert!(case.stream(&chunks) == whole, "{} cut at {first} and {second}", case.path());
            }
        }
    }
}

#[test]
fn a_stream_that_dies_at_any_byte_ends_once_and_well_formed() {
    for case in cases(Kind::Stream) {
        for at in 0..case.input.len() {
            let out = case.stream(&[&case.input[..at]]);
            ends_once(&out).unwrap_or_else(|why| panic!("{} ended at {at}: {why}", case.path()));
        }
    }
}

#[test]
fn every_line_is_a_chunk_and_the_last_one_ends_the_stream() {
    for case in cases(Kind::Stream) {
        let out = case.translate().body;
        ends_once(&out).unwrap_or_else(|why| panic!("{}: {why}", case.path()));
    }
}

#[test]
fn what_a_client_gathers_is_the_whole_answer_of_that_name() {
    let wholes = cases(Kind::Response);
    let mut compared = 0;
    for case in cases(Kind::Stream) {
        let same = |whole: &&Case| whole.name == case.name && whole.provider.name == case.provider.name;
        let Some(whole) = wholes.iter().find(same) else { continue };
        compared += 1;
        let answer: Value = serde_json::from_slice(&whole.translate().body).unwrap();
        let gathered = gather(&case.translate().body);
        assert_eq!(gathered, essence(&answer), "{}", case.path());
    }
    assert!(compared > 1, "streams and whole answers of the same name are to be compared");
}

/// Each event is a chunk or an error, and there is exactly one end, at the end.
fn ends_once(out: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(out).map_err(|error| error.to_string())?;
    let body = text.strip_suffix("\n\n").ok_or("the last event has no end")?;
    let mut ended = false;
    for event in body.split("\n\n") {
        if ended {
            return Err(format!("after the end: {event}"));
        }
        let data = event.strip_prefix("data: ").ok_or_else(|| format!("no data: {event}"))?;
        if data == "[DONE]" {
            ended = true;
            continue;
        }
        let chunk = read(data).map_err(|error| format!("{error}: {data}"))?;
        if chunk.get("error").is_some() {
            ended = true;
            continue;
        }
        let object = chunk["object"].as_str().unwrap_or_default();
        if !matches!(object, "chat.completion.chunk" | "text_completion") || !chunk["choices"].is_array() {
            return Err(format!("no chunk: {data}"));
        }
        if chunk["model"] != "the-model" {
            return Err(format!("not the client's model: {data}"));
        }
    }
    if ended { Ok(()) } else { Err("no end".to_owned()) }
}

/// Reads a chunk as JavaScript does: half a surrogate pair is a character. Rust has none for it, so it stays the
/// escape that it was, and `grow` joins the halves.
fn read(data: &str) -> serde_json::Result<Value> {
    serde_json::from_str(&data.replace("\\ud83d", "\\\\ud83d").replace("\\ude00", "\\\\ude00"))
}

/// Puts a stream together as the official clients do: strings are joined, and objects of a list are found by their
/// index, which they must have.
fn gather(out: &[u8]) -> Value {
    let mut message = Map::new();
    let mut finish = Value::Null;
    let mut usage = Value::Null;
    for event in std::str::from_utf8(out).unwrap().split("\n\n") {
        let Some(data) = event.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
        let chunk = read(data).unwrap();
        if !chunk["usage"].is_null() {
            usage = chunk["usage"].clone();
        }
        for choice in chunk["choices"].as_array().unwrap() {
            if !choice["finish_reason"].is_null() {
                finish = choice["finish_reason"].clone();
            }
            if let Some(text) = choice.get("text") {
                grow(message.entry("text").or_insert(Value::Null), text);
            }
            for (name, value) in choice["delta"].as_object().into_iter().flatten() {
                grow(message.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
    }
    essence(&json!({"choices": [{"message": message, "finish_reason": finish}], "usage": usage}))
}

fn grow(grown: &mut Value, by: &Value) {
    match (&mut *grown, by) {
        (_, Value::Null) => {}
        (Value::String(text), Value::String(more)) => {
            text.push_str(more);
            *text = text.replace("\\ud83d\\ude00", "😀");
        }
        (Value::Array(items), Value::Array(more)) => {
            for item in more {
                assert!(!item.is_object() || item["index"].is_u64(), "the official clients fail at {item}");
                match item["index"].as_u64().and_then(|index| items.get_mut(usize::try_from(index).unwrap()))
                {
                    Some(known) => grow(known, item),
                    None => items.push(item.clone()),
                }
            }
        }
        (Value::Object(fields), Value::Object(more)) => {
            for (name, value) in more {
                grow(fields.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (_, by) => *grown = by.clone(),
    }
}

/// What an answer says, apart from the forms that only one of stream and whole answer has.
fn essence(answer: &Value) -> Value {
    let choice = &answer["choices"][0];
    let mut message = choice["message"].as_object().cloned().unwrap_or_default();
    for (name, value) in choice.as_object().unwrap() {
        if name == "text" {
            message.insert("text".into(), value.clone());
        }
    }
    message.remove("role");
    // A stream's first chunk has the content "", where a whole answer without words has null.
    message.retain(|_, value| !value.is_null() && value != "" && value != &json!([]));
    for list in ["annotations", "thinking_blocks"] {
        for item in message.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            item.as_object_mut().unwrap().remove("index");
        }
    }
    for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        call.as_object_mut().unwrap().remove("index");
        parse_arguments(&mut call["function"]);
    }
    if let Some(call) = message.get_mut("function_call") {
        parse_arguments(call);
    }
    json!({"message": message, "finish_reason": choice["finish_reason"], "usage": answer["usage"]})
}

/// White space between tokens is the provider's.
fn parse_arguments(function: &mut Value) {
    let arguments = function["arguments"].as_str().unwrap();
    function["arguments"] = serde_json::from_str(arguments).unwrap();
}
