use axum::http::Method;
use serde_json::json;

use crate::app::TestApp;

#[tokio::test]
async fn a_key_that_works_is_healthy() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let answer = app.send(&key, Method::POST, "/key/health", "").await.ok();
    assert_eq!(answer, json!({"key": "healthy", "logging_callbacks": null}));
    app.post("/key/block", json!({"key": key})).await.ok();
    assert_eq!(app.send(&key, Method::POST, "/key/health", "").await.status, 401);
}
