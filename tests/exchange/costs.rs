//! What an answer costs.

use std::rc::Rc;

use switchboard::exchange::{Admission, Call, HeadStep, Opening, Step};

use crate::attempt::{BODY, answer, send, sent, value};
use crate::support::{MASTER, NOW_MS, attempt, call, head, keyring, post, record, table};

const USED: &str = r#""usage":{"prompt_tokens":100,"completion_tokens":10}"#;

fn cost(call: &Call) -> Option<u64> {
    call.settle(200, NOW_MS, |entry| entry.cost_picodollars)
}

#[test]
fn a_wildcard_costs_what_the_model_costs_that_is_asked_for() {
    let call = call(r#"{"model":"openai/gpt-4o","messages":[{}]}"#);
    let mut attempt = sent(&call, "wild");
    let (headers, _) =
        answer(&mut attempt, "200", "application/json", &format!(r#"{{"model":"other",{USED}}}"#));
    assert_eq!(cost(&call), Some(130_000_000));
    assert_eq!(value(&headers, "x-litellm-response-cost"), Some("0.00013"));
}

#[test]
fn behind_an_operators_name_costs_what_the_answer_says_that_it_is() {
    for (model, cost_of_it) in [
        ("gpt-5", Some(570_000_000)),
        ("gpt-5-2025-08-07", Some(570_000_000)),
        ("gpt-4o", Some(130_000_000)),
        ("nobody-knows", None),
    ] {
        let call = call(BODY);
        let mut attempt = sent(&call, "azure");
        let body = format!(r#"{{"id":"a","choices":[],"model":"{model}",{USED}}}"#);
        let (headers, _) = answer(&mut attempt, "200", "application/json", &body);
        assert_eq!(cost(&call), cost_of_it, "{model}");
        assert_eq!(value(&headers, "x-litellm-response-cost") == Some("0"), cost_of_it.is_none());
        let expected = call.table.endpoint("azure").unwrap().expected_price("blue");
        assert_eq!(expected.is_some(), cost_of_it.is_some(), "the next one will cost the same");
    }
}

#[test]
fn a_stream_behind_an_operators_name_costs_what_its_chunks_say_that_it_is() {
    let call = call(r#"{"model":"gpt","stream":true,"messages":[{}]}"#);
    let mut attempt = sent(&call, "azure");
    let given = head(&[(":status", "200"), ("content-type", "text/event-stream")]);
    assert!(matches!(attempt.response_head(given, false), HeadStep::Hold));
    let chunk = |rest: &str| format!("data: {{\"id\":\"a\",{rest}}}\n\n");
    let text = r#""choices":[{"index":0,"delta":{"content":"Hi"}}]"#;
    let first = chunk(&format!(r#""model":"",{text}"#));
    assert!(matches!(attempt.open(first.as_bytes(), false, NOW_MS), Opening::Begin(..)));
    attempt.response_chunk(chunk(&format!(r#""model":"gpt-5-2025-08-07",{text}"#)).as_bytes(), false);
    attempt.response_chunk(chunk(&format!(r#""model":"","choices":[],{USED}"#)).as_bytes(), false);
    attempt.response_chunk(b"data: [DONE]\n\n", true);
    assert_eq!(cost(&call), Some(570_000_000));
}

#[test]
fn the_tier_that_the_answer_names_is_billed_and_else_the_one_that_was_asked_for() {
    for (asked, told, micro) in [
        (r#","service_tier":"flex""#, "", 70),
        (r#","service_tier":"flex""#, r#""service_tier":"default","#, 120),
        (r#","service_tier":"auto""#, r#""service_tier":"flex","#, 70),
        ("", r#""service_tier":"priority","#, 120),
        ("", "", 120),
    ] {
        let call = call(BODY);
        let mut attempt = attempt(&call, "gpt-1");
        send(&mut attempt, &format!(r#"{{"model":"gpt","messages":[]{asked}}}"#));
        answer(&mut attempt, "200", "application/json", &format!(r#"{{{told}"choices":[],{USED}}}"#));
        assert_eq!(cost(&call), Some(micro * 1_000_000), "{asked} {told}");
    }
}

#[test]
fn the_spend_of_a_key_is_what_was_told_and_what_was_spent_here_since() {
    let key = record("sk-spender-0123456789", |json| {
        let id = json["token"].clone();
        json["accounts"] = serde_json::json!([{ "id": { "kind": "key", "id": id }, "spend": 30_000_000 }]);
    });
    let token = key.token;
    let mut ring = keyring(vec![key]);
    ring.charge(&token, 17_470_000_000);
    let head = post("/v1/chat/completions", "sk-spender-0123456789");
    let (mut admission, _) = Admission::begin(&table(), &ring, &head, true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    let call = Rc::new(admission.admit(BODY.as_bytes()).unwrap());
    let mut attempt = sent(&call, "gpt-2");
    let (headers, _) = answer(&mut attempt, "200", "application/json", r#"{"choices":[]}"#);
    assert_eq!(value(&headers, "x-litellm-key-spend"), Some("0.0175"));
}

#[test]
fn vectors_that_nobody_counted_are_counted_by_their_texts() {
    let body = r#"{"model":"gpt","input":["one two three","four five"]}"#;
    let head = post("/v1/embeddings", MASTER);
    let (mut admission, _) = Admission::begin(&table(), &keyring(vec![]), &head, true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    let call = Rc::new(admission.admit(body.as_bytes()).unwrap());
    let mut attempt = attempt(&call, "vectors");
    send(&mut attempt, body);
    let (_, told) =
        answer(&mut attempt, "200", "application/json", r#"{"embeddings":[{"values":[1]},{"values":[2]}]}"#);
    assert_eq!(told["usage"], serde_json::json!({ "prompt_tokens": 5, "total_tokens": 5 }));
    assert_eq!(call.settle(200, NOW_MS, |entry| entry.prompt_tokens), 5);
}
