//! Clients of Anthropic's API at providers with the same API and at others.

use std::rc::Rc;

use switchboard::exchange::{Admission, Attempt, Call, Headers, Opening, Outgoing, Reply, Step};
use switchboard::key::{Credential, HandedOut};
use switchboard::secret::Secret;

use super::support::{MASTER, NOW_MS, attempt, head, keyring, post, table};

const QUESTION: &str = r#"{"max_tokens":99, "messages":[{"role":"user","content":[{"type":"text","text":"Hello there"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"c2ln"},{"type":"text","text":"x"}]},{"role":"user","content":"go on"}],"model":"claude"}"#;

fn admit(path: &str, body: &str) -> Result<Rc<Call>, Reply> {
    let (mut admission, _) = Admission::begin(&table(), &keyring(vec![]), &post(path, MASTER), true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    admission.admit(body.as_bytes()).map(Rc::new)
}

fn count(body: &str) -> Result<Rc<Call>, Reply> {
    admit("/v1/messages/count_tokens?beta=true", body)
}

/// What the first attempt sends.
fn sent(attempt: &mut Attempt) -> (Headers, String) {
    match attempt.request_kept(NOW_MS) {
        Some(Outgoing::Send { headers, body }) => (headers, String::from_utf8(body).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn answered(attempt: &mut Attempt, status: &str, body: &str) -> (Headers, String) {
    attempt.response_head(head(&[(":status", status), ("content-type", "application/json")]), false);
    let (headers, body) = attempt.response_body(body.as_bytes()).unwrap();
    (headers, String::from_utf8(body).unwrap())
}

#[test]
fn the_same_api_gets_the_clients_bytes_at_once_and_after_another_attempt() {
    let named = |model: &str| QUESTION.replace("\"claude\"", &format!("\"{model}\""));
    let call = admit("/v1/messages", QUESTION).unwrap();
    assert_eq!(sent(&mut attempt(&call, "claude-1")).1, named("claude-sonnet-4-5"));
    for (deployment, path) in [("claude-1", "/v1/messages"), ("foundry", "/anthropic/v1/messages")] {
        let Outgoing::Send { headers, body } = attempt(&call, deployment).request(QUESTION.as_bytes(), 0)
        else {
            panic!("it is sent");
        };
        assert_eq!(headers.get(":path"), Some(path));
        assert_eq!(headers.get("anthropic-version"), Some("2023-06-01"));
        assert_eq!(String::from_utf8(body).unwrap(), named("claude-sonnet-4-5"));
    }
}

#[test]
fn another_api_gets_a_translation_at_once_and_after_an_attempt_at_the_same_api() {
    let first = admit("/v1/messages", QUESTION).unwrap();
    let (_, at_once) = sent(&mut attempt(&first, "gpt-1"));
    let second = admit("/v1/messages", QUESTION).unwrap();
    sent(&mut attempt(&second, "claude-1"));
    let Outgoing::Send { body, .. } = attempt(&second, "gpt-1").request(QUESTION.as_bytes(), 0) else {
        panic!("it is sent");
    };
    let later = String::from_utf8(body).unwrap();
    assert_eq!(at_once, later);
    assert!(later.starts_with(r#"{"model":"gpt-4o-mini""#) && !later.contains("c2ln"), "{later}");
    let mut attempt = attempt(&second, "gpt-1");
    attempt.request(QUESTION.as_bytes(), 0);
    let answer = r#"{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let (_, message) = answered(&mut attempt, "200", answer);
    assert!(message.contains(r#""content":[{"type":"text","text":"hi"}]"#), "{message}");
}

#[test]
fn a_relayed_message_is_accounted_with_its_cache() {
    let call = admit("/v1/messages", QUESTION).unwrap();
    let mut attempt = attempt(&call, "claude-1");
    sent(&mut attempt);
    let message = r#"{"id":"msg_1","type":"message","model":"claude-sonnet-4-5-20250929","content":[{"type":"new"}],"usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,"output_tokens":7}}"#;
    let (_, told) = answered(&mut attempt, "200", message);
    assert_eq!(told, message.replace("claude-sonnet-4-5-20250929", "claude"));
    let entry = call.settle(200, NOW_MS, |entry| entry.clone().into_owned());
    assert_eq!((entry.prompt_tokens, entry.completion_tokens), (17, 7));
    assert_eq!((entry.cached_tokens, entry.cache_write_tokens), (5, 2));
    assert_eq!(&*entry.detail.answer_id, "msg_1");
}

#[test]
fn what_a_translation_refuses_is_refused_by_an_attempt_only() {
    let body = QUESTION.replace(r#""max_tokens":99"#, r#""max_tokens":99,"container":"c_1""#);
    let call = admit("/v1/messages", &body).unwrap();
    assert!(sent(&mut attempt(&call, "claude-1")).1.contains(r#""container":"c_1""#));
    let Outgoing::Reply(reply) = attempt(&call, "gpt-1").request(body.as_bytes(), 0) else {
        panic!("a reply")
    };
    assert_eq!(reply.status, 400);
    assert!(String::from_utf8(reply.body).unwrap().starts_with(r#"{"type":"error""#));
    let refused = admit("/v1/messages", r#"{"model":"claude"}"#).unwrap_err();
    assert!(String::from_utf8(refused.body).unwrap().contains("messages: Field required"));
}

#[test]
fn a_provider_with_the_same_api_counts_tokens_free_of_charge() {
    let body = QUESTION.replace(r#""max_tokens":99, "#, "");
    let call = count(&body).unwrap();
    let mut attempt = attempt(&call, "claude-1");
    let (headers, sent) = sent(&mut attempt);
    assert_eq!(headers.get(":path"), Some("/v1/messages/count_tokens"));
    assert_eq!(sent, body.replace("\"claude\"", "\"claude-sonnet-4-5\""));
    let (headers, told) = answered(&mut attempt, "200", r#"{"input_tokens": 4711, "new": 1}"#);
    assert_eq!((headers.get(":status"), told.as_str()), (Some("200"), r#"{"input_tokens":4711}"#));
    assert_eq!(headers.get("x-switchboard-token-count"), None);
    assert_eq!(headers.get("x-litellm-response-cost"), Some("0"));
    let entry = call.settle(200, NOW_MS, |entry| entry.clone().into_owned());
    assert_eq!(entry.prompt_tokens + entry.completion_tokens, 0);
}

#[test]
fn a_cloud_counts_at_a_path_of_its_own_with_the_model_in_the_body() {
    let call = count(QUESTION).unwrap();
    let value = Some(Secret::new("fetched"));
    let token = Credential { name: "ACCOUNT".into(), value, is_token: true, ..Credential::default() };
    call.table.credentials.shared().learn(HandedOut { revision: 1, credentials: vec![token] });
    let (headers, sent) = sent(&mut attempt(&call, "cloud-1"));
    let path = "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict";
    assert_eq!(headers.get(":path"), Some(path));
    assert!(sent.contains(r#""model":"claude-opus-4-6""#) && sent.contains("vertex-2023-10-16"), "{sent}");
}

#[test]
fn where_no_provider_counts_the_number_is_an_estimate_and_says_so() {
    let reply = count(&QUESTION.replace("\"claude\"", "\"gpt\"")).unwrap_err();
    assert_eq!(reply.status, 200);
    let told = |reply: &Reply| {
        reply
            .headers
            .iter()
            .any(|(name, value)| name == "x-switchboard-token-count" && &**value == "estimate")
    };
    assert!(told(&reply));

    let call = count(QUESTION).unwrap();
    let Some(Outgoing::Reply(fallback)) = attempt(&call, "gpt-1").request_kept(0) else { panic!("a reply") };
    assert!(told(&fallback) && fallback.body == reply.body);

    for (status, body) in
        [("529", r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#), ("200", "<html>")]
    {
        let call = count(QUESTION).unwrap();
        let mut attempt = attempt(&call, "claude-1");
        sent(&mut attempt);
        let (headers, told) = answered(&mut attempt, status, body);
        assert_eq!(
            (headers.get(":status"), headers.get("x-switchboard-token-count")),
            (Some("200"), Some("estimate"))
        );
        assert_eq!(told.as_bytes(), reply.body, "{status}");
    }
}

#[test]
fn an_estimate_counts_the_instructions_the_tools_and_every_turn() {
    let told = |body: &serde_json::Value| -> u64 {
        let reply = count(&body.to_string()).unwrap_err();
        let told: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        told["input_tokens"].as_u64().unwrap()
    };
    let words = "many words ".repeat(40);
    let mut body = serde_json::json!({"model": "gpt", "messages": [{"role": "user", "content": "hi"}]});
    let mut so_far = told(&body);
    assert!((1..20).contains(&so_far), "{so_far}");
    for (name, value) in [
        ("system", serde_json::json!([{"type": "text", "text": words}])),
        (
            "tools",
            serde_json::json!([{"name": "f", "description": words, "input_schema": {"type": "object"}}]),
        ),
        (
            "messages",
            serde_json::json!([{"role": "user", "content": "hi"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {"words": words}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": words}]}]),
        ),
    ] {
        body[name] = value;
        let more = told(&body);
        assert!(more > so_far + 50, "{name}: {so_far}, then {more}");
        so_far = more;
    }
}

const SEARCHING: &str = r#"{"model":"claude","max_tokens":99,"messages":[{"role":"user","content":"hi"}],"tools":[
    {"name":"f","input_schema":{"type":"object"}},{"type":"web_search_20250305","name":"web_search"}]}"#;

#[test]
fn a_search_that_the_provider_does_not_make_is_named_in_a_header() {
    const CHOICES: &str = r#""choices":[{"index":0,"message":{"content":"hi"},"delta":{"content":"hi"},"finish_reason":"stop"}]"#;
    let dropped = "x-switchboard-dropped-tools";
    let responses = r#"{"model":"claude","input":"hi","tools":[{"type":"function","name":"f"},{"type":"mcp"},{"type":"web_search"}]}"#;
    for (path, body, deployment, named) in [
        ("/v1/messages", SEARCHING, "gpt-1", Some("web_search")),
        ("/v1/messages", SEARCHING, "claude-1", None),
        ("/v1/messages", QUESTION, "gpt-1", None),
        ("/v1/responses", responses, "gpt-1", Some("mcp, web_search")),
        ("/v1/responses", responses, "claude-1", Some("mcp")),
    ] {
        for stream in [false, true] {
            let body = if stream { body.replacen('{', r#"{"stream":true,"#, 1) } else { body.to_owned() };
            let call = admit(path, &body).unwrap();
            let mut attempt = attempt(&call, deployment);
            let outgoing =
                attempt.request_kept(NOW_MS).unwrap_or_else(|| attempt.request(body.as_bytes(), NOW_MS));
            assert!(matches!(outgoing, Outgoing::Send { .. }), "{outgoing:?}");
            let (kind, answer) = match (deployment, stream) {
                ("gpt-1", true) => ("text/event-stream", format!("data: {{\"id\":\"c\",{CHOICES}}}\n\ndata: [DONE]\n\n")),
                ("gpt-1", false) => ("application/json", format!("{{\"id\":\"c\",{CHOICES}}}")),
                (_, true) => ("text/event-stream", "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"hi\"}}\n\n".to_owned()),
                (_, false) => ("application/json", r#"{"id":"m","type":"message","content":[],"usage":{}}"#.to_owned()),
            };
            attempt.response_head(head(&[(":status", "200"), ("content-type", kind)]), false);
            let headers = match attempt.open(answer.as_bytes(), false, NOW_MS) {
                Opening::Begin(headers, _) => headers,
                Opening::Wait => attempt.response_body(answer.as_bytes()).unwrap().0,
            };
            assert_eq!(headers.get(":status"), Some("200"));
            assert_eq!(headers.get(dropped), named, "{path} to {deployment}, stream: {stream}");
        }
    }
}
