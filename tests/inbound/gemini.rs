//! Google's Gemini API.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use switchboard::facts::Usage;
use switchboard::inbound::{EMBED, EMBED_BATCH, GENERATE, Language, STREAM, STREAM_ARRAY};
use switchboard::openai::Answer;

use super::fixtures::{Case, Kind, cuts};
use super::{answer, chats, folder, golden, stream};

/// The fixtures of requests, by name.
fn requests() -> Vec<(String, Vec<u8>)> {
    let mut requests: Vec<(String, Vec<u8>)> = fs::read_dir(folder(&GENERATE).join("request"))
        .unwrap()
        .filter_map(|entry| {
            let file = entry.unwrap().path();
            let name = file.file_name()?.to_str()?.strip_suffix(".in.json")?.to_owned();
            Some((name, fs::read(&file).unwrap()))
        })
        .collect();
    requests.sort();
    assert!(requests.len() > 4);
    requests
}

fn chat(language: &dyn Language, body: &[u8]) -> Vec<u8> {
    match language.request(Cow::Borrowed(body)) {
        Ok(chat) => chat.body.into_owned(),
        Err(error) => language.error(&error, "fixture").unwrap(),
    }
}

#[test]
fn requests_become_chats() {
    for (name, body) in requests() {
        let chat = chat(&GENERATE, &body);
        serde_json::from_slice::<Value>(&chat).unwrap();
        golden(&folder(&GENERATE).join(format!("request/{name}.out.json")), &chat);
    }
}

#[test]
fn the_path_says_whether_to_stream() {
    for (_, body) in requests() {
        let whole: Value = serde_json::from_slice(&chat(&GENERATE, &body)).unwrap();
        for language in [&STREAM, &STREAM_ARRAY] {
            let mut streamed: Value = serde_json::from_slice(&chat(language, &body)).unwrap();
            if whole.get("error").is_none() {
                assert_eq!(streamed.as_object_mut().unwrap().remove("stream"), Some(json!(true)));
            }
            assert_eq!(streamed, whole);
        }
    }
}

#[test]
fn a_request_means_the_same_in_snake_case() {
    fn snake(value: &Value) -> Value {
        // What is below these is not the API's.
        const OPAQUE: [&str; 7] = [
            "properties",
            "args",
            "response",
            "parametersJsonSchema",
            "responseJsonSchema",
            "fileSearch",
            "enum",
        ];
        let renamed = |name: &str| {
            if name == "urlContext" {
                // Passes as it is.
                return name.to_owned();
            }
            name.chars()
                .flat_map(|c| {
                    c.is_ascii_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()])
                })
                .collect::<String>()
        };
        match value {
            Value::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(name, value)| {
                        (renamed(name), if OPAQUE.contains(&&**name) { value.clone() } else { snake(value) })
                    })
                    .collect(),
            ),
            Value::Array(items) => items.iter().map(snake).collect(),
            other => other.clone(),
        }
    }
    let mut differ = 0;
    for (name, body) in requests() {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let snake = snake(&request);
        differ += usize::from(snake != request);
        let read = |request: &Value| -> Value {
            serde_json::from_slice(&chat(&GENERATE, request.to_string().as_bytes())).unwrap()
        };
        if read(&request).get("error").is_none() {
            assert_eq!(read(&snake), read(&request), "{name}");
        }
    }
    assert!(differ > 2);
}

#[test]
fn answers_of_every_provider_are_candidates() {
    for case in chats(Kind::Response) {
        let body = answer(&case, &GENERATE);
        let response: Value = serde_json::from_slice(&body).unwrap();
        match response.get("error") {
            Some(error) => assert!(error["code"].is_u64() && error["status"].is_string(), "{}", case.path()),
            None => assert!(response["candidates"][0]["finishReason"].is_string(), "{}", case.path()),
        }
        golden(&folder(&GENERATE).join(format!("{}.json", case.path())), &body);
    }
}

#[test]
fn streams_of_every_provider_end_once_and_in_the_last_event() {
    for case in chats(Kind::Stream) {
        let bytes = stream(&case, &STREAM, &[&case.input]);
        golden(&folder(&GENERATE).join(format!("{}.sse", case.path())), &bytes);
        let events = events(&bytes, &case.path());
        let (last, before) = events.split_last().unwrap();
        assert!(last.get("error").is_some() != has_finished(last), "{}", case.path());
        assert!(
            !before.iter().any(|event| event.get("error").is_some() || has_finished(event)),
            "{}",
            case.path()
        );
    }
}

