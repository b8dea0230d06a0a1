//! `/spend/*`

use serde_json::json;
use switchboard::key::{Detail, TokenHash, UsageEntry, UsageError};

use crate::app::{MASTER_KEY, TestApp, batch, error, usage};

const DAY_MS: u64 = 86_400_000;
/// 2026-11-22T00:00:00Z
const SUNDAY_MS: u64 = 20_779 * DAY_MS;

fn at(key: &str, call: &str, ms: u64, usd: u64) -> UsageEntry<'static> {
    let call_id = call.to_owned();
    UsageEntry { call_id: call_id.into(), started_ms: ms, ..usage(Some(key), Some(usd * 1_000_000_000_000)) }
}

#[tokio::test]
async fn requests_are_listed_the_latest_first() {
    let app = TestApp::new().await;
    let key = app.key(json!({"user_id": "alice", "team_id": "t"})).await;
    let other = app.key(json!({})).await;
    let entries = vec![
        at(&key, "c1", SUNDAY_MS, 1),
        at(&other, "c2", SUNDAY_MS + 5, 2),
        at(&key, "c3", SUNDAY_MS + 9, 3),
    ];
    app.sync(None, Some(batch("b", entries))).await;
    let calls = async |query: &str| -> Vec<String> {
        let rows = app.get(MASTER_KEY, &format!("/spend/logs{query}")).await.ok();
        rows.as_array().unwrap().iter().map(|row| row["request_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(calls("").await, ["c3", "c2", "c1"]);
    assert_eq!(calls(&format!("?api_key={key}")).await, ["c3", "c1"]);
    assert_eq!(calls(&format!("?api_key={}", TokenHash::of(key.as_bytes()))).await, ["c3", "c1"]);
    assert_eq!(calls("?user_id=alice").await, ["c3", "c1"]);
    assert_eq!(calls("?request_id=c2").await, ["c2"]);
    let row = app.get(MASTER_KEY, "/spend/logs?request_id=c3").await.ok()[0].take();
    for (field, value) in [
        ("api_key", json!(TokenHash::of(key.as_bytes()))),
        ("spend", json!(3.0)),
        ("total_tokens", json!(1100)),
        ("model", json!("gpt-4o")),
        ("custom_llm_provider", json!("openai")),
        ("user", json!("alice")),
        ("team_id", json!("t")),
        ("startTime", json!("2026-11-22T00:00:00.009000Z")),
        ("endTime", json!("2026-11-22T00:00:01.243000Z")),
        ("call_type", json!("acompletion")),
        ("status", json!("success")),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
}

#[tokio::test]
async fn a_request_is_found_by_the_id_of_its_answer_and_by_that_of_its_call() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "alices", "user_id": "alice", "team_id": "t"})).await;
    let detail = Detail {
        answer_id: "chatcmpl-7".into(),
        end_user: "bob".into(),
        tags: vec!["a".to_owned(), "b\0".to_owned()].into(),
        requester_ip: "192.0.2.7".into(),
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
        ..Detail::default()
    };
    let failed = Detail { error: Some(UsageError::new("RateLimitError", "too many")), ..Detail::default() };
    let entries = vec![
        UsageEntry { detail, ..at(&key, "c1", SUNDAY_MS, 1) },
        UsageEntry { detail: failed, status: 429, ..at(&key, "c2", SUNDAY_MS, 0) },
    ];
    app.sync(None, Some(batch("b", entries))).await;
    for id in ["chatcmpl-7", "c1"] {
        let rows = app.get(MASTER_KEY, &format!("/spend/logs?request_id={id}")).await.ok();
        assert_eq!(rows.as_array().unwrap().len(), 1, "{id}");
        for (field, value) in [
            ("/request_id", json!("chatcmpl-7")),
            ("/litellm_call_id", json!("c1")),
            ("/end_user", json!("bob")),
            ("/request_tags", json!(["a", "b"])),
            ("/requester_ip_address", json!("192.0.2.7")),
            ("/api_base", json!("https://api.openai.com/v1")),
            ("/metadata/user_api_key", json!(TokenHash::of(key.as_bytes()))),
            ("/metadata/user_api_key_alias", json!("alices")),
            ("/metadata/user_api_key_user_id", json!("alice")),
            ("/metadata/user_api_key_team_id", json!("t")),
            ("/metadata/error_information", json!(null)),
        ] {
            assert_eq!(rows[0].pointer(field), Some(&value), "{field}");
        }
    }
    let row = app.get(MASTER_KEY, "/spend/logs?request_id=c2").await.ok()[0].take();
    assert_eq!(row["status"], "failure");
    assert_eq!(
        row["metadata"]["error_information"],
        json!({"error_code": "429", "error_class": "RateLimitError", "llm_provider": "openai", "error_message": "too many"})
    );
}

