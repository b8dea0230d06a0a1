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
        Some(Step::Reply(reply)) => {
            return Err(serde_json::from_slice::<Value>(&reply.body).unwrap()["error"].take());
        }
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
    named(response, "resp_")
}

/// The first name with that prefix.
fn named(response: &str, prefix: &str) -> String {
    response.split('"').find(|text| text.starts_with(prefix)).unwrap().to_owned()
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
    let item = named(&response, "rs_");
    assert_eq!(
        response,
        ANSWER.replace("resp_own", &id).replace("rs_1", &item).replace("gpt-5.5-2026", "one")
    );
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
    streamed_to(r#"{"model":"one","input":"hi","stream":true}"#, stream, cut)
}

fn streamed_to(request: &str, stream: &str, cut: usize) -> (Rc<Call>, String) {
    let (call, body) = admit(&table(), KEY, request).unwrap();
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
    let (id, item) = (id_of(&whole), named(&whole, "msg_"));
    assert!(item.ends_with('1') && item.len() == "msg_1".len() + 48, "{item}");
    let expected = STREAM.replace("resp_own", &id).replace("msg_1", &item);
    assert_eq!(whole, expected.replace("\"gpt-5.5\"", "\"one\""));
    call.settle(200, NOW_MS, |entry| assert_eq!((entry.prompt_tokens, entry.completion_tokens), (7, 3)));
    for cut in 0..STREAM.len() {
        assert!(streamed(STREAM, cut).1 == whole, "cut at {cut}");
    }
}

#[test]
fn a_response_in_the_background_is_billed_by_an_estimate_when_it_is_created() {
    let table = table();
    let billed =
        |call: &Call| call.settle(200, NOW_MS, |entry| (entry.prompt_tokens, entry.completion_tokens));
    let queued = r#"{"id":"resp_own","status":"queued","model":"m","output":[],"usage":null}"#;
    for (limit, completion) in [("", 4_096), (r#","max_output_tokens":50"#, 50)] {
        let body = format!(r#"{{"model":"one","input":"one two three","background":true{limit}}}"#);
        let (call, body) = admit(&table, KEY, &body).unwrap();
        let mut native = attempt(&call, "d3");
        send(&mut native, &body);
        let response = answered(&mut native, "200", queued);
        let (prompt, written) = billed(&call);
        assert!((3..20).contains(&prompt), "{prompt}");
        assert_eq!(written, completion, "{body}");
        // Its result was paid for.
        let path = format!("/v1/responses/{}", id_of(&response));
        let (mut admission, _) = admission(&table, KEY, "GET", &path, false);
        let call = Rc::new(admission.admit(&b""[..]).unwrap());
        let mut attempt = attempt(&call, "d3");
        send(&mut attempt, "");
        answered(&mut attempt, "200", ANSWER);
        assert_eq!(billed(&call), (0, 0));
    }
    let (call, body) = admit(&table, KEY, r#"{"model":"one","input":"hi","background":true}"#).unwrap();
    let mut native = attempt(&call, "d3");
    send(&mut native, &body);
    answered(&mut native, "200", ANSWER);
    assert_eq!(billed(&call), (10, 5), "it was there at once");
}

#[test]
fn a_request_that_is_not_translated_is_estimated_by_its_texts() {
    let prompt = |input: &str| {
        let request = format!(r#"{{"model":"one","input":{input},"stream":true,"background":true}}"#);
        let end = STREAM.find("event: response.completed").unwrap();
        let (call, _) = streamed_to(&request, &STREAM[..end], 0);
        call.settle(200, NOW_MS, |entry| entry.prompt_tokens)
    };
    let words = r#"{"role":"user","content":[{"type":"input_text","text":"one two three"}]}"#;
    assert!((3..30).contains(&prompt(&format!("[{words}]"))), "{}", prompt(&format!("[{words}]")));
    let data = "A".repeat(1 << 20);
    let picture = format!(
        r#"[{words},{{"role":"user","content":[{{"type":"input_image","image_url":"data:image/png;base64,{data}"}}]}},
          {{"type":"computer_call_output","output":{{"type":"computer_screenshot","image_url":"data:{data}"}}}},
          {{"type":"function_call","arguments":"{{}}"}},{{"type":"reasoning","encrypted_content":"{data}"}}]"#
    );
    assert!((1_500..1_700).contains(&prompt(&picture)), "{}", prompt(&picture));
}

#[test]
fn a_stream_in_the_background_that_its_client_leaves_is_billed_by_an_estimate() {
    let end = STREAM.find("event: response.completed").unwrap();
    let request = r#"{"model":"one","input":"one two three","stream":true,"background":true}"#;
    for (stream, expected) in [(&STREAM[..end], 4_096), (STREAM, 3)] {
        let (call, _) = streamed_to(request, stream, 0);
        call.settle(200, NOW_MS, |entry| assert_eq!(entry.completion_tokens, expected));
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
    let told = answered(&mut first, "200", ANSWER);
    let (id, item) = (id_of(&told), named(&told, "rs_"));
    for (method, below, query, sent) in [
        ("GET", "", "?include[]=x", "/openai/v1/responses/resp_own?api-version=preview&include[]=x"),
        ("DELETE", "", "", "/openai/v1/responses/resp_own?api-version=preview"),
        ("POST", "/cancel", "", "/openai/v1/responses/resp_own/cancel?api-version=preview"),
        (
            "GET",
            "/input_items",
            "?limit=2&after=ITEM",
            "/openai/v1/responses/resp_own/input_items?api-version=preview&limit=2&after=rs_1",
        ),
    ] {
        let path = format!("/v1/responses/{id}{below}{query}").replace("ITEM", &item);
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
        assert!(!told.contains("\"rs_1\""), "{told}");
        call.settle(200, NOW_MS, |entry| assert_eq!(entry.prompt_tokens, 0, "it was paid before"));
    }
    for (key, id) in [(OTHER, id.as_str()), (KEY, "resp_own")] {
        let (_, step) = admission(&table, key, "GET", &format!("/v1/responses/{id}"), false);
        let Step::Reply(reply) = step else { panic!("{step:?}") };
        assert_eq!(reply.status, 404);
    }
}

/// What the client of a key gets for a response of this deployment.
fn given(table: &Rc<Table>, key: &str, model: &str, deployment: &str) -> String {
    let (call, body) = admit(table, key, &format!(r#"{{"model":"{model}","input":"hi"}}"#)).unwrap();
    let mut attempt = attempt(&call, deployment);
    send(&mut attempt, &body);
    answered(&mut attempt, "200", ANSWER)
}

#[test]
fn an_item_is_named_by_the_key_that_has_it_alone() {
    let table = table();
    let item = named(&given(&table, KEY, "two", "d2"), "rs_");
    let next = |id: &str| {
        json!({"model": "two", "input": [
            {"type": "item_reference", "id": id}, {"role": "user", "content": format!("\"sbd1.{id}")}
        ]})
        .to_string()
    };
    let (call, body) = admit(&table, KEY, &next(&item)).unwrap();
    assert_eq!(call.leg().cluster, "deployment:d2");
    assert!(call.asked.disable_fallbacks, "nobody else has it");
    let (_, sent) = send(&mut attempt(&call, "d2"), &body);
    let expected = next(&item).replacen(&item, "rs_1", 1).replace("\"two\"", "\"blue\"");
    assert_eq!(sent, expected, "a text is no name");
    let forged = item.replacen('0', "1", 1);
    for (key, id) in [(OTHER, item.as_str()), (KEY, "rs_1"), (KEY, forged.as_str())] {
        let error = admit(&table, key, &next(id)).unwrap_err();
        assert_eq!((&error["param"], &error["type"]), (&json!("input"), &json!("invalid_request_error")));
        assert!(error["message"].as_str().unwrap().starts_with(&format!("Item with id '{id}' not found.")));
    }
    // Reasoning that has nothing but somebody's id is left out.
    let bare = |id: &str| {
        json!({"model": "two", "input": [
            {"type": "reasoning", "id": id, "summary": []}, {"role": "user", "content": "hi"}
        ]})
        .to_string()
    };
    let (call, body) = admit(&table, KEY, &bare(&item)).unwrap();
    assert!(send(&mut attempt(&call, "d2"), &body).1.contains("\"rs_1\""));
    let (call, body) = admit(&table, OTHER, &bare(&item)).unwrap();
    assert!(!send(&mut attempt(&call, "d2"), &body).1.contains("reasoning"));
}

#[test]
fn another_deployment_with_the_api_gets_no_state_that_it_cannot_read() {
    let table = table();
    let response: Value =
        serde_json::from_str(&given(&table, KEY, "two", "d2").replace("\\ud83d", "")).unwrap();
    let thought = &response["output"][0];
    let call_id =
        named(&given(&table, KEY, "two", "d2").replace("rs_1", "fc_1"), "rs_").replacen("rs", "fc", 1);
    let input = json!([thought, {"type": "function_call", "id": call_id, "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "x"}]);
    let body = json!({"model": "two", "input": input}).to_string();
    let (call, body) = admit(&table, KEY, &body).unwrap();
    assert_eq!(call.leg().cluster, "deployment:d2");
    let (_, sent) = send(&mut attempt(&call, "d2"), &body);
    assert!(sent.contains("gAAA") && sent.contains("\"rs_1\""), "{sent}");
    let (_, sent) = send(&mut attempt(&call, "d1"), &body);
    assert!(
        !sent.contains("reasoning") && sent.contains("function_call") && !sent.contains("\"id\""),
        "{sent}"
    );
    // So does another model.
    let (call, body) = admit(&table, KEY, &body.replace("\"two\"", "\"one\"")).unwrap();
    assert!(call.pinned.is_none());
    drop((call, body));
    let body = json!({"model": "one", "input": input}).to_string();
    let (call, body) = admit(&table, KEY, &body).unwrap();
    let (_, sent) = send(&mut attempt(&call, "d3"), &body);
    assert!(!sent.contains("reasoning"), "{sent}");
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