#[test]
fn an_array_has_the_events_as_its_items() {
    for case in chats(Kind::Stream) {
        let array = stream(&case, &STREAM_ARRAY, &[&case.input]);
        let items: Value = parsed(core::str::from_utf8(&array).unwrap());
        let events = events(&stream(&case, &STREAM, &[&case.input]), &case.path());
        assert_eq!(items, Value::Array(events), "{}", case.path());
    }
}

#[test]
fn a_stream_is_the_same_however_it_is_cut() {
    for case in chats(Kind::Stream) {
        for language in [&STREAM, &STREAM_ARRAY] {
            let whole = stream(&case, language, &[&case.input]);
            for (at, pieces) in cuts(&case.input) {
                assert!(stream(&case, language, &pieces) == whole, "{} cut from {at}", case.path());
            }
        }
    }
}

#[test]
fn a_stream_that_dies_never_looks_complete() {
    for case in chats(Kind::Stream) {
        for end in [case.input.len() / 4, case.input.len() / 2, case.input.len() * 3 / 4] {
            let events = events(&stream(&case, &STREAM, &[&case.input[..end]]), &case.path());
            let finished = events.iter().any(has_finished);
            let failed = events.iter().any(|event| event.get("error").is_some());
            assert!(finished != failed, "{} cut at {end}: {events:?}", case.path());
        }
    }
}

/// Two writers tell the same facts.
#[test]
fn the_events_together_are_the_whole_answer() {
    let mut count = 0;
    for case in chats(Kind::Response) {
        let whole = parsed(&String::from_utf8(answer(&case, &GENERATE)).unwrap());
        if whole.get("error").is_some() {
            continue;
        }
        count += 1;
        let bytes = answer_as_stream(&case);
        let events = events(&bytes, &case.path());
        for (index, candidate) in whole["candidates"].as_array().unwrap().iter().enumerate() {
            let streamed: Vec<Value> = events
                .iter()
                .flat_map(|event| event["candidates"].as_array().unwrap())
                .filter(|candidate| candidate["index"] == index)
                .flat_map(|candidate| candidate["content"]["parts"].as_array().unwrap().clone())
                .collect();
            assert_eq!(
                joined(&streamed),
                joined(candidate["content"]["parts"].as_array().unwrap()),
                "{}",
                case.path()
            );
        }
        assert_eq!(events.last().unwrap()["usageMetadata"], whole["usageMetadata"], "{}", case.path());
    }
    assert!(count > 20);
}

/// A whole answer to a client that asked for a stream.
fn answer_as_stream(case: &Case) -> Vec<u8> {
    let mut memo = case.memo();
    memo.stream = true;
    switchboard::exchange::translated(case.dialect(), &STREAM, &case.input, &memo).unwrap().body
}

/// The parts with texts joined, as clients join them.
fn joined(parts: &[Value]) -> Vec<Value> {
    let mut joined: Vec<Value> = Vec::new();
    for part in parts {
        let mut part = part.clone();
        let signature = part.get("text").and(part.get("thoughtSignature")).cloned();
        let is_text = |part: &Value, thought: &Value| part["text"].is_string() && &part["thought"] == thought;
        if signature.is_some() {
            part.as_object_mut().unwrap().remove("thoughtSignature");
        }
        match joined.last_mut() {
            Some(last) if part["text"].is_string() && is_text(last, &part["thought"]) => {
                last["text"] =
                    format!("{}{}", last["text"].as_str().unwrap(), part["text"].as_str().unwrap()).into();
            }
            _ if part["text"] == "" => {}
            _ => joined.push(part),
        }
        if let (Some(signature), Some(last)) = (signature, joined.last_mut()) {
            last["thoughtSignature"] = signature;
        }
    }
    joined
}

