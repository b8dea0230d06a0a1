//! `GET /metrics` on the internal port

use axum::body::Body;
use axum::http::{Request, header::AUTHORIZATION};
use http_body_util::BodyExt;
use serde_json::json;
use switchboard_keys::internal::internal;
use tower::ServiceExt;

use crate::app::{INTERNAL_TOKEN, TestApp, batch, usage};

async fn metrics(app: &TestApp) -> String {
    let request = Request::get("/metrics").header(AUTHORIZATION, format!("Bearer {INTERNAL_TOKEN}"));
    let response = internal(app.app.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let text = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(text.to_vec()).unwrap()
}

#[tokio::test]
async fn what_happens_is_counted_under_paths_without_ids() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    app.post(&format!("/key/{key}/reset_spend"), json!({"reset_to": 0})).await.ok();
    app.post("/key/block", json!({"key": "sk-never-made-0000000"})).await;
    app.verify(&key).await;
    app.verify(&key).await;
    for _ in 0..2 {
        app.sync(None, Some(batch("b", vec![usage(Some(&key), Some(1)), usage(None, None)]))).await;
    }
    let text = metrics(&app).await;
    for line in [
        r#"switchboard_keys_requests_total{path="/key/generate",status="200"} 1"#,
        r#"switchboard_keys_requests_total{path="/key/{key}/reset_spend",status="200"} 1"#,
        r#"switchboard_keys_requests_total{path="/key/block",status="404"} 1"#,
        r#"switchboard_keys_request_duration_seconds_count{path="/internal/sync"} 2"#,
        "switchboard_keys_usage_batches_total 1",
        "switchboard_keys_usage_batches_repeated_total 1",
        "switchboard_keys_usage_requests_total 2",
        "switchboard_keys_verify_hits_total 1",
        "switchboard_keys_verify_misses_total 1",
    ] {
        assert!(text.lines().any(|of| of == line), "{line} in {text}");
    }
    assert!(!text.contains(&key), "no key is a label");
}
