//! Anthropic's Messages API, in front of a provider with the same API: bytes pass as they are.

use fake_provider::Step;
use fake_provider::case::Wire;
use fake_provider::state;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, world};

/// Sends bytes as they are.
async fn post(body: &str, headers: &[(&str, &str)]) -> Answer {
    let world = world();
    let key = world.key().await;
    let mut call =
        world.stack.client().request(http::Method::POST, "/v1/messages?beta=true").body(body.to_owned());
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.header("content-type", "application/json").header("x-api-key", key).send().await
}

const MESSAGE: &str = r#"{"model":"claude-sonnet-4-5-20250929", "id":"msg_01A","type":"message","role":"assistant","content":[{"type":"thinking","thinking":"Why \ud83d","signature":"EqQB\/+=="},{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}},{"type":"text","text":"Hi","new_member":1.0}],"stop_reason":"end_turn","stop_sequence":null,"container":null,"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,"output_tokens":7,"inference_geo":"eu"}}"#;

const EVENTS: &[&str] = &[
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"claude-sonnet-4-5-20250929\",\"id\":\"msg_01A\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Why\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQB\\/+==\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: new_event\ndata: {\"type\":\"new_event\",\"x\":1}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":7}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];

#[tokio::test]
async fn bytes_pass_in_both_directions_except_for_the_models_name() {
    let world = world();
    let case = world.case();
    case.then(Step::wire(Wire::json(200, MESSAGE.as_bytes())));
    // Escaped in another way than ours, to be seen at the provider.
    let signature = state::of_thought("é 😀").replace('e', "\\u0065");
    let body = [
        r#"{ "messages":[{"role":"user","content":[{"type":"text","text":"#,
        &json!(case.prompt("Hello")).to_string(),
        r#","cache_control":{"type":"ephemeral","ttl":"1h"}}]},
          {"role":"assistant","content":[{"type":"thinking","thinking":"é \ud83d\ude00","signature":""#,
        &signature,
        r#""},{"type":"redacted_thinking","data":"EmwK"},{"type":"text","text":"Yes?"}]},
          {"role":"user","content":"Well"}],
          "max_tokens":64,"model":"claude","context_management":{"edits":[]},"temperature":1.0, "metadata":{"user_id":"u"}}"#,
    ]
    .concat();
    let headers = [
        ("anthropic-beta", "context-management-2025-06-27,new-2027-01-01"),
        ("anthropic-version", "2026-10-21"),
    ];
    let answer = post(&body, &headers).await.expect(200);
    let request = case.request();
    assert_eq!(request.refused, "");
    let sent = String::from_utf8(request.body.to_vec()).unwrap();
    assert_eq!(sent, body.replace("\"claude\"", "\"claude-sonnet-4-5\""));
    assert_eq!(request.header("anthropic-beta"), "context-management-2025-06-27,new-2027-01-01");
    assert_eq!(request.header("anthropic-version"), "2026-10-21");
    assert!(request.header("x-api-key").starts_with("sk-ant-"), "{}", request.head_text());
    assert_eq!(answer.text(), MESSAGE.replace("claude-sonnet-4-5-20250929", "claude"));
    assert_eq!(answer.header("request-id"), "");
    // 10 fresh tokens at 3 dollars a million, 5 from the cache at 0.3, 2 into it at 3.75, and 7 at 15.
    assert_eq!(answer.header("x-litellm-response-cost"), "0.000144");
}

#[tokio::test]
async fn events_pass_and_what_a_model_signed_comes_back_as_it_was() {
    let world = world();
    let case = world.case();
    let pieces = EVENTS.iter().map(|event| event.as_bytes());
    case.then(Step::wire(Wire::stream("text/event-stream; charset=utf-8", pieces)));
    let turn = json!({"role": "user", "content": case.prompt("Hello")});
    let body = json!({"model": "claude", "max_tokens": 64, "stream": true, "messages": [turn]});
    let answer = post(&body.to_string(), &[]).await.expect(200);
    assert!(answer.header("content-type").starts_with("text/event-stream"));
    assert_eq!(answer.text(), EVENTS.concat().replace("claude-sonnet-4-5-20250929", "claude"));

    let signed = r#"{"type":"thinking","thinking":"Why","signature":"EqQB\/+=="}"#;
    let body = format!(
        r#"{{"model":"claude","max_tokens":64,"messages":[{turn},{{"role":"assistant","content":[{signed}]}},{{"role":"user","content":"Go on"}}]}}"#
    );
    post(&body, &[]).await;
    let requests = case.requests();
    let sent = String::from_utf8(requests[1].body.to_vec()).unwrap();
    assert!(sent.contains(signed), "{sent}");
}

#[tokio::test]
async fn a_fallback_to_another_api_is_translated_and_gets_no_signatures() {
    let world = world();
    let case = world.case();
    case.then(Step::status(500).at("anthropic"));
    let signature = state::of_thought("Why");
    let body = json!({"model": "claude-first", "max_tokens": 64, "messages": [
        {"role": "user", "content": case.prompt("Hello")},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "Why", "signature": signature}, {"type": "text", "text": "Yes?"}]},
        {"role": "user", "content": [{"type": "text", "text": case.prompt("Well")}]},
    ]});
    let answer = post(&body.to_string(), &[("anthropic-beta", "effort-2025-11-24")]).await.expect(200);
    let message = answer.json();
    assert_eq!(
        (&message["type"], &message["model"]),
        (&json!("message"), &json!("claude-first")),
        "{message}"
    );
    let requests = case.requests();
    let last = requests.last().unwrap();
    assert_eq!((last.dialect, &*last.refused), ("openai", ""));
    assert!(!String::from_utf8_lossy(&last.body).contains(&signature), "{}", last.json());
    assert!(requests.iter().any(|request| request.dialect == "anthropic"));
}

#[tokio::test]
async fn what_is_the_gateways_is_not_sent_and_an_unsigned_thought_neither() {
    let world = world();
    let case = world.case();
    let body = json!({"model": "claude", "max_tokens": 64, "litellm_metadata": {"tags": ["a"]}, "num_retries": 0,
    "messages": [
        {"role": "user", "content": case.prompt("Hello")},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Why", "signature": ""},
            {"type": "thinking", "thinking": "Why", "signature": "sb1.eyJ9"}, {"type": "text", "text": "Yes?"}]},
        {"role": "user", "content": case.prompt("Hello")},
    ]});
    post(&body.to_string(), &[]).await.expect(200);
    let sent = case.request().json();
    assert_eq!(sent["messages"][1]["content"], json!([{"type": "text", "text": "Yes?"}]), "{sent}");
    let names: Vec<&String> = sent.as_object().unwrap().keys().collect();
    assert_eq!(names, ["model", "max_tokens", "messages"]);
}

#[tokio::test]
async fn an_error_keeps_the_words_that_clients_act_on() {
    let world = world();
    let case = world.case();
    let error = json!({"type": "error", "error": {"type": "invalid_request_error",
        "message": "prompt is too long: 210000 tokens > 200000 maximum"}});
    case.then(Step::wire(Wire::json(400, error.to_string().as_bytes())));
    let body = json!({"model": "claude", "max_tokens": 64, "messages": [{"role": "user", "content": case.prompt("x")}]});
    let answer: Value = post(&body.to_string(), &[]).await.expect(400).json();
    assert_eq!(answer["error"]["type"], "invalid_request_error", "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("prompt is too long: 210000 tokens > 200000 maximum"), "{message}");
}