#[tokio::test]
async fn days_are_summed_up_to_the_end_of_the_range() {
    let app = TestApp::new().await;
    let key = app.key(json!({"user_id": "alice"})).await;
    let entries = vec![
        at(&key, "before", SUNDAY_MS - 1, 9),
        at(&key, "c1", SUNDAY_MS, 1),
        at(&key, "c2", SUNDAY_MS + DAY_MS - 1, 2),
        at(&key, "c3", SUNDAY_MS + DAY_MS, 4),
        at(&key, "after", SUNDAY_MS + 4 * DAY_MS, 9),
    ];
    app.sync(None, Some(batch("b", entries))).await;
    let range = "/spend/logs?start_date=2026-11-22&end_date=2026-11-25";
    let days = app.get(MASTER_KEY, range).await.ok();
    let hash = TokenHash::of(key.as_bytes()).to_string();
    assert_eq!(
        days,
        json!([
            {"startTime": "2026-11-22", "spend": 3.0, "users": {"alice": 3.0}, "models": {"openai/gpt-4o": 3.0}, (hash.as_str()): 3.0},
            {"startTime": "2026-11-23", "spend": 4.0, "users": {"alice": 4.0}, "models": {"openai/gpt-4o": 4.0}, (hash.as_str()): 4.0},
            {"startTime": "2026-11-24", "spend": 0.0, "users": {}, "models": {}},
            {"startTime": "2026-11-25", "spend": 0.0, "users": {}, "models": {}},
        ])
    );
    let rows = app.get(MASTER_KEY, &format!("{range}&summarize=false")).await.ok();
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let wrong = app.get(MASTER_KEY, "/spend/logs?start_date=x&end_date=2026-11-25").await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn everybody_sees_its_own_spend_alone() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "internal_user").await;
    let nobodys = app.key(json!({})).await;
    let entries = vec![at(&alice, "alices", SUNDAY_MS, 1), at(&nobodys, "nobodys", SUNDAY_MS, 1)];
    app.sync(None, Some(batch("b", entries))).await;
    for (key, call) in [(&alice, "alices"), (&nobodys, "nobodys")] {
        for query in ["", "?user_id=bob", &format!("?api_key={nobodys}&user_id=alice")] {
            let rows = app.get(key, &format!("/spend/logs{query}")).await.ok();
            assert!(
                rows.as_array().unwrap().iter().all(|row| row["request_id"] == call),
                "{call} {query} {rows}"
            );
        }
        assert_eq!(app.get(key, "/spend/logs").await.ok().as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_costs_what_its_usage_says() {
    let app = TestApp::new().await;
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 400}});
    let body = json!({"completion_response": {"model": "gpt-4o", "usage": usage}});
    assert_eq!(app.post("/spend/calculate", body).await.ok(), json!({"cost": 0.003}));
}

#[tokio::test]
async fn a_request_is_estimated_by_its_texts() {
    let app = TestApp::new().await;
    let cost = async |content: serde_json::Value| {
        let body = json!({"model": "openai/gpt-4o", "messages": [{"role": "user", "content": content}]});
        app.post("/spend/calculate", body).await.ok()["cost"].as_f64().unwrap()
    };
    let text = "x".repeat(4000);
    assert!((cost(json!(text)).await - 1004.0 * 2.5e-6).abs() < 1e-12);
    let parts = json!([{"type": "text", "text": text}]);
    assert!((cost(parts).await - 1004.0 * 2.5e-6).abs() < 1e-12);
    let refused = |message: &str| error(400, "invalid_request_error", message, None);
    assert_eq!(
        app.post("/spend/calculate", json!({"model": "gpt-4o"})).await,
        refused("Bad Request - messages must be provided if 'model' is provided")
    );
    assert_eq!(
        app.post("/spend/calculate", json!({})).await,
        refused("Bad Request - Either 'model' or 'completion_response' must be provided")
    );
    let unknown = app.post("/spend/calculate", json!({"model": "none", "messages": []})).await;
    assert_eq!(unknown.status, 400);
}
