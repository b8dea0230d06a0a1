//! Providers with the client's own API: their responses pass as they are, and belong to one deployment and one key.

use std::rc::Rc;

use serde_json::{Value, json};
use switchboard::exchange::{Admission, Attempt, Call, HeadStep, Headers, Opening, Outgoing, Step};
use switchboard::table::Table;

use crate::attempt::value;
use crate::support::{NOW_MS, head, keyring, post, record, table_of};

const KEY: &str = "sk-key-of-a-client";
const OTHER: &str = "sk-key-of-another";

const DOCUMENT: &str = r#"{
  "version": 1,
  "keys": {"cluster": "keys", "token_env": "INTERNAL", "master_key_env": "MASTER",
           "sync_interval_ms": 1000, "timeout_ms": 500, "grace_s": 60, "cache_size": 100},
  "settings": {"num_retries": 2, "most_retries": 6, "max_fallbacks": 5, "cooldown_s": 5.0, "timeout_ms": 600000},
  "groups": [
    {"name": "two", "cluster": "group:two", "fallbacks": ["claude"]},
    {"name": "one", "cluster": "group:one"},
    {"name": "claude", "cluster": "group:claude"},
    {"name": "d1", "cluster": "deployment:d1", "part_of": "two"},
    {"name": "d2", "cluster": "deployment:d2", "part_of": "two"}
  ],
  "deployments": [
    {"id": "d1", "group": "two", "provider": "openai", "model": "gpt-5.5", "api_base": "https://api.openai.com/v1",
     "api_key_env": "KEY_ONE", "defaults": [["temperature", 0.5], ["max_tokens", 7]]},
    {"id": "d2", "group": "two", "provider": "azure", "model": "blue", "api_base": "https://r.openai.azure.com",
     "api_key_env": "KEY_TWO", "options": [["api_version", "preview"]]},
    {"id": "d3", "group": "one", "provider": "openai", "model": "gpt-5.5", "api_base": "https://eu.api.openai.com/v1",
     "api_key_env": "KEY_ONE"},
    {"id": "c1", "group": "claude", "provider": "anthropic", "model": "claude-sonnet-4-5",
     "api_base": "https://api.anthropic.com", "api_key_env": "KEY_ONE"}
  ]
}"#;

fn table() -> Rc<Table> {
    table_of(DOCUMENT)
}

fn admission(table: &Rc<Table>, key: &str, method: &str, path: &str, has_body: bool) -> (Admission, Step) {
    let ring = keyring(vec![record(KEY, |_| {}), record(OTHER, |_| {})]);
    let bearer = format!("Bearer {key}");
    let head = match method {
        "POST" => post(path, key),
        _ => head(&[(":method", method), (":path", path), ("authorization", &bearer)]),
    };
    Admission::begin(table, &ring, &head, has_body, NOW_MS)
}

/// Admits a request as the filter does. Gives the call, and the body that attempts get.
fn admit(table: &Rc<Table>, key: &str, body: &str) -> Result<(Rc<Call>, String), Value> {
    let (mut admission, _) = admission(table, key, "POST", "/v1/responses", true);
    assert!(matches!(admission.body_complete(), Step::Admit));
    let body = match admission.recall(body.as_bytes()) {
        None => body.to_owned(),
        Some(Step::Rewrite(body)) => String::from_utf8(body).unwrap(),
        Some(other) => panic!("{other:?}"),
    };
    match admission.admit(body.as_bytes()) {
        Ok(call) => Ok((Rc::new(call), body)),
        Err(reply) => Err(serde_json::from_slice::<Value>(&reply.body).unwrap()["error"].take()),
    }
}

fn attempt(call: &Rc<Call>, deployment: &str) -> Attempt {
    Attempt::new(Rc::clone(call), Rc::clone(call.table.endpoint(deployment).unwrap()))
}

/// What the provider gets.
fn send(attempt: &mut Attempt, body: &str) -> (Headers, String) {
    let outgoing = attempt.request_kept(NOW_MS).unwrap_or_else(|| attempt.request(body.as_bytes(), NOW_MS));
    match outgoing {
        Outgoing::Send { headers, body } => (headers, String::from_utf8(body).unwrap()),
        Outgoing::Reply(reply) => panic!("{}", String::from_utf8_lossy(&reply.body)),
        Outgoing::Resolve { path, .. } => panic!("asks {path}"),
    }
}

