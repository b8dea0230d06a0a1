//! The provider refuses what the real ones refuse: otherwise a test that passes would mean little.

use std::slice::from_ref;

use fake_provider::dialects::{Asked, of_path};
use fake_provider::state;
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
    let asked = Asked {
        method: &http::Method::POST,
        path,
        query: "",
        headers: &map,
        body: body.as_bytes(),
        scripted: None,
        rounds: &[],
    };
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

fn gemini(body: &Value) -> (u16, String) {
    ask("/v1beta/models/gemini-3-pro:generateContent", &[("x-goog-api-key", "AIza-x")], body)
}

fn bedrock(body: &Value) -> (u16, String) {
    let path = "/model/us.anthropic.claude-sonnet-4-6/converse";
    ask(path, &[("authorization", "Bearer bedrock-api-key-x")], body)
}

#[test]
fn gemini_takes_a_good_request_and_names_what_is_wrong_with_others() {
    let user = json!({ "role": "user", "parts": [{ "text": "Hi" }] });
    let good = json!({ "contents": [user] });
    assert_eq!(gemini(&good).0, 200);
    let declare = |function: Value| with(&good, "tools", json!([{ "functionDeclarations": [function] }]));
    let call = json!({ "functionCall": { "name": "look", "args": { "at": 1 } } });
    let sealed = |seal: String| {
        let mut call = call.clone();
        call["thoughtSignature"] = seal.into();
        call
    };
    let result = json!({ "functionResponse": { "name": "look", "response": { "output": "seen" } } });
    let turn = |calls: &[Value], results: &[Value]| {
        let (calls, results) =
            (json!({ "role": "model", "parts": calls }), json!({ "role": "user", "parts": results }));
        with(&good, "contents", json!([user, calls, results]))
    };
    let first = sealed(state::of_call("look", &json!({ "at": 1 })));
    assert_eq!(gemini(&turn(from_ref(&first), from_ref(&result))).0, 200);
    assert_eq!(gemini(&turn(&[first.clone(), call.clone()], &[result.clone(), result.clone()])).0, 200);
    for (bad, word) in [
        (with(&good, "model", json!("m")), "model"),
        (with(&good, "contents", json!([])), "contents"),
        (with(&good, "contents", json!([{ "role": "assistant", "parts": [{ "text": "Hi" }] }])), "role"),
        (with(&good, "contents", json!([{ "role": "user", "parts": [] }])), "empty"),
        (with(&good, "contents", json!([{ "role": "user", "parts": [{}] }])), "oneof"),
        (with(&good, "generationConfig", json!({ "maxTokens": 1 })), "maxTokens"),
        (declare(json!({ "name": "1st" })), "1st"),
        (declare(json!({ "name": "a", "parameters": { "type": "object", "$schema": "x" } })), "$schema"),
        (turn(from_ref(&first), &[result.clone(), result.clone()]), "number of function response parts"),
        (turn(from_ref(&call), from_ref(&result)), "thought_signature"),
        (turn(&[sealed(state::of_call("look", &json!({ "at": 2 })))], from_ref(&result)), "Corrupted"),
    ] {
        let (status, text) = gemini(&bad);
        assert_eq!(status, 400, "{bad}");
        assert!(text.contains(word) && text.contains("INVALID_ARGUMENT"), "{bad}: {text}");
    }
}

