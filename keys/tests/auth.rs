use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use switchboard::key::TokenHash;

use crate::app::{Answer, MASTER_KEY, TestApp, call, error};

async fn own_info(app: &TestApp, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get("/key/info");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    call(app.public(), request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_key_comes_in_by_every_header_of_litellm() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    for (name, value) in [
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer {key}")),
        ("x-litellm-api-key", key.clone()),
        ("x-litellm-api-key", format!("Bearer {key}")),
        ("api-key", key.clone()),
        ("x-api-key", key.clone()),
        ("x-goog-api-key", key.clone()),
        ("Ocp-Apim-Subscription-Key", key.clone()),
    ] {
        own_info(&app, &[(name, &value)]).await.ok();
    }
}

#[tokio::test]
async fn no_key_and_half_a_key_are_told_apart() {
    let app = TestApp::new().await;
    let none = error(401, "auth_error", "Authentication Error, No api key passed in.", None);
    assert_eq!(own_info(&app, &[]).await, none);
    assert_eq!(own_info(&app, &[("authorization", "Bearer ")]).await, none);
    let malformed = "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.";
    assert_eq!(
        own_info(&app, &[("authorization", MASTER_KEY)]).await,
        error(401, "auth_error", malformed, None)
    );
}

#[tokio::test]
async fn what_is_no_virtual_key_is_shown_only_in_part() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let hash = TokenHash::of(key.as_bytes()).to_string();
    for (presented, shown) in
        [("short", "****".to_owned()), (hash.as_str(), format!("{}****{}", &hash[..4], &hash[60..]))]
    {
        let message =
            format!("LiteLLM Virtual Key expected. Received={shown}, expected to start with 'sk-'.");
        assert_eq!(app.get(presented, "/key/info").await, error(401, "auth_error", &message, None));
    }
}

#[tokio::test]
async fn a_key_that_was_never_made_is_unknown() {
    let app = TestApp::new().await;
    let unknown =
        error(401, "token_not_found_in_db", "Authentication Error, Invalid API key provided.", Some("key"));
    assert_eq!(app.get("sk-never-made-0000000", "/key/info").await, unknown);
    // One character less than the master key, and one more.
    assert_eq!(app.get(&MASTER_KEY[..MASTER_KEY.len() - 1], "/key/info").await, unknown);
    assert_eq!(app.get(&format!("{MASTER_KEY}x"), "/key/info").await, unknown);
}

#[tokio::test]
async fn an_expired_key_hears_when_it_expired() {
    let app = TestApp::new().await;
    let made = app.generate(json!({"duration": "0s"})).await;
    let answer = app.get(made["key"].as_str().unwrap(), "/key/info").await;
    let message = answer.body["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(answer, error(401, "expired_key", &message, made["key_name"].as_str()));

    let times = message.strip_prefix("Authentication Error - Expired Key. Key Expiry time ").unwrap();
    let (expiry, now) = times.split_once(" and current time ").unwrap();
    let moment = |text: &str| text.replacen(' ', "T", 1).parse::<jiff::Timestamp>().unwrap();
    assert_eq!(moment(expiry), made["expires"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap());
    assert!(moment(now) > moment(expiry));
}

#[tokio::test]
async fn a_blocked_and_expired_key_hears_that_it_is_blocked() {
    let app = TestApp::new().await;
    let key = app.key(json!({"duration": "0s", "blocked": true})).await;
    let message = app.get(&key, "/key/info").await.body["error"]["message"].take();
    assert!(message.as_str().unwrap().contains("Key is blocked"), "{message}");
}

#[tokio::test]
async fn allowed_routes_hold_on_the_key_api_too() {
    let app = TestApp::new().await;
    let key = app.key(json!({"allowed_routes": ["/v1/embeddings", "llm_api_routes"]})).await;
    assert_eq!(
        app.get(&key, "/key/info").await,
        Answer::of(
            403,
            json!({"detail": "Virtual key is not allowed to call this route. Only allowed to call routes: \
                ['/v1/embeddings', 'llm_api_routes']. Tried to call route: /key/info"})
        )
    );
    let reader = app.key(json!({"key_type": "read_only"})).await;
    app.get(&reader, "/key/info").await.ok();
}
