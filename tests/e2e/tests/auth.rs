//! Who is let in, and by which header. What the others are told stands in `conformance/`.

use http::Method;
use serde_json::json;
use switchboard_e2e::{Call, MASTER_KEY, question, world};

/// A chat request without any key.
fn bare(prompt: &str) -> Call {
    world().stack.client().post("/v1/chat/completions", &question("gpt-4o", prompt))
}

#[tokio::test]
async fn a_key_may_stand_in_any_of_the_usual_headers() {
    let world = world();
    let key = world.key().await;
    let forms = [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("x-litellm-api-key", key.to_owned()),
        ("x-litellm-api-key", format!("Bearer {key}")),
        ("api-key", key.to_owned()),
        ("x-api-key", key.to_owned()),
        ("x-goog-api-key", key.to_owned()),
        ("ocp-apim-subscription-key", key.to_owned()),
    ];
    for (name, value) in forms {
        let case = world.case();
        let answer = bare(&case.prompt("Hello")).header(name, &value).send().await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let sent = case.request();
        assert!(
            !sent.head_text().contains(key),
            "the client's key went to the provider: {}",
            sent.head_text()
        );
    }
}

#[tokio::test]
async fn the_first_header_in_the_order_counts() {
    let world = world();
    let case = world.case();
    let key = world.key().await;
    let call = bare(&case.prompt("Hello")).header("x-litellm-api-key", key);
    call.key("sk-unknown-unknown-unknown").send().await.expect(200);
    let call = bare(&case.prompt("Hello")).header("x-api-key", key);
    call.key("sk-unknown-unknown-unknown").send().await.expect(401);
}

#[tokio::test]
async fn the_master_key_may_do_everything() {
    let world = world();
    let case = world.case();
    bare(&case.prompt("Hello")).key(MASTER_KEY).send().await.expect(200);
    for close in ["sk-master-0123456789abcdeg", "sk-master-0123456789abcde", "sk-master-0123456789abcdef0"] {
        bare(&case.prompt("Hello")).key(close).send().await.expect(401);
    }
    assert_eq!(case.requests().len(), 1);
}

#[tokio::test]
async fn a_blocked_key_is_refused_until_it_is_unblocked() {
    let world = world();
    let case = world.case();
    let key = world.stack.key().await;
    world.as_master("/key/block", &json!({ "key": key })).send().await.expect(200);
    bare(&case.prompt("Hello")).key(&key).send().await.expect(401);
    world.as_master("/key/unblock", &json!({ "key": key })).send().await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    bare(&case.prompt("Hello")).key(&key).send().await.expect(200);
    assert_eq!(case.requests().len(), 1);
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_over() {
    let world = world();
    let case = world.case();
    let made = world.stack.generate_key(json!({ "duration": "2s" })).await;
    let key = made["key"].as_str().unwrap();
    bare(&case.prompt("Hello")).key(key).send().await.expect(200);
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let error = bare(&case.prompt("Hello")).key(key).send().await.expect(401).error();
    assert_eq!(error["type"], "expired_key");
    assert_eq!(case.requests().len(), 1);
}

#[tokio::test]
async fn a_key_that_is_no_text_is_refused_and_harms_nobody() {
    let world = world();
    let case = world.case();
    for name in ["authorization", "x-api-key", "x-litellm-api-key"] {
        let answer = bare(&case.prompt("Hello")).header(name, b"Bearer \xff\xfe\x80").send().await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        answer.error();
    }
    world.chat("gpt-4o", &case.prompt("Hello")).await.expect(200);
}

#[tokio::test]
async fn a_query_does_not_smuggle_a_key() {
    let world = world();
    let path = format!("/v1/chat/completions?key={MASTER_KEY}");
    let body = question("gpt-4o", "Hello").to_string();
    world.stack.client().request(Method::POST, &path).body(body).send().await.expect(401);
}