#[test]
fn thoughts_come_back_to_the_model_that_had_them() {
    let (mut count, mut carried) = (0, 0);
    for (kind, language) in [(Kind::Response, &GENERATE), (Kind::Stream, &STREAM)] {
        for case in chats(kind) {
            let parts: Vec<Value> = match kind {
                Kind::Stream => events(&stream(&case, language, &[&case.input]), &case.path())
                    .iter()
                    .flat_map(|event| {
                        event["candidates"][0]["content"]["parts"].as_array().cloned().unwrap_or_default()
                    })
                    .collect(),
                _ => parsed(&String::from_utf8(answer(&case, language)).unwrap())["candidates"][0]["content"]
                    ["parts"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default(),
            };
            let thought: String = parts
                .iter()
                .filter(|part| part["thought"] == true)
                .filter_map(|part| part["text"].as_str())
                .collect();
            // Clients drop thoughts from what they send back, and keep calls.
            let kept: Vec<Value> = parts.into_iter().filter(|part| part["thought"] != true).collect();
            let Some(signed) = kept
                .iter()
                .find(|part| part["functionCall"].is_object() && part["thoughtSignature"].is_string())
            else {
                continue;
            };
            count += 1;
            let next = json!({"contents": [
                {"role": "user", "parts": [{"text": "x"}]}, {"role": "model", "parts": kept},
            ]});
            let chat: Value = serde_json::from_slice(&chat(&GENERATE, next.to_string().as_bytes())).unwrap();
            let said = &chat["messages"][1];
            let own = said["tool_calls"].as_array().unwrap().iter().any(|call| {
                call["provider_specific_fields"]["thought_signature"] == signed["thoughtSignature"]
                    && !call["id"].as_str().unwrap().contains("__thought__")
            });
            let blocks = said["thinking_blocks"].as_array();
            let text = said["reasoning_content"].as_str();
            let ways = [own, blocks.is_some(), text.is_some()];
            assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{}: {chat}", case.path());
            carried += usize::from(text.is_some());
            assert!(text.is_none_or(|text| text == thought), "{}: {chat}", case.path());
            if let Some(blocks) = blocks {
                // The provider gets what it sent, byte for byte.
                let input = String::from_utf8_lossy(&case.input).into_owned();
                assert!(
                    blocks.iter().all(|block| {
                        let token = block.get("signature").or(block.get("data")).unwrap().as_str().unwrap();
                        input.contains(token)
                    }),
                    "{}",
                    case.path()
                );
            }
        }
    }
    assert!(count > 5 && carried > 2, "{count}, {carried}");
}

#[test]
fn a_batch_of_texts_is_embedded() {
    let item = |text: &str| json!({"model": "models/m", "content": {"parts": [{"text": text}]}, "outputDimensionality": 8});
    let batch = json!({"requests": [item("a"), item("b")]});
    let read = |language: &dyn Language, body: &Value| -> Value {
        serde_json::from_slice(&chat(language, body.to_string().as_bytes())).unwrap()
    };
    assert_eq!(
        read(&EMBED_BATCH, &batch),
        json!({"input": ["a", "b"], "dimensions": 8, "drop_params": true})
    );
    assert_eq!(
        read(&EMBED, &json!({"content": {"parts": [{"text": "a"}, {"text": "b"}]}})),
        json!({"input": "a\nb", "drop_params": true})
    );
    let image = json!({"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}});
    assert_eq!(read(&EMBED, &image)["error"]["status"], "INVALID_ARGUMENT");
    let body = br#"{"object":"list","data":[{"embedding":[0.5,1e-3]},{"embedding":[2]}],"model":"m"}"#;
    let told = |language: &dyn Language| {
        let answer = Answer { body: body.to_vec(), usage: Usage::default(), id: Box::default() };
        String::from_utf8(language.embeddings(answer).body).unwrap()
    };
    assert_eq!(told(&EMBED), r#"{"embedding":{"values":[0.5,1e-3]}}"#);
    assert_eq!(told(&EMBED_BATCH), r#"{"embeddings":[{"values":[0.5,1e-3]},{"values":[2]}]}"#);
}

fn has_finished(event: &Value) -> bool {
    event["candidates"].as_array().is_some_and(|candidates| {
        !candidates.is_empty() && candidates.iter().all(|candidate| candidate["finishReason"].is_string())
    })
}

/// The events of a stream, each of them checked.
fn events(bytes: &[u8], path: &str) -> Vec<Value> {
    let text = core::str::from_utf8(bytes).unwrap();
    assert!(text.ends_with("\r\n\r\n"), "{path}");
    text.split_terminator("\r\n\r\n")
        .inspect(|event| assert!(!event.contains(['\r', '\n']), "{path}: {event}"))
        .map(|event| parsed(event.strip_prefix("data: ").unwrap_or_else(|| panic!("{path}: {event}"))))
        .collect()
}

/// Half a surrogate pair is not accepted, as by Google's SDK for Python.
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// The golden files are those of cases that exist.
#[test]
fn no_golden_file_is_left_over() {
    let mut expected: Vec<String> = Vec::new();
    expected.extend(chats(Kind::Response).iter().map(|case| format!("{}.json", case.path())));
    expected.extend(chats(Kind::Stream).iter().map(|case| format!("{}.sse", case.path())));
    for kind in ["response", "stream"] {
        for provider in fs::read_dir(folder(&GENERATE).join(kind)).unwrap() {
            for file in fs::read_dir(provider.unwrap().path()).unwrap() {
                let file = file.unwrap().path();
                let path = file
                    .strip_prefix(folder(&GENERATE))
                    .unwrap_or(Path::new(""))
                    .to_str()
                    .unwrap()
                    .to_owned();
                assert!(expected.contains(&path), "{path}");
            }
        }
    }
}
