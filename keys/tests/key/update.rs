use axum::http::Method;
use serde_json::json;

use crate::app::{MASTER_KEY, TestApp, error};

#[tokio::test]
async fn only_what_is_sent_changes() {
    let app = TestApp::new().await;
    let sent = json!({"key_alias": "old", "models": ["gpt-4o"], "max_budget": 5.0, "metadata": {"a": 1}});
    let key = app.key(sent).await;
    let before = app.info(&key).await;
    let answer = app.post("/key/update", json!({"key": key, "max_budget": 7.5, "rpm_limit": 3})).await.ok();
    assert_eq!(answer["key"], key);
    assert_eq!(answer["max_budget"], 7.5);
    let after = app.info(&key).await;
    assert_eq!((&after["rpm_limit"], &after["max_budget"]), (&json!(3), &json!(7.5)));
    for field in ["key_alias", "models", "metadata", "created_at", "spend", "expires"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    app.post("/key/update", json!({"key": key, "max_budget": null, "key_alias": null})).await.ok();
    let after = app.info(&key).await;
    assert_eq!((&after["max_budget"], &after["key_alias"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn a_duration_begins_now_and_minus_one_ends_it() {
    let app = TestApp::new().await;
    let key = app.key(json!({"duration": "0s"})).await;
    app.post("/key/update", json!({"key": key, "duration": "1h"})).await.ok();
    app.get(&key, "/key/info").await.ok();
    app.post("/key/update", json!({"key": key, "duration": "-1"})).await.ok();
    assert_eq!(app.info(&key).await["expires"], json!(null));
    assert_eq!(
        app.post("/key/update", json!({"key": key, "duration": "5x"})).await,
        error(
            400,
            "invalid_request_error",
            "Unsupported duration unit, passed duration: 5x. Use a format like '30s', '24h', '7d' or '1mo'.",
            Some("duration")
        )
    );
}

#[tokio::test]
async fn a_key_is_named_by_its_alias_when_it_is_not_named_otherwise() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "named"})).await;
    app.post("/key/update", json!({"key_alias": "named", "tpm_limit": 9})).await.ok();
    assert_eq!(app.info(&key).await["tpm_limit"], 9);
    let unknown = error(404, "not_found_error", "Key not found.", Some("key"));
    assert_eq!(app.post("/key/update", json!({"key_alias": "nobody"})).await, unknown);
    assert_eq!(app.post("/key/update", json!({"key": "sk-never-made-0000000"})).await, unknown);
    assert_eq!(app.post("/key/update", json!({})).await.status, 422);
}

#[tokio::test]
async fn an_alias_stays_unique_and_a_refused_change_changes_nothing() {
    let app = TestApp::new().await;
    app.key(json!({"key_alias": "taken"})).await;
    let key = app.key(json!({"key_alias": "mine"})).await;
    let message = "Key with alias 'taken' already exists. Unique key aliases across all keys are required.";
    assert_eq!(
        app.post("/key/update", json!({"key": key, "key_alias": "taken", "tpm_limit": 1})).await,
        error(400, "bad_request_error", message, Some("key_alias"))
    );
    let negative = app.post("/key/update", json!({"key": key, "max_budget": -1, "tpm_limit": 1})).await;
    assert_eq!(negative.status, 400);
    let info = app.info(&key).await;
    assert_eq!((&info["key_alias"], &info["tpm_limit"]), (&json!("mine"), &json!(null)));
}

#[tokio::test]
async fn many_keys_are_updated_each_for_itself() {
    let app = TestApp::new().await;
    let one = app.key(json!({})).await;
    let two = app.key(json!({})).await;
    let keys = json!([
        {"key": one, "max_budget": 1.0},
        {"key": "sk-never-made-0000000", "max_budget": 1.0},
        {"key": two, "max_budget": -1.0},
        {"key": two, "tags": ["t"]},
    ]);
    let answer = app.post("/key/bulk_update", json!({"keys": keys})).await.ok();
    assert_eq!(answer["total_requested"], 4);
    let done: Vec<_> =
        answer["successful_updates"].as_array().unwrap().iter().map(|row| &row["key"]).collect();
    assert_eq!(done, [&json!(one), &json!(two)]);
    assert_eq!(answer["successful_updates"][0]["key_info"]["max_budget"], 1.0);
    let failed = answer["failed_updates"].as_array().unwrap();
    assert_eq!(failed[0]["failed_reason"], "Key not found.");
    assert!(failed[1]["failed_reason"].as_str().unwrap().contains("non-negative"), "{failed:?}");
    assert_eq!(app.info(&two).await["max_budget"], json!(null));
    let none = error(400, "invalid_request_error", "{'error': 'No keys provided for update'}", None);
    assert_eq!(app.post("/key/bulk_update", json!({"keys": []})).await, none);
}

#[tokio::test]
async fn a_user_changes_its_own_keys_but_not_what_an_administrator_gave_them() {
    let app = TestApp::new().await;
    let given = app.user("alice", "internal_user").await;
    let made = app.send(&given, Method::POST, "/key/generate", "{}").await.ok();
    let mine = made["key"].as_str().unwrap();
    let others = app.key(json!({"user_id": "bob"})).await;
    let update =
        async |body: serde_json::Value| app.send(mine, Method::POST, "/key/update", body.to_string()).await;
    update(json!({"key": mine, "key_alias": "mine", "models": ["gpt-4o"]})).await.ok();
    assert_eq!(app.info(mine).await["updated_by"], "alice");
    assert_eq!(
        update(json!({"key": others, "key_alias": "stolen"})).await,
        error(
            403,
            "auth_error",
            "User can only create keys for themselves. Got user_id=bob, Your ID=alice",
            None
        )
    );
    for forbidden in [json!({"max_budget": 1e9}), json!({"spend": 0}), json!({"blocked": false})] {
        let mut body = forbidden.clone();
        body["key"] = json!(mine);
        assert_eq!(update(body).await.status, 403, "{forbidden}");
    }
    for forbidden in [json!({"user_id": "bob"}), json!({"user_id": null}), json!({"team_id": "t"})] {
        let mut body = forbidden.clone();
        body["key"] = json!(mine);
        assert_eq!(update(body).await.status, 403, "{forbidden}");
    }
    assert_eq!(update(json!({"key": mine, "allowed_routes": []})).await.status, 403);
    app.get(MASTER_KEY, "/key/info?key=none").await;
}
