//! `/internal/*`

mod discovery;
mod lease;
mod media;
mod responses;
mod sync;
mod texts;
mod verify;

use axum::body::Body;
use axum::http::{Request, header::AUTHORIZATION};
use serde_json::json;
use switchboard::key::{SYNC_PATH, VERIFY_PATH};
use switchboard_keys::internal::internal;

use crate::app::{INTERNAL_TOKEN, MASTER_KEY, TestApp, call, error};

#[tokio::test]
async fn the_internal_port_is_for_the_holder_of_its_token_alone() {
    let app = TestApp::new().await;
    let refused = error(
        401,
        "auth_error",
        "Authentication Error, this port is only for the Envoy filter, which sends SWITCHBOARD_INTERNAL_TOKEN as its bearer token.",
        None,
    );
    for path in [VERIFY_PATH, SYNC_PATH, "/anything"] {
        for bearer in [
            String::new(),
            format!("Bearer {MASTER_KEY}"),
            INTERNAL_TOKEN.to_owned(),
            format!("Bearer {INTERNAL_TOKEN}x"),
        ] {
            let request = Request::post(path).header(AUTHORIZATION, &bearer).body(Body::empty()).unwrap();
            assert_eq!(call(internal(app.app.clone()), request).await, refused, "{path} {bearer}");
        }
    }
}

#[tokio::test]
async fn the_ports_do_not_serve_each_others_paths() {
    let app = TestApp::new().await;
    assert_eq!(app.filter("/key/generate", json!({})).await.status, 404);
    assert_eq!(app.post(VERIFY_PATH, json!({})).await.status, 404);
    assert_eq!(app.post(SYNC_PATH, json!({})).await.status, 404);
}

#[tokio::test]
async fn a_call_in_another_form_is_refused_and_not_taken_for_an_empty_one() {
    let app = TestApp::new().await;
    assert_eq!(app.filter(VERIFY_PATH, json!({"token": "short"})).await.status, 422);
    assert_eq!(app.filter(SYNC_PATH, json!({"batch": {"id": 5}})).await.status, 422);
}
