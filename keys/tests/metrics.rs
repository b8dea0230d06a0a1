//! `GET /metrics` on the internal port

use axum::body::Body;
use axum::http::{Request, header::AUTHORIZATION};
use http_body_util::BodyExt;
use serde_json::json;
use switchboard_keys::internal::internal;
use switchboard_keys::public::public;
use tower::ServiceExt;

use crate::app::{INTERNAL_TOKEN, MASTER_KEY, TestApp, batch, usage};

pub async fn metrics(app: &TestApp) -> String {
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
        "switchboard_keys_usage_batches_duplicate_total 1",
        "switchboard_keys_usage_requests_total 2",
        "switchboard_keys_verify_cache_hits_total 1",
        "switchboard_keys_verify_cache_misses_total 1",
    ] {
        assert!(text.lines().any(|of| of == line), "{line} in {text}");
    }
    assert!(!text.contains(&key), "no key is a label");
}

#[tokio::test]
async fn what_a_batch_says_is_counted_once_under_the_names_of_its_payers() {
    let app = TestApp::new().await;
    let alice = app.key(json!({ "key_alias": "alice", "user_id": "u" })).await;
    for _ in 0..2 {
        app.sync(None, Some(batch("b", vec![usage(Some(&alice), Some(3_000_000_000)), usage(None, None)])))
            .await;
    }
    // A sum of many has no times.
    let mut sum = usage(Some(&alice), Some(1_000_000_000_000));
    (sum.requests, sum.status) = (5, 500);
    app.sync(None, Some(batch("c", vec![sum]))).await;
    let text = metrics(&app).await;
    let count = |name: &str, labels: &[&str]| {
        let of =
            |line: &&str| line.starts_with(&format!("{name}{{")) && labels.iter().all(|l| line.contains(l));
        let lines: Vec<&str> = text.lines().filter(of).collect();
        assert_eq!(lines.len(), 1, "{name} {labels:?} in {text}");
        lines[0].rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    let (alice, master) = (r#"api_key_alias="alice""#, r#"user="default_user_id""#);
    for (name, labels, expected) in [
        ("litellm_spend_metric_total", [alice, r#"team="None""#], 1.003),
        ("litellm_requests_metric_total", [alice, r#"user="u""#], 6.0),
        ("litellm_requests_metric_total", [master, r#"hashed_api_key="None""#], 1.0),
        ("litellm_proxy_total_requests_metric_total", [alice, r#"status_code="200""#], 1.0),
        ("litellm_proxy_failed_requests_metric_total", [alice, r#"status_code="500""#], 5.0),
        ("litellm_output_reasoning_tokens_metric_total", [alice, r#"model="gpt-4o""#], 20.0),
    ] {
        assert!((count(name, &labels) - expected).abs() < 1e-9, "{name} {labels:?} in {text}");
    }
    let all = r#"gen_ai_request_model="gpt-4o""#;
    assert!((count("gen_ai_server_request_duration_seconds_count", &[all]) - 2.0).abs() < 1e-9);
    assert!((count("litellm_request_total_latency_metric_sum", &[]) - 2.468).abs() < 1e-9);
}

#[tokio::test]
async fn the_metrics_are_for_administrators_and_for_keys_that_are_made_for_them() {
    let mut app = TestApp::new().await;
    let plain = app.key(json!({})).await;
    let scraper = app.key(json!({ "allowed_routes": ["/metrics"] })).await;
    let ask = async |app: &TestApp, key: &str| {
        let mut request = Request::get("/metrics");
        if !key.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {key}"));
        }
        let service = public(app.app.clone());
        service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    for (key, status) in
        [("", 401), ("sk-never-made-0000000", 401), (&plain, 401), (&scraper, 200), (MASTER_KEY, 200)]
    {
        assert_eq!(ask(&app, key).await, status, "{key}");
    }
    app.app.open_metrics = true;
    assert_eq!(ask(&app, "").await, 200);
}
