use axum::http::Method;
use serde_json::json;
use switchboard::key::TokenHash;

use crate::app::{MASTER_KEY, TestApp, complaint, error};

#[tokio::test]
async fn a_blocked_key_is_refused_until_it_is_unblocked() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "b"})).await;

    let row = app.post("/key/block", json!({"key": key})).await.ok();
    assert_eq!(row["blocked"], true);
    assert_eq!(row["token"], json!(TokenHash::of(key.as_bytes())));
    assert_eq!(row["key_alias"], "b");
    let refused = error(
        401,
        "auth_error",
        "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.",
        None,
    );
    assert_eq!(app.get(&key, "/key/info").await, refused);

    let hash = TokenHash::of(key.as_bytes()).to_string();
    assert_eq!(app.post("/key/unblock", json!({"key": hash})).await.ok()["blocked"], false);
    app.get(&key, "/key/info").await.ok();
}

#[tokio::test]
async fn a_key_that_is_not_there_cannot_be_blocked() {
    let app = TestApp::new().await;
    for path in ["/key/block", "/key/unblock"] {
        assert_eq!(
            app.post(path, json!({"key": "sk-never-made-0000000"})).await,
            error(404, "not_found_error", "Key not found.", Some("key"))
        );
    }
}

#[tokio::test]
async fn the_key_must_be_named() {
    let app = TestApp::new().await;
    let place = json!(["body", "key"]);
    assert_eq!(app.post("/key/block", json!({})).await, complaint("missing", &place, "Field required"));
    for wrong in [json!(null), json!(5)] {
        assert_eq!(
            app.post("/key/block", json!({"key": wrong})).await,
            complaint("string_type", &place, "Input should be a valid string")
        );
    }
}

#[tokio::test]
async fn a_virtual_key_blocks_nobody() {
    let app = TestApp::new().await;
    let key = app.key(json!({"user_id": "alice-in-wonderland"})).await;
    for path in ["/key/block", "/key/unblock", "/key/delete"] {
        let message = format!(
            "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
             keys/users/teams. Route={path}. Your role=unknown. Your user_id=alice-***********nd"
        );
        assert_eq!(
            app.send(&key, Method::POST, path, json!({"key": MASTER_KEY}).to_string()).await,
            error(401, "auth_error", &message, None)
        );
    }
}
