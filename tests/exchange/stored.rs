//! Stored responses: what the key service is asked, and when.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::exchange::{Admission, Attempt, Call, Head, HeadStep, Opening, Reply, Step};
use switchboard::key::{KEEP_PATH, RECALL_PATH, STORED_PATH, TokenHash};
use switchboard::table::Table;

use crate::attempt::send;
use crate::support::{MASTER, NOW_MS, head, keyring, post, record, storing_table, table};

const KEY: &str = "sk-key-of-a-client";

fn begin(table: &Rc<Table>, head: &Head, has_body: bool) -> (Admission, Step) {
    Admission::begin(table, &keyring(vec![record(KEY, |_| {})]), head, has_body, NOW_MS)
}

/// A request for a response whose body is there.
fn asked(table: &Rc<Table>, key: &str) -> Admission {
    let (mut admission, _) = begin(table, &post("/v1/responses", key), true);
    assert!(matches!(admission.body_complete(), Step::Admit));
    admission
}

fn call_of(step: Option<Step>) -> (&'static str, Value) {
    match step {
        Some(Step::Ask { path, body }) => (path, serde_json::from_slice(&body).unwrap()),
        other => panic!("expected a call, got {other:?}"),
    }
}

fn reply(step: Step) -> (Reply, Value) {
    match step {
        Step::Reply(reply) => {
            let body = serde_json::from_slice(&reply.body).unwrap();
            (reply, body)
        }
        other => panic!("expected a reply, got {other:?}"),
    }
}

fn stored(method: &str, path: &str) -> Head {
    let bearer = format!("Bearer {KEY}");
    head(&[(":method", method), (":path", path), ("authorization", &bearer)])
}

