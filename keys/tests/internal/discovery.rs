//! `/v3/discovery:*`

use axum::body::Body;
use axum::http::{Request, StatusCode, header::AUTHORIZATION};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use switchboard_keys::internal::internal;
use tower::ServiceExt;

use crate::app::{INTERNAL_TOKEN, TestApp};
use crate::metrics::metrics;

const LISTENERS: &str = "/v3/discovery:listeners";

fn metadata() -> Value {
    let variables = json!({ "SWITCHBOARD_INTERNAL_TOKEN": "", "SWITCHBOARD_MASTER_KEY": "" });
    json!({ "switchboard": {
        "host": "127.0.0.1", "port": 4000, "keys_host": "127.0.0.1", "keys_port": 4001, "workers": 1,
        "ca_bundle": "/etc/ssl/certs/ca-certificates.crt", "wasm": "/etc/switchboard/switchboard.wasm",
        "variables": variables,
    } })
}

/// How many Envoys the service counts.
async fn envoys(app: &TestApp) -> String {
    let text = metrics(app).await;
    let line = text.lines().find_map(|line| line.strip_prefix("switchboard_keys_envoys "));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn an_envoy_gets_a_part_and_then_waits_and_a_launcher_that_asks_is_no_envoy() {
    let app = TestApp::with_models().await;
    let asked = json!({ "node": { "metadata": metadata() } });
    let seen = app.filter(LISTENERS, asked).await.ok();
    assert_eq!(seen["resources"].as_array().map(Vec::len), Some(1), "{seen}");
    assert_eq!(envoys(&app).await, "0", "nothing waits for the launcher to use a change");
    let asked = json!({ "node": { "id": "envoy-1", "metadata": metadata() } });
    assert_eq!(app.filter(LISTENERS, asked).await.ok()["version_info"], seen["version_info"]);
    assert_eq!(envoys(&app).await, "1");
}

#[tokio::test]
async fn an_envoy_whose_environment_lacks_a_variable_is_told_which() {
    let app = TestApp::with_models().await;
    let mut metadata = metadata();
    metadata["switchboard"]["variables"] = json!({});
    let asked = json!({ "node": { "id": "envoy-1", "metadata": metadata } });
    let request = Request::post(LISTENERS)
        .header(AUTHORIZATION, format!("Bearer {INTERNAL_TOKEN}"))
        .header("content-type", "application/json")
        .body(Body::from(asked.to_string()))
        .unwrap();
    let response = internal(app.app.clone()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("SWITCHBOARD_MASTER_KEY"), "{text}");
}
