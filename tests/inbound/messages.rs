//! Anthropic's Messages API.

use std::borrow::Cow;
use std::fs;

use serde_json::{Value, json};
use switchboard::inbound::{CHAT, Language as _, MESSAGES};

use super::fixtures::{Case, Kind};
use super::{answer, chats, cut_anywhere, folder, golden, stream, streams};

#[test]
fn requests_become_chats() {
    let folder = folder(&MESSAGES).join("request");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let Some(name) =
            file.file_name().unwrap().to_str().unwrap().strip_suffix(".in.json").map(str::to_owned)
        else {
            continue;
        };
        count += 1;
        let body = fs::read(&file).unwrap();
        let chat = match MESSAGES.request(Cow::Borrowed(&body)) {
            Ok(chat) => chat.body.into_owned(),
            Err(error) => MESSAGES.error(&error, "fixture").unwrap(),
        };
        serde_json::from_slice::<Value>(&chat).unwrap();
        golden(&folder.join(format!("{name}.out.json")), &chat);
    }
    assert!(count > 2);
}

#[test]
fn answers_of_every_provider_are_messages() {
    for case in chats(Kind::Response) {
        let body = answer(&case, &MESSAGES);
        let message: Value = serde_json::from_slice(&body).unwrap();
        assert!(["message", "error"].contains(&message["type"].as_str().unwrap()), "{}", case.path());
        golden(&folder(&MESSAGES).join(format!("{}.json", case.path())), &body);
    }
}

#[test]
fn a_signature_of_a_call_returns_in_the_thinking_block_before_it_and_is_in_no_id() {
    let signed = |case: &Case| String::from_utf8_lossy(&case.input).contains("thoughtSignature");
    let mut count = 0;
    for case in chats(Kind::Response).into_iter().filter(signed) {
        let message: Value = serde_json::from_slice(&answer(&case, &MESSAGES)).unwrap();
        let blocks = message["content"].as_array().unwrap();
        let mut request =
            json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
        request["messages"].as_array_mut().unwrap().push(json!({"role": "assistant", "content": blocks}));
        let chat = MESSAGES.request(Cow::Owned(request.to_string().into_bytes())).unwrap().body;
        let chat: Value = serde_json::from_slice(&chat).unwrap();
        let own: Value = serde_json::from_slice(&answer(&case, &CHAT)).unwrap();
        let calls = |message: &Value| message["tool_calls"].as_array().cloned().unwrap_or_default();
        for (own, returned) in calls(&own["choices"][0]["message"]).iter().zip(calls(&chat["messages"][1])) {
            let signature = |call: &Value| call["provider_specific_fields"]["thought_signature"].clone();
            assert_eq!(signature(&returned), signature(own), "{}: {chat}", case.path());
            assert!(!returned["id"].as_str().unwrap().contains("__thought__"), "{}: {chat}", case.path());
            count += usize::from(signature(own).is_string());
        }
        assert!(chat["messages"][1]["thinking_blocks"].is_null(), "{chat}");
    }
    assert!(count > 0);
}

#[test]
fn streams_of_every_provider_are_events_in_order() {
    streams(&MESSAGES, in_order);
}

#[test]
fn a_stream_is_the_same_however_it_is_cut() {
    cut_anywhere(&MESSAGES);
}

#[test]
fn a_stream_that_dies_never_looks_complete() {
    for case in chats(Kind::Stream) {
        let end = case.input.len() / 2;
        let text = String::from_utf8(stream(&case, &MESSAGES, &[&case.input[..end]])).unwrap();
        let (stopped, failed) = (text.contains("event: message_stop"), text.contains("event: error"));
        assert!(stopped != failed, "{}: {text}", case.path());
    }
}

/// The rules of Anthropic's SDKs: a block is opened before its deltas, one at a time, without gaps in the indexes; deltas
/// fit their block; a message ends in `message_stop`, or in an error.
pub(crate) fn in_order(text: &str, path: &str) {
    let (mut open, mut next, mut begun, mut ended) = (None::<String>, 0, false, false);
    for event in text.split_terminator("\n\n") {
        let (head, data) = event.split_once('\n').unwrap_or_else(|| panic!("{path}: {event}"));
        let kind = head.strip_prefix("event: ").unwrap();
        let data: Value = {
            let json = data.strip_prefix("data: ").unwrap();
            // A delta may end in the middle of a surrogate pair, which is no text.
            let json = json.replace("\\ud8", "\\\\ud8").replace("\\ude", "\\\\ude");
            serde_json::from_str(&json).unwrap()
        };
        assert_eq!(data["type"], kind, "{path}");
        assert!(!ended, "{path}: {event} comes after the end");
        match kind {
            "message_start" => {
                assert!(!begun, "{path}: a second message");
                begun = true;
            }
            "content_block_start" => {
                assert!(begun && open.is_none(), "{path}: {event}");
                assert_eq!(data["index"], next, "{path}");
                next += 1;
                open = Some(data["content_block"]["type"].as_str().unwrap().to_owned());
            }
            "content_block_delta" => {
                assert_eq!(data["index"], next - 1, "{path}");
                let fits = match data["delta"]["type"].as_str().unwrap() {
                    "text_delta" | "citations_delta" => "text",
                    "thinking_delta" | "signature_delta" => "thinking",
                    "input_json_delta" => "tool_use",
                    other => panic!("{path}: {other}"),
                };
                let open = open.as_deref().map(|open| open.trim_start_matches("server_"));
                assert_eq!(open, Some(fits), "{path}: {event}");
            }
            "content_block_stop" => {
                assert!(open.take().is_some(), "{path}: {event}");
                assert_eq!(data["index"], next - 1, "{path}");
            }
            "message_delta" => assert!(begun && open.is_none(), "{path}: {event}"),
            "message_stop" | "error" => ended = true,
            "ping" => {}
            other => panic!("{path}: {other}"),
        }
    }
    assert!(ended, "{path}");
}
