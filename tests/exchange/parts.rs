//! Embeddings of more inputs than a deployment takes at once.

use std::rc::Rc;

use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard::config::PART_HEADER;
use switchboard::exchange::{Admission, Call, Head, Reply, Step};

use crate::support::{MASTER, NOW_MS, head, keyring, post, record, table};

const PATH: &str = "/v1/embeddings";

/// What becomes of a request for embeddings.
fn admit(head: &Head, body: &str) -> Result<Rc<Call>, Reply> {
    let (mut admission, step) = Admission::begin(&table(), &keyring(vec![]), head, true, NOW_MS);
    if let Step::Reply(reply) = step {
        return Err(reply);
    }
    assert!(matches!(admission.body_complete(), Step::Admit));
    admission.admit(body.as_bytes()).map(Rc::new)
}

fn ask(body: &Value) -> Rc<Call> {
    admit(&post(PATH, MASTER), &body.to_string()).unwrap()
}

fn error(reply: &Reply) -> Value {
    serde_json::from_slice::<Value>(&reply.body).unwrap()["error"].take()
}

/// The bodies of the parts that are asked for now.
fn asked(call: &Call) -> Vec<(usize, Value)> {
    let next = || call.next_part();
    std::iter::from_fn(next).map(|(index, body)| (index, serde_json::from_slice(&body).unwrap())).collect()
}

/// A vector that tells its text.
fn vector(input: &Value, base64: bool) -> Value {
    let text = input.to_string();
    if base64 {
        json!(format!("b64 {text}"))
    } else {
        json!([text.len(), text.bytes().map(u64::from).sum::<u64>()])
    }
}

/// Answers a part as its deployment would, the vectors in reverse: their index counts.
fn answer(call: &Call, index: usize, part: &Value, cost: &str) {
    let base64 = part["encoding_format"] == "base64";
    let inputs = part["input"].as_array().unwrap();
    let data = inputs.iter().enumerate().rev().map(
        |(index, input)| json!({"object": "embedding", "index": index, "embedding": vector(input, base64), "x": 1}),
    );
    let tokens = 3 * inputs.len();
    let body = json!({"object": "list", "data": data.collect::<Vec<_>>(), "model": "whatever",
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}});
    let head = head(&[
        (":status", "200"),
        ("x-litellm-model-id", "titan-1"),
        ("x-litellm-response-cost", cost),
        ("x-litellm-attempted-retries", "1"),
    ]);
    call.part_answered(index, 200, head, body.to_string().as_bytes(), NOW_MS);
}

fn header<'r>(reply: &'r Reply, name: &str) -> Option<&'r str> {
    reply.headers.iter().find(|(header, _)| header == name).map(|(_, value)| &**value)
}

