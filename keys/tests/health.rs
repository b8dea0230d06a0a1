use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::json;
use switchboard_keys::credentials::{Broker, Definition, Kind, Secrets, Setting};

use crate::app::{Answer, MASTER_KEY, TestApp, call, error};

async fn probe(app: &TestApp, path: &str) -> Answer {
    call(app.public(), Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn probes_need_no_key() {
    let app = TestApp::new().await;
    for path in ["/health/liveliness", "/health/liveness", "/health/liveness/"] {
        assert_eq!(probe(&app, path).await, Answer::of(200, json!("I'm alive!")));
    }
    let ready = Answer::of(200, json!({"status": "healthy", "db": "connected"}));
    assert_eq!(probe(&app, "/health/readiness").await, ready);
}

#[tokio::test]
async fn the_state_of_credentials_is_told_and_never_their_value() {
    let mut app = TestApp::new().await;
    let credentials = Broker::start(Secrets::default());
    let key = |name: &str, setting: Setting| Definition {
        name: name.to_owned(),
        kind: Kind::Key,
        settings: vec![("api_key".to_owned(), setting)],
    };
    let good = Setting::Literal(switchboard::secret::Secret::new("hush"));
    let bad = Setting::Environment("SWITCHBOARD_TEST_NOT_SET".to_owned());
    credentials.define("test", vec![key("GOOD", good), key("BAD", bad)]).await;
    app.app.credentials = credentials;
    let ready = json!({"status": "healthy", "db": "connected", "credentials": [
        {"name": "BAD", "state": "missing"}, {"name": "GOOD", "state": "ok"},
    ]});
    assert_eq!(probe(&app, "/health/readiness").await, Answer::of(200, ready));
    let response = switchboard_keys::routes::metrics::show(axum::extract::State(app.app.clone())).await;
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    for line in [
        r#"switchboard_keys_credential{credential="BAD",state="missing"} 1"#,
        r#"switchboard_keys_credential{credential="GOOD",state="ok"} 1"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("hush"));
}

#[tokio::test]
async fn without_its_database_the_service_is_alive_but_not_ready() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    app.app.store.close().await;
    assert_eq!(probe(&app, "/health/liveliness").await.status, 200);
    let unready = Answer::of(503, json!({"status": "unhealthy", "db": "disconnected"}));
    assert_eq!(probe(&app, "/health/readiness").await, unready);

    let request = Request::get("/key/info").header("x-api-key", &key).body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(app.public(), request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_without_looking_at_the_key() {
    let app = TestApp::new().await;
    for path in ["/v1/v1/key/info", "/key"] {
        let message = format!("Not Found: no route GET {path}. See GET /openapi.json for all routes.");
        assert_eq!(probe(&app, path).await, error(404, "not_found_error", &message, None));
    }

    let response =
        tower::ServiceExt::oneshot(app.public(), Request::get("/key/generate").body(Body::empty()).unwrap())
            .await
            .unwrap();
    assert_eq!(response.status(), 405);
    assert_eq!(response.headers()["allow"], "POST");
    let wrong = app.send(MASTER_KEY, Method::GET, "/key/generate", "").await;
    let message = "Method Not Allowed: GET /key/generate. See the `allow` header or GET /openapi.json.";
    assert_eq!(wrong, error(405, "invalid_request_error", message, None));
}