#[test]
fn bedrock_takes_a_good_request_and_names_what_is_wrong_with_others() {
    let user = json!({ "role": "user", "content": [{ "text": "Hi" }] });
    let good = json!({ "messages": [user] });
    assert_eq!(bedrock(&good).0, 200);
    let tool = json!({ "toolSpec": { "name": "look", "inputSchema": { "json": { "type": "object" } } } });
    let call = json!({ "toolUse": { "toolUseId": "t1", "name": "look", "input": {} } });
    let result = json!({ "toolResult": { "toolUseId": "t1", "content": [{ "text": "seen" }] } });
    let thought = |text: &str, signature: String| json!({ "reasoningContent": { "reasoningText": { "text": text, "signature": signature } } });
    let turn = |said: &[Value]| {
        let said = json!({ "role": "assistant", "content": said });
        let body = with(&good, "messages", json!([user, said, { "role": "user", "content": [result] }]));
        with(&body, "toolConfig", json!({ "tools": [tool] }))
    };
    let thinking = |body: &Value| {
        with(body, "additionalModelRequestFields", json!({ "thinking": { "type": "enabled" } }))
    };
    assert_eq!(bedrock(&turn(from_ref(&call))).0, 200);
    assert_eq!(bedrock(&thinking(&turn(&[thought("Hm.", state::of_thought("Hm.")), call.clone()]))).0, 200);
    for (bad, word) in [
        (with(&good, "model", json!("m")), "model"),
        (with(&good, "messages", json!([user, user])), "alternate"),
        (with(&good, "messages", json!([{ "role": "user", "content": [{ "text": " " }] }])), "blank"),
        (
            with(
                &good,
                "messages",
                json!([{ "role": "user", "content": [{ "text": "a", "type": "text" }] }]),
            ),
            "union",
        ),
        (with(&good, "toolConfig", json!({ "tools": [] })), "toolConfig.tools"),
        (with(&turn(from_ref(&call)), "toolConfig", Value::Null), "toolConfig"),
        (turn(&[json!({ "text": "Hm." })]), "toolResult"),
        (turn(&[thought("Hm.", state::of_thought("Ha.")), call.clone()]), "signature"),
        (thinking(&turn(from_ref(&call))), "Expected `thinking`"),
    ] {
        let (status, text) = bedrock(&bad);
        assert_eq!(status, 400, "{bad}");
        assert!(text.contains(word), "{bad}: {text}");
    }
}

#[test]
fn a_thought_comes_back_with_its_own_signature() {
    let think = |kind: &str, block: Value| {
        json!({
            "model": "claude-opus-4-8", "max_tokens": 4096, "thinking": { "type": kind, "budget_tokens": 1024 },
            "tools": [{ "name": "look", "input_schema": { "type": "object" } }],
            "messages": [
                { "role": "user", "content": "Hi" },
                { "role": "assistant", "content": [block, { "type": "tool_use", "id": "t1", "name": "look", "input": {} }] },
                { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t1", "content": "seen" }] },
            ],
        })
    };
    let thought =
        |text: &str, signature: &str| json!({ "type": "thinking", "thinking": text, "signature": signature });
    let own = state::of_thought("Hm.");
    for (body, expected) in [
        (think("enabled", thought("Hm.", &own)), 200),
        (think("enabled", thought("", &own)), 200),
        (think("enabled", thought("Hm.", "c2ln")), 400),
        (think("enabled", thought("", "c2ln")), 400),
        (think("enabled", json!({ "type": "text", "text": "Hm." })), 400),
        (think("adaptive", json!({ "type": "text", "text": "Hm." })), 200),
    ] {
        let (status, text) = anthropic(&body);
        assert_eq!(status, expected, "{body}: {text}");
    }
}

#[test]
fn bedrock_takes_claudes_own_requests_and_rejects_what_only_anthropic_has() {
    let good = json!({
        "anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{ "role": "user", "content": "Hi" }],
    });
    let invoke = |body: &Value| {
        let path = "/model/us.anthropic.claude-sonnet-4-6/invoke";
        ask(path, &[("authorization", "Bearer bedrock-api-key-x")], body)
    };
    assert_eq!(invoke(&good).0, 200);
    assert_eq!(invoke(&with(&good, "anthropic_beta", json!(["context-1m-2025-08-07"]))).0, 200);
    for (bad, word) in [
        (with(&good, "anthropic_version", json!("2023-06-01")), "anthropic_version"),
        (with(&good, "model", json!("claude")), "model: Extra inputs"),
        (with(&good, "stream", json!(true)), "stream: Extra inputs"),
        (with(&good, "service_tier", json!("auto")), "service_tier"),
        (with(&good, "anthropic_beta", json!(["claude-code-20250219"])), "beta"),
        (
            with(&good, "context_management", json!({ "edits": [{ "type": "clear_thinking_20251015" }] })),
            "context_management",
        ),
        (with(&good, "max_tokens", Value::Null), "max_tokens"),
    ] {
        let (status, text) = invoke(&bad);
        assert_eq!(status, 400, "{bad}: {text}");
        assert!(text.contains(word), "{bad}: {text}");
    }
}