proptest! {
    #[test]
    fn what_is_split_and_joined_is_what_would_have_come_at_once(
        texts in proptest::collection::vec(any::<String>(), 2..60),
        (model, size) in prop_oneof![Just(("titan", 1)), Just(("embed", 10)), Just(("bedrock/cohere.embed-v4", 96))],
        base64 in any::<bool>(),
        order in any::<u64>(),
    ) {
        let mut body = json!({"model": model, "input": texts, "dimensions": 256, "user": "me"});
        if base64 {
            body["encoding_format"] = json!("base64");
        }
        let call = ask(&body);
        if texts.len() <= size {
            prop_assert!(call.next_part().is_none() && call.parts.borrow().is_none());
            return Ok(());
        }
        let (mut waiting, mut order, mut parts) = (asked(&call), order, 0);
        let whole = loop {
            prop_assert!(waiting.len() <= 8, "{} at once", waiting.len());
            order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (index, part) = waiting.swap_remove(usize::try_from(order >> 33).unwrap() % waiting.len());
            let mut others = part.clone();
            prop_assert!(others["input"].as_array().is_some_and(|inputs| inputs.len() <= size));
            others["input"] = body["input"].clone();
            prop_assert_eq!(&others, &body, "all but the inputs stays");
            answer(&call, index, &part, "0.000000000007");
            parts += 1;
            if let Some(reply) = call.joined() {
                break reply;
            }
            waiting.extend(asked(&call));
        };
        prop_assert!(waiting.is_empty() && call.joined().is_none());
        prop_assert_eq!(parts, texts.len().div_ceil(size));
        prop_assert_eq!(whole.status, 200);
        let answer: Value = serde_json::from_slice(&whole.body).unwrap();
        let data = texts.iter().enumerate().map(
            |(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(&json!(text), base64)}),
        );
        let tokens = 3 * texts.len();
        let expected = json!({"object": "list", "data": data.collect::<Vec<_>>(), "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens}});
        prop_assert_eq!(answer, expected);

        let entry = call.settle(200, NOW_MS, |entry| entry.clone().into_owned());
        prop_assert_eq!(entry.prompt_tokens, tokens as u64);
        prop_assert_eq!(entry.cost_picodollars, Some(7 * parts as u64));
        prop_assert_eq!(&*entry.deployment_id, "titan-1");
        prop_assert_eq!(header(&whole, "x-litellm-attempted-retries").map(str::to_owned), Some(parts.to_string()));
    }
}

#[test]
fn only_a_list_that_is_longer_than_a_deployment_takes_is_split() {
    let is_split = |body: Value| ask(&body).parts.borrow().is_some();
    assert!(is_split(json!({"model": "titan", "input": ["a", "b"]})));
    assert!(is_split(json!({"model": "titan", "input": [[1, 2], [3, 4]]})), "lists of tokens");
    assert!(!is_split(json!({"model": "titan", "input": "a"})));
    assert!(!is_split(json!({"model": "titan", "input": ["a"]})));
    assert!(!is_split(json!({"model": "titan", "input": [1, 2, 3]})), "one text, as tokens");
    assert!(!is_split(json!({"model": "many", "input": vec!["a"; 2048]})));
    assert!(is_split(json!({"model": "many", "input": vec!["a"; 2049]})));
    assert!(
        !is_split(json!({"model": "gpt", "input": vec!["a"; 2049]})),
        "a server whose limit is not known"
    );
    // What may stand in counts: it may have to serve.
    assert!(is_split(json!({"model": "embed", "input": vec!["a"; 11]})));
    assert!(!is_split(json!({"model": "embed", "input": vec!["a"; 11], "disable_fallbacks": true})));
    assert!(is_split(json!({"model": "gpt", "input": vec!["a"; 11], "fallbacks": ["embed-2"]})));
    assert!(is_split(json!({"model": "bedrock/amazon.titan-embed-text-v2:0", "input": ["a", "b"]})));
}

#[test]
fn more_parts_than_anybody_would_ask_for_are_refused() {
    let body = json!({"model": "titan", "input": vec!["a"; 2049]}).to_string();
    let reply = admit(&post(PATH, MASTER), &body).unwrap_err();
    let error = error(&reply);
    assert_eq!((reply.status, &error["param"]), (400, &json!("input")));
    assert!(error["message"].as_str().unwrap().contains("2049 items"), "{error}");
}

#[test]
fn the_name_in_the_path_and_the_keys_alias_become_the_parts_model() {
    let call = admit(&post("/engines/titan/embeddings", MASTER), r#"{"input":["a","b"]}"#).unwrap();
    let parts = asked(&call);
    assert_eq!(
        parts,
        [(0, json!({"model": "titan", "input": ["a"]})), (1, json!({"model": "titan", "input": ["b"]}))]
    );

    let key = record("sk-alias", |key| key["aliases"] = json!([["mine", "titan"]]));
    let head = post(PATH, "sk-alias");
    let (mut admission, _) = Admission::begin(&table(), &keyring(vec![key]), &head, true, NOW_MS);
    assert!(matches!(admission.body_complete(), Step::Admit));
    let call = admission.admit(&br#"{"model":"mine","input":["a","b"]}"#[..]).unwrap();
    assert_eq!(asked(&call)[0].1["model"], "titan");
}

#[test]
fn a_part_that_fails_is_the_failure_of_the_whole_and_what_was_spent_is_billed() {
    let call = ask(&json!({"model": "titan", "input": vec!["a"; 20]}));
    let parts = asked(&call);
    assert_eq!(parts.len(), 8);
    answer(&call, 0, &parts[0].1, "0.25");
    let refusal = head(&[
        (":status", "429"),
        ("content-type", "application/json"),
        ("retry-after", "7"),
        ("x-litellm-model-id", "titan-1"),
        ("x-litellm-call-id", "call-1"),
        ("server", "switchboard"),
    ]);
    call.part_answered(1, 429, refusal, br#"{"error":{"message":"slow down"}}"#, NOW_MS);
    let reply = call.joined().unwrap();
    assert_eq!((reply.status, &error(&reply)["message"]), (429, &json!("slow down")));
    assert_eq!((header(&reply, "retry-after"), header(&reply, "server")), (Some("7"), None));
    assert_eq!(reply.headers.iter().filter(|(name, _)| name == "x-litellm-call-id").count(), 1);
    // Nobody is asked any more; what is under way is still counted.
    assert!(call.next_part().is_none() && call.awaits_parts());
    for (index, part) in &parts[2..] {
        answer(&call, *index, part, "0.25");
    }
    assert!(call.next_part().is_none() && !call.awaits_parts() && call.joined().is_none());
    let entry = call.settle(429, NOW_MS, |entry| entry.clone().into_owned());
    assert_eq!((entry.prompt_tokens, entry.cost_picodollars), (21, Some(7 * 250_000_000_000)));
    let error = entry.detail.error.as_ref().unwrap();
    assert_eq!((&*error.class, &*error.message), ("RateLimitError", "slow down"));
}

#[test]
fn a_client_that_is_gone_stops_further_parts() {
    let call = ask(&json!({"model": "titan", "input": vec!["a"; 20]}));
    let parts = asked(&call);
    call.stop_parts();
    for (index, part) in &parts {
        answer(&call, *index, part, "0.25");
        assert!(call.next_part().is_none() && call.joined().is_none());
    }
    assert!(!call.awaits_parts());
    assert_eq!(call.settle(0, NOW_MS, |entry| entry.prompt_tokens), 24);
}

#[test]
fn an_answer_with_too_few_vectors_is_the_providers_fault() {
    for data in [json!([]), json!([{"embedding": [1], "index": 1}]), json!("?")] {
        let call = ask(&json!({"model": "titan", "input": ["a", "b"]}));
        asked(&call);
        call.part_answered(0, 200, Head::default(), json!({"data": data}).to_string().as_bytes(), NOW_MS);
        assert_eq!(call.joined().unwrap().status, 502, "{data}");
    }
}

#[test]
fn a_part_without_an_answer_is_a_time_out_when_the_time_of_the_whole_is_over() {
    let unanswered = |now_ms: u64| {
        let call = ask(&json!({"model": "titan", "input": ["a", "b"], "timeout": 2.5}));
        assert_eq!(call.deadline_ms(), NOW_MS + 2_500);
        asked(&call);
        call.part_answered(0, 0, Head::default(), &[], now_ms);
        let reply = call.joined().unwrap();
        (reply.status, error(&reply)["message"].as_str().unwrap().to_owned())
    };
    // Envoy answers a call that takes too long by itself.
    let call = ask(&json!({"model": "titan", "input": ["a", "b"], "timeout": 2.5}));
    asked(&call);
    let plain = head(&[(":status", "504"), ("content-type", "text/plain")]);
    call.part_answered(0, 504, plain, b"upstream request timeout", NOW_MS + 2_499);
    assert_eq!(call.joined().unwrap().status, 408);

    let (status, message) = unanswered(NOW_MS + 2_500);
    assert_eq!(status, 408);
    assert!(message.ends_with("timeout value=2.5"), "{message}");
    assert_eq!(unanswered(NOW_MS + 10).0, 503);
}

#[test]
fn a_part_needs_no_key_has_no_account_and_is_not_split_again() {
    let call = ask(&json!({"model": "titan", "input": ["a", "b"]}));
    let headers = call.part_headers();
    let pairs: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let of_a_part = |path: &'static str, more: &[(&'static str, &'static str)]| {
        head(&[&[(":method", "POST"), (":path", path)], more, &pairs].concat())
    };
    let part = admit(&of_a_part(PATH, &[]), r#"{"model":"titan","input":["a","b"]}"#).unwrap();
    assert!(part.is_part() && part.key.is_none() && part.parts.borrow().is_none());
    assert_eq!(part.id, call.id);
    // It opens nothing else.
    let reply = admit(&of_a_part("/v1/chat/completions", &[]), "{}").unwrap_err();
    assert_eq!(reply.status, 401);
}

#[test]
fn a_client_cannot_claim_that_its_request_is_a_part() {
    for guess in ["true", "1", "internal", ""] {
        let head = head(&[(":method", "POST"), (":path", PATH), (PART_HEADER, guess)]);
        let reply = admit(&head, r#"{"model":"titan","input":"a"}"#).unwrap_err();
        assert_eq!(reply.status, 401, "{guess}");
        let own =
            [(":method", "POST"), (":path", PATH), ("authorization", "Bearer sk-master-key-of-the-tests")];
        let head = crate::support::head(&[&own[..], &[(PART_HEADER, guess)]].concat());
        assert!(!admit(&head, r#"{"model":"titan","input":"a"}"#).unwrap().is_part(), "{guess}");
        assert!(head.forbidden().any(|name| name == PART_HEADER), "it is taken away");
    }
}