fn answered(attempt: &mut Attempt, status: &str, body: &str) -> String {
    let given = head(&[(":status", status), ("content-type", "application/json")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    String::from_utf8(attempt.response_body(body.as_bytes()).unwrap().1).unwrap()
}

const ANSWER: &str = r#"{ "id": "resp_own", "object": "response", "status": "completed", "new": [1.50, "\ud83d"],
  "model": "gpt-5.5-2026", "previous_response_id": null, "store": true,
  "output": [{"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": []}],
  "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 15}}"#;

fn id_of(response: &str) -> String {
    response.split('"').find(|text| text.starts_with("resp_")).unwrap().to_owned()
}

#[test]
fn the_clients_bytes_pass_but_for_the_models_name_and_the_gateways_own_fields() {
    let body = r#"{"model" : "one", "input":[ {"role":"user","content":"\ud83d hi"} ], "background": true, "num_retries": 1,
        "tools":[{"type":"file_search","vector_store_ids":["v"]}], "unknown" : {"a":1.50}}"#;
    let (call, body) = admit(&table(), KEY, body).unwrap();
    let mut native = attempt(&call, "d3");
    let (headers, sent) = send(&mut native, &body);
    assert_eq!(sent, body.replace("\"one\"", "\"gpt-5.5\"").replace("\"num_retries\": 1,\n        ", ""));
    assert_eq!(value(&headers, ":path"), Some("/v1/responses"));
    let two = r#"{"model":"two","input":"hi","top_p":1}"#;
    let (call, _) = admit(&table(), KEY, two).unwrap();
    let (_, sent) = send(&mut attempt(&call, "d1"), two);
    assert_eq!(sent, r#"{"model":"gpt-5.5","input":"hi","top_p":1,"temperature":0.5}"#);
    let (headers, _) = send(&mut attempt(&call, "d2"), two);
    assert_eq!(value(&headers, ":path"), Some("/openai/v1/responses?api-version=preview"));
    // A fallback with another API gets a translation.
    let (headers, sent) = send(&mut attempt(&call, "c1"), two);
    assert_eq!(value(&headers, ":path"), Some("/v1/messages"));
    assert!(sent.contains(r#""text":"hi""#), "{sent}");
}

#[test]
fn a_response_passes_with_an_id_that_only_its_key_can_use() {
    let table = table();
    let (call, body) = admit(&table, KEY, r#"{"model":"one","input":"hi"}"#).unwrap();
    let mut first = attempt(&call, "d3");
    send(&mut first, &body);
    let response = answered(&mut first, "200", ANSWER);
    let id = id_of(&response);
    assert_eq!(response, ANSWER.replace("resp_own", &id).replace("gpt-5.5-2026", "one"));
    call.settle(200, NOW_MS, |entry| {
        assert_eq!((entry.prompt_tokens, entry.completion_tokens), (10, 5));
        assert_eq!((entry.cached_tokens, entry.reasoning_tokens), (4, 3));
        assert_eq!(&*entry.detail.answer_id, id);
    });
    assert!(first.keep(response.as_bytes()).is_none(), "the provider keeps it");

    let next = format!(r#"{{"model":"one","input":"and now?","previous_response_id":"{id}"}}"#);
    let (call, body) = admit(&table, KEY, &next).unwrap();
    assert!(call.asked.disable_fallbacks);
    let mut second = attempt(&call, "d3");
    let (_, sent) = send(&mut second, &body);
    assert_eq!(sent, next.replace("\"one\"", "\"gpt-5.5\"").replace(&id, "resp_own"));
    let echo = ANSWER.replace("resp_own", "resp_new").replace("null", "\"resp_own\"");
    let response = answered(&mut second, "200", &echo);
    assert!(response.contains(&format!(r#""previous_response_id": "{id}""#)), "{response}");
    assert!(!response.contains("resp_new") && !response.contains("resp_own\""), "{response}");

    let forged = id.replace("own", "its");
    for (key, id) in [(OTHER, id.as_str()), (KEY, "resp_own"), (KEY, forged.as_str())] {
        let next = format!(r#"{{"model":"one","input":"hi","previous_response_id":"{id}"}}"#);
        let error = admit(&table, key, &next).unwrap_err();
        assert_eq!(error["code"], "previous_response_not_found", "{id}");
    }
    let error = admit(&table, KEY, &next.replace("\"one\"", "\"two\"")).unwrap_err();
    assert_eq!(error["code"], "previous_response_not_found", "it was another model's");
}

#[test]
fn a_conversation_goes_back_to_its_own_deployment() {
    let table = table();
    let (call, body) = admit(&table, KEY, r#"{"model":"two","input":"hi"}"#).unwrap();
    assert_eq!(call.leg().cluster, "group:two");
    let mut first = attempt(&call, "d2");
    send(&mut first, &body);
    let response = answered(&mut first, "200", ANSWER);
    let next = format!(r#"{{"model":"two","input":"hi","previous_response_id":"{}"}}"#, id_of(&response));
    let (call, _) = admit(&table, KEY, &next).unwrap();
    assert_eq!(call.leg().cluster, "deployment:d2");
    // Encrypted reasoning as well, which any of its client's requests may bring.
    let response: Value = serde_json::from_str(&response.replace("\\ud83d", "")).unwrap();
    let items = response["output"].clone();
    assert!(items[0]["encrypted_content"].as_str().unwrap().starts_with("sbd1."), "{items}");
    let next =
        json!({"model": "two", "store": false, "input": [items[0], {"role": "user", "content": "hi"}]})
            .to_string();
    let (call, body) = admit(&table, OTHER, &next).unwrap();
    assert_eq!(call.leg().cluster, "deployment:d2");
    assert!(!call.asked.disable_fallbacks, "only the reasoning is lost elsewhere");
    let (_, sent) = send(&mut attempt(&call, "d2"), &body);
    assert!(sent.contains(r#""encrypted_content":"gAAA""#), "{sent}");
    let (_, sent) = send(&mut attempt(&call, "c1"), &body);
    assert!(!sent.contains("gAAA"), "{sent}");
    for cluster in ["group:two", "group:claude"] {
        assert!(call.arrive());
        assert_eq!(call.leg().cluster, cluster);
    }
    assert!(!call.arrive());
}

const STREAM: &str = r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_own","model":"gpt-5.5","status":"in_progress","usage":null}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"msg_1","delta":"Hel\ud83d"}

event: response.completed
data: {"type":"response.completed","sequence_number":2,"response":{"id":"resp_own","model":"gpt-5.5","status":"completed","usage":{"input_tokens":7,"output_tokens":3,"total_tokens":10}}}

"#;

fn streamed(stream: &str, cut: usize) -> (Rc<Call>, String) {
    let (call, body) = admit(&table(), KEY, r#"{"model":"one","input":"hi","stream":true}"#).unwrap();
    let mut attempt = attempt(&call, "d3");
    let (headers, _) = send(&mut attempt, &body);
    assert_eq!(value(&headers, "accept"), Some("text/event-stream"));
    let given = head(&[(":status", "200"), ("content-type", "text/event-stream")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let (before, after) = stream.as_bytes().split_at(cut);
    let (mut out, mut held) = (Vec::new(), Vec::new());
    for (chunk, last) in [(before, false), (after, true)] {
        if attempt.is_streaming() {
            out.extend_from_slice(attempt.response_chunk(chunk, last).unwrap());
            continue;
        }
        held.extend_from_slice(chunk);
        if attempt.is_opening()
            && let Opening::Begin(_, events) = attempt.open(&held, last, NOW_MS)
        {
            out.extend_from_slice(&events);
        }
        if attempt.is_holding() && last {
            out.extend_from_slice(&attempt.response_body(&held).unwrap().1);
        }
    }
    (call, String::from_utf8(out).unwrap())
}

#[test]
fn a_stream_passes_and_is_counted_however_it_is_cut() {
    let (call, whole) = streamed(STREAM, 0);
    let id = id_of(&whole);
    assert_eq!(whole, STREAM.replace("resp_own", &id).replace("\"gpt-5.5\"", "\"one\""));
    call.settle(200, NOW_MS, |entry| assert_eq!((entry.prompt_tokens, entry.completion_tokens), (7, 3)));
    for cut in 0..STREAM.len() {
        assert!(streamed(STREAM, cut).1 == whole, "cut at {cut}");
    }
}

#[test]
fn a_provider_that_does_not_stream_is_streamed() {
    let (_, text) = streamed(ANSWER, ANSWER.len());
    let kinds: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let expected = ["created", "output_item.added", "output_item.done", "completed"];
    assert_eq!(kinds, expected.map(|kind| format!("response.{kind}")));
    for (number, event) in text.split_terminator("\n\n").enumerate() {
        let data: Value =
            serde_json::from_str(&event.split_once("\ndata: ").unwrap().1.replace("\\ud83d", "")).unwrap();
        assert_eq!(data["sequence_number"], number);
    }
}

#[test]
fn a_stream_that_dies_ends_in_a_failed_response_with_the_same_id() {
    let end = STREAM.find("event: response.completed").unwrap();
    let (_, text) = streamed(&STREAM[..end], 0);
    let last = text.trim_end().rsplit("\n\n").next().unwrap();
    let (_, data) = last.split_once("\ndata: ").unwrap();
    let event: Value = serde_json::from_str(data).unwrap();
    assert_eq!((&event["type"], &event["sequence_number"]), (&json!("response.failed"), &json!(2)));
    assert_eq!(event["response"]["id"], id_of(&text));
}

#[test]
fn a_kept_response_is_asked_of_its_provider() {
    let table = table();
    let (call, body) = admit(&table, KEY, r#"{"model":"two","input":"hi"}"#).unwrap();
    let mut first = attempt(&call, "d2");
    send(&mut first, &body);
    let id = id_of(&answered(&mut first, "200", ANSWER));
    for (method, below, query, sent) in [
        ("GET", "", "?include[]=x", "/openai/v1/responses/resp_own?api-version=preview&include[]=x"),
        ("DELETE", "", "", "/openai/v1/responses/resp_own?api-version=preview"),
        ("POST", "/cancel", "", "/openai/v1/responses/resp_own/cancel?api-version=preview"),
        ("GET", "/input_items", "", "/openai/v1/responses/resp_own/input_items?api-version=preview"),
    ] {
        let path = format!("/v1/responses/{id}{below}{query}");
        let (mut admission, step) = admission(&table, KEY, method, &path, false);
        assert!(matches!(step, Step::Admit), "{step:?}");
        assert!(admission.recall(b"").is_none());
        let call = Rc::new(admission.admit(&b""[..]).unwrap());
        assert_eq!(call.leg().cluster, "deployment:d2");
        let mut attempt = attempt(&call, "d2");
        let (headers, body) = send(&mut attempt, "");
        assert_eq!((value(&headers, ":method"), value(&headers, ":path")), (Some(method), Some(sent)));
        assert!(value(&headers, "api-key").is_some() && body.is_empty());
        let told = answered(&mut attempt, "200", ANSWER);
        assert_eq!(id_of(&told), id);
        call.settle(200, NOW_MS, |entry| assert_eq!(entry.prompt_tokens, 0, "it was paid before"));
    }
    for (key, id) in [(OTHER, id.as_str()), (KEY, "resp_own")] {
        let (_, step) = admission(&table, key, "GET", &format!("/v1/responses/{id}"), false);
        let Step::Reply(reply) = step else { panic!("{step:?}") };
        assert_eq!(reply.status, 404);
    }
}

#[test]
fn what_is_not_the_clients_own_or_not_the_providers_is_not_relayed() {
    let table = table();
    let error = admit(&table, KEY, r#"{"model":"one","input":"hi","conversation":"conv_1"}"#).unwrap_err();
    assert_eq!(error["param"], "conversation");
    let error = admit(&table, KEY, r#"{"model":"claude","input":"hi","background":true}"#).unwrap_err();
    assert_eq!(error["param"], "background");
    // State of another provider, which only a translation keeps.
    let carried = r#"{"model":"one","input":[{"type":"reasoning","summary":[],"encrypted_content":"sb1.e30"},
        {"role":"assistant","content":"ho"},{"role":"user","content":"hi"}]}"#;
    let (call, body) = admit(&table, KEY, carried).unwrap();
    let (headers, _) = send(&mut attempt(&call, "d3"), &body);
    assert_eq!(value(&headers, ":path"), Some("/v1/chat/completions"));
    // A fallback without the API tells what it cannot do.
    let (call, body) = admit(&table, KEY, r#"{"model":"two","input":"hi","background":true}"#).unwrap();
    let mut other = attempt(&call, "c1");
    let outgoing = other.request_kept(NOW_MS).unwrap_or_else(|| other.request(body.as_bytes(), NOW_MS));
    let Outgoing::Reply(reply) = outgoing else { panic!("{outgoing:?}") };
    assert_eq!(reply.status, 400);
}
