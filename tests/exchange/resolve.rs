//! What a request refers to, and the provider does not take: the key service resolves it before the request is written.

use serde_json::{Value, json};
use switchboard::exchange::{Attempt, HeadStep, Outgoing, Reply};

use crate::support::{NOW_MS, attempt, call, head};

const URL: &str = "https://pictures.example/a.png";

fn look() -> String {
    json!({"model": "fake", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "image_url", "image_url": URL},
        {"type": "image_url", "image_url": "http://pictures.example/b.png"}
    ]}]})
    .to_string()
}

fn fetched() -> Vec<u8> {
    json!({"media": [
        {"url": URL, "data": "data:image/png;base64,QQ=="},
        {"url": "http://pictures.example/b.png", "data": "data:image/webp;base64,Qg=="},
    ]})
    .to_string()
    .into_bytes()
}

fn asked(attempt: &mut Attempt, body: &str) -> (&'static str, Value) {
    match attempt.request(body.as_bytes(), NOW_MS) {
        Outgoing::Resolve { path, body } => (path, serde_json::from_slice(&body).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn sent(attempt: &mut Attempt, body: &str) -> Value {
    match attempt.request(body.as_bytes(), NOW_MS) {
        Outgoing::Send { body, .. } => serde_json::from_slice(&body).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn replied(attempt: &mut Attempt, body: &str) -> Reply {
    match attempt.request(body.as_bytes(), NOW_MS) {
        Outgoing::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_url_is_asked_for_once_and_the_request_is_written_with_what_came() {
    let body = look();
    let call = call(&body);
    let mut first = attempt(&call, "bearer");
    assert!(matches!(first.request_kept(NOW_MS), Some(Outgoing::Resolve { .. })));
    first = attempt(&call, "bearer");
    assert!(first.request_kept(NOW_MS).is_none(), "Envoy has the body from here on");
    let (path, urls) = asked(&mut first, &body);
    assert_eq!((path, urls), ("/internal/media", json!({"urls": [URL, "http://pictures.example/b.png"]})));
    first.resolved(Some(fetched()));
    let parts = sent(&mut first, &body)["messages"][0]["content"].take();
    assert_eq!(parts[1], parts[2]);
    assert_eq!(parts[1], json!({"image": {"format": "png", "source": {"bytes": "QQ=="}}}));
    assert_eq!(parts[3], json!({"image": {"format": "webp", "source": {"bytes": "Qg=="}}}));
}

#[test]
fn other_attempts_use_it_until_one_is_answered() {
    let body = look();
    let call = call(&body);
    let mut first = attempt(&call, "bearer");
    asked(&mut first, &body);
    first.resolved(Some(fetched()));
    sent(&mut first, &body);
    let json = [("content-type", "application/json")];
    let failed = head(&[&[(":status", "500")][..], &json].concat());
    assert!(matches!(first.response_head(failed, false), HeadStep::Hold));
    first.response_body(b"{}").unwrap();

    let mut second = attempt(&call, "bearer");
    sent(&mut second, &body);
    let answered = head(&[&[(":status", "200")][..], &json].concat());
    second.response_head(answered, false);
    let whole = r#"{"output":{"message":{"role":"assistant","content":[{"text":"A cat."}]}},"stopReason":"end_turn",
        "usage":{"inputTokens":1,"outputTokens":1}}"#;
    second.response_body(whole.as_bytes()).unwrap();
    assert!(call.resolved.borrow().is_empty(), "pictures are kept while their request is answered");
}

#[test]
fn without_an_answer_of_the_key_service_the_request_can_be_made_again_later() {
    let body = look();
    let call = call(&body);
    for answer in [None, Some(b"{}".to_vec()), Some(b"not JSON".to_vec()), Some(br#"{"media":[]}"#.to_vec())]
    {
        let mut attempt = attempt(&call, "bearer");
        asked(&mut attempt, &body);
        attempt.resolved(answer);
        let reply = replied(&mut attempt, &body);
        assert_eq!(reply.status, 503);
        assert!(reply.headers.iter().any(|(name, value)| name == "retry-after" && &**value == "1"));
    }
}

#[test]
fn a_problem_is_the_clients_and_names_the_place_and_the_url() {
    let body = look();
    let call = call(&body);
    for (answer, why) in [
        (json!({"url": URL, "problem": "it is larger than 20 MiB"}), "it is larger than 20 MiB"),
        (json!({"url": URL, "data": "data:text/html;base64,QQ=="}), "it is text, not an image"),
        (json!({"url": URL}), "it could not be fetched"),
    ] {
        let mut attempt = attempt(&call, "bearer");
        asked(&mut attempt, &body);
        attempt.resolved(Some(json!({"media": [answer]}).to_string().into_bytes()));
        let reply = replied(&mut attempt, &body);
        let error: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, &error["error"]["param"]), (400, &json!("messages[0].content[1]")));
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(URL) && message.contains(why), "{message}");
        call.resolved.take();
    }
}
