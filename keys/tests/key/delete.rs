use serde_json::json;
use switchboard::key::TokenHash;

use crate::app::{TestApp, complaint, error};

#[tokio::test]
async fn keys_are_deleted_by_key_and_by_hash_and_echoed_as_named() {
    let app = TestApp::new().await;
    let by_key = app.key(json!({})).await;
    let by_hash = app.key(json!({})).await;
    let hash = TokenHash::of(by_hash.as_bytes()).to_string();
    let answer = app.post("/key/delete", json!({"keys": [by_key, hash, "sk-never-made-0000000"]})).await;
    assert_eq!(answer.ok(), json!({"deleted_keys": [by_key, hash]}));

    let unknown =
        error(401, "token_not_found_in_db", "Authentication Error, Invalid API key provided.", Some("key"));
    assert_eq!(app.get(&by_key, "/key/info").await, unknown);
    assert_eq!(app.get(&by_hash, "/key/info").await, unknown);
}

#[tokio::test]
async fn keys_are_deleted_by_alias() {
    let app = TestApp::new().await;
    app.key(json!({"key_alias": "one"})).await;
    let other = app.key(json!({"key_alias": "two"})).await;
    let answer = app.post("/key/delete", json!({"key_aliases": ["one", "three"]})).await;
    assert_eq!(answer.ok(), json!({"deleted_keys": ["one"]}));
    app.get(&other, "/key/info").await.ok();
}

#[tokio::test]
async fn when_there_is_nothing_to_delete_it_says_so() {
    let app = TestApp::new().await;
    let nothing = error(404, "invalid_request_error", "{'error': 'No keys found'}", None);
    assert_eq!(app.post("/key/delete", json!({"keys": ["sk-never-made-0000000"]})).await, nothing);
    assert_eq!(app.post("/key/delete", json!({"key_aliases": ["nobody"]})).await, nothing);
}

#[tokio::test]
async fn something_must_be_named() {
    let app = TestApp::new().await;
    for body in [json!({}), json!({"keys": []}), json!({"keys": null, "key_aliases": []})] {
        assert_eq!(
            app.post("/key/delete", body).await,
            complaint(
                "value_error",
                &json!(["body"]),
                "Value error, At least one of 'keys' or 'key_aliases' must be provided."
            )
        );
    }
    assert_eq!(
        app.post("/key/delete", json!({"keys": "sk-1"})).await,
        complaint("list_type", &json!(["body", "keys"]), "Input should be a valid list")
    );
}
