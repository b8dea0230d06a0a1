use serde_json::json;
use switchboard::key::TokenHash;

use crate::app::{MASTER_KEY, TestApp, error};

#[tokio::test]
async fn a_key_is_shown_with_everything_but_its_hash() {
    let app = TestApp::new().await;
    let made = app
        .generate(json!({
            "key_alias": "shown", "models": ["gpt-4o"], "max_budget": 2.5, "budget_duration": "1d", "duration": "1h",
            "metadata": {"cost_center": 7}, "model_rpm_limit": {"gpt-4o": 3}, "tags": ["x"], "user_id": "alice",
        }))
        .await;
    let key = made["key"].as_str().unwrap();
    let answer = app.get(MASTER_KEY, &format!("/key/info?key={key}")).await.ok();
    assert_eq!(
        answer,
        json!({"key": key, "info": {
            "key_name": made["key_name"], "key_alias": "shown", "soft_budget_cooldown": false, "spend": 0.0,
            "total_spend": 0.0, "expires": made["expires"], "models": ["gpt-4o"], "aliases": {}, "config": {},
            "router_settings": {}, "user_id": "alice", "team_id": null, "agent_id": null, "project_id": null,
            "organization_id": null, "permissions": {}, "max_parallel_requests": null, "blocked": null,
            "metadata": {"cost_center": 7, "model_rpm_limit": {"gpt-4o": 3}, "tags": ["x"]},
            "tpm_limit": null, "rpm_limit": null, "tpd_limit": null, "max_budget": 2.5, "soft_budget": null,
            "budget_duration": "1d", "budget_reset_at": made["budget_reset_at"], "budget_id": null,
            "budget_limits": null, "budget_fallbacks": null, "allowed_cache_controls": [], "allowed_routes": [],
            "key_type": "default", "policies": null, "access_group_ids": null, "model_spend": {},
            "model_max_budget": {}, "object_permission": null, "object_permission_id": null,
            "created_at": made["created_at"], "created_by": "default_user_id", "updated_at": made["updated_at"],
            "updated_by": "default_user_id", "settings_updated_at": made["updated_at"], "last_active": null,
            "auto_rotate": false, "rotation_interval": null, "rotation_count": 0, "last_rotation_at": null,
            "key_rotation_at": null, "litellm_budget_table": null, "status": "active",
        }})
    );
}

#[tokio::test]
async fn a_key_is_found_by_its_hash_too() {
    let app = TestApp::new().await;
    let made = app.generate(json!({"key_alias": "hashed"})).await;
    let hash = made["token"].as_str().unwrap();
    let answer = app.get(MASTER_KEY, &format!("/key/info?key=&key={hash}")).await.ok();
    assert_eq!(answer["key"], hash);
    assert_eq!(answer["info"]["key_alias"], "hashed");
}

#[tokio::test]
async fn without_a_parameter_a_caller_sees_its_own_key_under_its_hash() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "own"})).await;
    let answer = app.get(&key, "/key/info").await.ok();
    assert_eq!(answer["key"], json!(TokenHash::of(key.as_bytes())));
    assert_eq!(answer["info"]["key_alias"], "own");
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let app = TestApp::new().await;
    let not_found = error(404, "not_found_error", "Key not found in database", Some("key"));
    assert_eq!(app.get(MASTER_KEY, "/key/info?key=sk-never-made-0000000").await, not_found);
    assert_eq!(app.get(MASTER_KEY, "/key/info").await, not_found);
}

#[tokio::test]
async fn a_key_sees_itself_and_those_of_its_user_and_no_other() {
    let app = TestApp::new().await;
    let mine = app.key(json!({"user_id": "alice"})).await;
    let also_mine = app.key(json!({"user_id": "alice"})).await;
    let others = app.key(json!({"user_id": "bob"})).await;
    let nobodys = app.key(json!({})).await;
    let forbidden = error(
        403,
        "auth_error",
        "You are not allowed to access this key's info. Your role=internal_user",
        None,
    );
    app.get(&mine, &format!("/key/info?key={mine}")).await.ok();
    app.get(&mine, &format!("/key/info?key={also_mine}")).await.ok();
    assert_eq!(app.get(&mine, &format!("/key/info?key={others}")).await, forbidden);
    let two = app.key(json!({})).await;
    assert_eq!(app.get(&nobodys, &format!("/key/info?key={two}")).await, forbidden);
}

#[tokio::test]
async fn the_status_says_whether_the_key_works() {
    let app = TestApp::new().await;
    let blocked = app.key(json!({"blocked": true})).await;
    let expired = app.key(json!({"duration": "0s"})).await;
    assert_eq!(app.info(&blocked).await["status"], "blocked");
    assert_eq!(app.info(&expired).await["status"], "expired");
}
