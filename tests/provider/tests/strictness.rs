//! The provider refuses what the real ones refuse: otherwise a test that passes would mean little.

use fake_provider::dialects::{Asked, of_path};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

/// The status and the words of an answer.
fn ask(path: &str, headers: &[(&'static str, &'static str)], body: &Value) -> (u16, String) {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_static(value));
    }
    let (dialect, _) = of_path(path).expect("a path of a dialect");
    let body = body.to_string();
    let asked = Asked { path, headers: &map, body: body.as_bytes(), scripted: None };
    let script = dialect.answer(&asked).unwrap_or_else(|refusal| dialect.error(&refusal));
    let (status, _) = script.head.as_ref().expect("a head");
    (status.as_u16(), String::from_utf8(script.bytes()).expect("text"))
}

fn openai(body: &Value) -> (u16, String) {
    let headers = [("authorization", "Bearer sk-openai-x"), ("content-type", "application/json")];
    ask("/v1/chat/completions", &headers, body)
}

fn anthropic(body: &Value) -> (u16, String) {
    ask("/v1/messages", &[("x-api-key", "sk-ant-x"), ("anthropic-version", "2023-06-01")], body)
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

#[test]
fn openai_takes_a_good_request_and_names_what_is_wrong_with_others() {
    let good = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hi" }] });
    assert_eq!(openai(&good).0, 200);
    for (bad, word) in [
        (with(&good, "model", Value::Null), "model"),
        (with(&good, "messages", json!([])), "messages"),
        (with(&good, "messages", json!([{ "role": "robot", "content": "Hi" }])), "robot"),
        (
            with(&good, "messages", json!([{ "role": "tool", "tool_call_id": "a", "content": "" }])),
            "tool_calls",
        ),
        (with(&good, "num_retries", json!(3)), "num_retries"),
        (with(&good, "api_key", json!("sk")), "api_key"),
        (with(&good, "stream_options", json!({ "include_usage": true })), "stream_options"),
        (with(&good, "temperature", json!(3)), "temperature"),
        (with(&good, "max_tokens", json!(0)), "max_tokens"),
        (with(&good, "tool_choice", json!("auto")), "tool_choice"),
        (with(&good, "tools", json!([{ "type": "function" }])), "tools[0]"),
    ] {
        let (status, text) = openai(&bad);
        assert_eq!(status, 400, "{bad}");
        assert!(text.contains(word) && text.contains("invalid_request_error"), "{bad}: {text}");
    }
}

#[test]
fn openai_knows_its_own_keys() {
    let good = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hi" }] });
    for headers in [
        vec![("content-type", "application/json")],
        vec![("content-type", "application/json"), ("authorization", "Bearer sk-ant-x")],
        vec![("content-type", "application/json"), ("x-api-key", "sk-openai-x")],
    ] {
        let (status, text) = ask("/v1/chat/completions", &headers, &good);
        assert_eq!(status, 401, "{headers:?}");
        assert!(text.contains("invalid_api_key"), "{text}");
    }
}

#[test]
fn anthropic_takes_a_good_request_and_names_what_is_wrong_with_others() {
    let good =
        json!({ "model": "claude", "max_tokens": 9, "messages": [{ "role": "user", "content": "Hi" }] });
    assert_eq!(anthropic(&good).0, 200);
    let turns = |turns: Value| with(&good, "messages", turns);
    let call = json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": "a", "name": "f", "input": {} }] });
    let user = json!({ "role": "user", "content": "Hi" });
    for (bad, word) in [
        (with(&good, "max_tokens", Value::Null), "max_tokens"),
        (with(&good, "temperature", json!(1.5)), "temperature"),
        (with(&good, "stop", json!("x")), "stop"),
        (with(&good, "stop_sequences", json!([" "])), "stop_sequences"),
        (with(&good, "system", json!([{ "type": "text", "text": "" }])), "system.0"),
        (with(&good, "metadata", json!({ "a": 1 })), "metadata.a"),
        (with(&good, "tools", json!([{ "name": "f" }])), "input_schema"),
        (with(&good, "tool_choice", json!({ "type": "auto" })), "tool_choice"),
        (turns(json!([])), "at least one message"),
        (turns(json!([{ "role": "assistant", "content": "Hi" }])), "first message"),
        (turns(json!([{ "role": "system", "content": "Hi" }])), "role"),
        (turns(json!([{ "role": "user", "content": "" }])), "non-empty"),
        (turns(json!([{ "role": "user", "content": [{ "type": "text", "text": "" }] }])), "non-empty"),
        (turns(json!([{ "role": "user", "content": [{ "type": "image_url" }] }])), "image_url"),
        (turns(json!([user, call, user])), "tool_result"),
        (turns(json!([user, call])), "tool_result"),
    ] {
        let (status, text) = anthropic(&bad);
        assert_eq!(status, 400, "{bad}: {text}");
        assert!(text.contains(word) && text.contains("invalid_request_error"), "{bad}: {text}");
    }
}

#[test]
fn anthropic_wants_its_version_and_its_own_keys() {
    let good =
        json!({ "model": "claude", "max_tokens": 9, "messages": [{ "role": "user", "content": "Hi" }] });
    let (status, text) = ask("/v1/messages", &[("x-api-key", "sk-ant-x")], &good);
    assert_eq!(status, 400);
    assert!(text.contains("anthropic-version"), "{text}");
    for headers in [
        vec![("anthropic-version", "2023-06-01")],
        vec![("anthropic-version", "2023-06-01"), ("authorization", "Bearer sk-openai-x")],
    ] {
        let (status, text) = ask("/v1/messages", &headers, &good);
        assert_eq!(status, 401, "{headers:?}");
        assert!(text.contains("authentication_error"), "{text}");
    }
}