#[test]
fn without_a_store_nothing_is_asked() {
    let (_, step) = begin(&table(), &stored("GET", "/v1/responses/resp_1"), false);
    assert_eq!(reply(step).0.status, 404);
    let body = br#"{"model":"gpt","input":"hi","previous_response_id":"resp_1"}"#;
    let mut admission = asked(&table(), KEY);
    assert!(admission.recall(body).is_none());
    let refused: Value = serde_json::from_slice(&admission.admit(&body[..]).unwrap_err().body).unwrap();
    assert_eq!(refused["error"]["code"], "previous_response_not_found");
    let mut admission = asked(&table(), KEY);
    assert!(admission.admit(&br#"{"model":"gpt","input":"hi"}"#[..]).unwrap().keeping.is_none());
}

#[test]
fn a_stored_response_is_asked_for_with_the_clients_own_key() {
    let table = storing_table();
    for (method, path, action, query) in [
        ("GET", "/v1/responses/resp_1?include[]=x", "get", "include[]=x"),
        ("DELETE", "/openai/v1/responses/resp_1", "delete", ""),
        ("POST", "/v1/responses/resp_1/cancel", "cancel", ""),
        ("GET", "/v1/responses/resp_1/input_items?limit=2", "input_items", "limit=2"),
    ] {
        let (mut admission, step) = begin(&table, &stored(method, path), method == "POST");
        let (path, call) = call_of(Some(step));
        let token = TokenHash::of(KEY.as_bytes()).to_string();
        assert_eq!(
            (path, call),
            (STORED_PATH, json!({"token": token, "id": "resp_1", "action": action, "query": query}))
        );
        assert!(matches!(admission.body_complete(), Step::Wait), "it is asked once");
        let (told, body) = reply(admission.recalled(Some(br#"{"body":{"id":"resp_1"}}"#), b""));
        assert_eq!((told.status, body), (200, json!({"id": "resp_1"})));
    }
    let missing = br#"{"problem":{"status":404,"message":"Response with id 'r' not found.","param":null}}"#;
    for (answer, status) in [(Some(&missing[..]), 404), (None, 503), (Some(b"{"), 503)] {
        let (mut admission, _) = begin(&table, &stored("GET", "/v1/responses/r"), false);
        let (told, body) = reply(admission.recalled(answer, b""));
        assert_eq!(told.status, status);
        assert!(body["error"]["message"].is_string(), "{body}");
    }
    let (_, step) = begin(&table, &head(&[(":method", "GET"), (":path", "/v1/responses/r")]), false);
    assert_eq!(reply(step).0.status, 401);
}

#[test]
fn a_conversation_is_fetched_before_the_provider_is_asked() {
    let body = br#"{"model":"gpt","input":"and now?","previous_response_id":"resp_1"}"#;
    let mut admission = asked(&storing_table(), MASTER);
    let (path, call) = call_of(admission.recall(body));
    assert_eq!((path, call), (RECALL_PATH, json!({"previous": "resp_1", "items": []})));
    let answer =
        br#"{"input":[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}],"items":{}}"#;
    let Step::Rewrite(whole) = admission.recalled(Some(answer), body) else { panic!("a body") };
    assert!(admission.recall(&whole).is_none());
    let call = Rc::new(admission.admit(whole.clone()).unwrap());
    let mut attempt = Attempt::new(Rc::clone(&call), Rc::clone(call.table.endpoint("gpt-1").unwrap()));
    let (_, sent) = send(&mut attempt, core::str::from_utf8(&whole).unwrap());
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    let texts: Vec<&str> =
        sent["messages"].as_array().unwrap().iter().map(|it| it["content"].as_str().unwrap()).collect();
    assert_eq!(texts, ["hi", "ho", "and now?"]);
}

#[test]
fn a_conversation_that_is_not_there_is_the_clients_error_and_a_silent_store_ours() {
    let body = br#"{"model":"gpt","input":"hi","previous_response_id":"resp_1"}"#;
    let problem = |status: u16| {
        json!({"problem": {"status": status, "message": "m", "param": "previous_response_id"}}).to_string()
    };
    for (answer, status, code) in [
        (Some(problem(400)), 400, "previous_response_not_found"),
        (Some(problem(413)), 413, "413"),
        (None, 503, "503"),
    ] {
        let mut admission = asked(&storing_table(), KEY);
        call_of(admission.recall(body));
        let (told, error) = reply(admission.recalled(answer.as_ref().map(String::as_bytes), body));
        assert_eq!((told.status, &error["error"]["code"]), (status, &json!(code)));
        assert!(admission.refusal(&told, NOW_MS).is_some(), "it is in the spend log");
        assert_eq!(admission.admit(&body[..]).unwrap_err().status, 500);
    }
}

/// A request that is admitted and sent.
fn sent(body: &str) -> (Rc<Call>, Attempt) {
    let mut admission = asked(&storing_table(), KEY);
    assert!(admission.recall(body.as_bytes()).is_none());
    let call = Rc::new(admission.admit(body.as_bytes()).unwrap());
    let mut attempt = Attempt::new(Rc::clone(&call), Rc::clone(call.table.endpoint("gpt-1").unwrap()));
    send(&mut attempt, body);
    (call, attempt)
}

const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",
    "message":{"role":"assistant","content":"Hello"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

#[test]
fn a_response_is_stored_with_its_input_and_says_so_only_if_it_is() {
    let (_, mut attempt) = sent(r#"{"model":"gpt","input":[{"role":"user","content":"hi"}]}"#);
    let given = head(&[(":status", "200"), ("content-type", "application/json")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let (_, body) = attempt.response_body(ANSWER.as_bytes()).unwrap();
    let (path, row) = attempt.keep(&body).unwrap();
    let row: Value = serde_json::from_slice(&row).unwrap();
    let response: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(path, KEEP_PATH);
    assert_eq!(row["token"], TokenHash::of(KEY.as_bytes()).to_string());
    assert_eq!((&row["input"], &row["parent"]), (&json!([{"role": "user", "content": "hi"}]), &Value::Null));
    assert_eq!((&row["response"], &response["store"]), (&response, &json!(true)));
    assert_eq!(attempt.kept(body.clone(), Some(b"{\"stored\":true}")), body);
    for answer in [None, Some(&b"{\"stored\":false}"[..]), Some(b"")] {
        let told: Value = serde_json::from_slice(&attempt.kept(body.clone(), answer)).unwrap();
        assert_eq!(told["store"], false);
    }
}

#[test]
fn only_the_end_of_a_stream_waits_for_the_store() {
    let (call, mut attempt) = sent(r#"{"model":"gpt","input":"hi","stream":true}"#);
    assert!(call.keeping.is_some() && attempt.keeps());
    let given = head(&[(":status", "200"), ("content-type", "text/event-stream")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let chunk = r#"data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}"#;
    let begin = format!("{chunk}\n\n");
    let Opening::Begin(_, events) = attempt.open(begin.as_bytes(), false, NOW_MS) else { panic!("events") };
    assert!(attempt.keep(&events).is_none());
    let more = begin.replace("Hel", "lo");
    let events = attempt.response_chunk(more.as_bytes(), false).unwrap().to_vec();
    assert!(attempt.keep(&events).is_none());
    let end =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let events = attempt.response_chunk(end.as_bytes(), true).unwrap().to_vec();
    let (_, row) = attempt.keep(&events).unwrap();
    let row: Value = serde_json::from_slice(&row).unwrap();
    assert_eq!(row["response"]["output"][0]["content"][0]["text"], "Hello");
    let told = String::from_utf8(attempt.kept(events, None)).unwrap();
    assert!(told.contains("event: response.completed") && told.contains("\"store\":false"), "{told}");
    assert!(!told.contains("\"store\":true"), "{told}");
}

#[test]
fn what_is_not_to_be_stored_or_has_failed_is_not() {
    let (call, _) = sent(r#"{"model":"gpt","input":"hi","store":false}"#);
    assert!(call.keeping.is_none());
    let (_, mut attempt) = sent(r#"{"model":"gpt","input":"hi"}"#);
    assert!(matches!(attempt.response_head(head(&[(":status", "500")]), false), HeadStep::Hold));
    let (_, body) = attempt.response_body(b"{}").unwrap();
    assert!(attempt.keep(&body).is_none(), "{}", String::from_utf8_lossy(&body));
}
