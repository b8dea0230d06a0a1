//! Who is let in, by which header, and what the others are told.

use http::Method;
use serde_json::{Value, json};
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
async fn without_a_key_nobody_is_let_in() {
    let error = bare("Hello").send().await.expect(401).error();
    assert_eq!(error["message"], "Authentication Error, No api key passed in.");
    assert_eq!(error["type"], "auth_error");
    assert_eq!(error["param"], Value::Null);
}

#[tokio::test]
async fn a_bare_token_is_malformed() {
    let world = world();
    let error = bare("Hello").header("authorization", world.key().await).send().await.expect(401).error();
    assert_eq!(
        error["message"],
        "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix."
    );
    assert_eq!(error["type"], "auth_error");
}

#[tokio::test]
async fn a_key_that_is_no_virtual_key_is_named_without_being_shown() {
    let error = bare("Hello").key("short").send().await.expect(401).error();
    assert_eq!(
        error["message"],
        "LiteLLM Virtual Key expected. Received=****, expected to start with 'sk-'."
    );
    let error = bare("Hello").key("878babcdefabcdefabcdef01c8").send().await.expect(401).error();
    assert_eq!(
        error["message"],
        "LiteLLM Virtual Key expected. Received=878b****01c8, expected to start with 'sk-'."
    );
    assert_eq!(error["type"], "auth_error");
}

#[tokio::test]
async fn an_unknown_key_is_refused() {
    for _ in 0..2 {
        let error = bare("Hello").key("sk-0123456789abcdef012345").send().await.expect(401).error();
        assert_eq!(error["message"], "Authentication Error, Invalid API key provided.");
        assert_eq!(error["type"], "token_not_found_in_db");
        assert_eq!(error["param"], "key");
    }
}

#[tokio::test]
async fn the_hash_of_a_key_is_no_key() {
    let world = world();
    let made = world.stack.generate_key(json!({})).await;
    let hash = made["token"].as_str().unwrap_or_else(|| panic!("{made}"));
    let error = bare("Hello").key(hash).send().await.expect(401).error();
    assert!(error["message"].as_str().unwrap().contains("expected to start with 'sk-'"), "{error}");
}

#[tokio::test]
async fn a_blocked_key_is_refused_until_it_is_unblocked() {
    let world = world();
    let case = world.case();
    let key = world.stack.key().await;
    world.as_master("/key/block", &json!({ "key": key })).send().await.expect(200);
    let error = bare(&case.prompt("Hello")).key(&key).send().await.expect(401).error();
    assert_eq!(
        error["message"],
        "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin."
    );
    assert_eq!(error["type"], "auth_error");
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
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("Authentication Error - Expired Key. Key Expiry time 20"), "{message}");
    assert!(message.contains("+00:00 and current time 20"), "{message}");
    assert_eq!(error["param"], made["key_name"]);
    assert_eq!(case.requests().len(), 1);
}

#[tokio::test]
async fn a_key_for_some_models_does_not_open_others() {
    let world = world();
    let made = world.stack.generate_key(json!({ "models": ["claude"] })).await;
    let key = made["key"].as_str().unwrap();
    let case = world.case();
    // A model that does not exist is answered alike: nobody learns what there is.
    for model in ["gpt-4o", "gpt-alias", "no-such-model"] {
        let call = world.stack.client().post("/v1/chat/completions", &question(model, &case.prompt("Hi")));
        let error = call.key(key).send().await.expect(403).error();
        assert_eq!(
            error["message"],
            format!(
                "The requested model '{model}' is not available for this API key, or the model name is invalid. \
                 Check the models available to you and try again."
            )
        );
        assert_eq!(error["type"], "key_model_access_denied");
        assert_eq!(error["param"], "model");
    }
    let call = world.stack.client().post("/v1/chat/completions", &question("claude", &case.prompt("Hi")));
    call.key(key).send().await.expect(200);
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
