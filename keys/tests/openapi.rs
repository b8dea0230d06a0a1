//! `/openapi.json` and `/docs`

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use switchboard::exchange::ApiPath;
use switchboard_keys::openapi::data_plane;
use tower::ServiceExt;

use crate::app::{MASTER_KEY, TestApp};

#[tokio::test]
async fn the_description_names_every_path_with_what_it_reads() {
    let app = TestApp::new().await;
    let document = app.get("", "/openapi.json").await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    let generate = &document["paths"]["/key/generate"]["post"];
    let body = &generate["requestBody"]["content"]["application/json"]["schema"]["properties"];
    assert_eq!(body["models"]["type"], json!(["array", "null"]));
    assert_eq!(body["max_budget"], json!({"type": ["number", "null"], "minimum": 0}));
    let update = &document["paths"]["/key/update"]["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(update["schema"]["required"], json!(["key"]));
    let regenerate = &document["paths"]["/key/{key}/regenerate"]["post"];
    assert_eq!(regenerate["parameters"][0]["name"], "key");
    assert_eq!(document["paths"]["/health/liveliness"]["get"]["security"], json!([]));
}

#[tokio::test]
async fn what_is_described_is_served() {
    let app = TestApp::new().await;
    let document = app.get("", "/openapi.json").await.ok();
    let paths = document["paths"].as_object().unwrap();
    let is_filters = |operations: &Value| {
        operations.as_object().unwrap().values().any(|operation| operation["tags"][0] == data_plane::TAG)
    };
    let (filters, own): (Vec<_>, Vec<_>) = paths.iter().partition(|(_, operations)| is_filters(operations));
    assert_eq!((filters.len(), own.len()), (25, 91));
    for (path, operations) in filters {
        for method in operations.as_object().unwrap().keys() {
            let ask = ApiPath::parse(method.to_uppercase().as_bytes(), &path.replace("{model}", "m"));
            assert!(
                !matches!(ask, ApiPath::NotFound | ApiPath::Management | ApiPath::MethodNotAllowed { .. }),
                "{path}: {ask:?}"
            );
        }
    }
    for (path, operations) in own {
        for method in operations.as_object().unwrap().keys() {
            let request = Request::builder()
                .method(method.to_uppercase().as_str())
                .uri(path.replace("{key}", "none").replace("{model_id}", "none").replace("{id}", "none"))
                .body(Body::empty())
                .unwrap();
            if !path.starts_with("/health/") {
                let ask = ApiPath::parse(method.to_uppercase().as_bytes(), path);
                assert_eq!(ask, ApiPath::Management, "the filter does not let {path} through");
            }
            let status = app.public().oneshot(request).await.unwrap().status().as_u16();
            let expected = if path.starts_with("/health/") { 200 } else { 401 };
            assert_eq!(status, expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_page_is_for_people_and_needs_nothing_from_elsewhere() {
    let app = TestApp::new().await;
    let request = Request::get("/docs").body(Body::empty()).unwrap();
    let response = app.public().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert!(
        response.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'")
    );
    let html = response.into_body().collect().await.unwrap().to_bytes();
    let html = String::from_utf8(html.to_vec()).unwrap();
    for text in ["/key/generate", "max_budget", "/team/member_add", "openapi.json"] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"));
    app.get(MASTER_KEY, "/budget/list").await.ok();
}
