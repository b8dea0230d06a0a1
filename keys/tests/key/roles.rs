//! What a virtual key may do by the role of its user.

use axum::http::Method;
use serde_json::json;

use crate::app::{Answer, TestApp, error};

#[tokio::test]
async fn an_internal_user_makes_keys_for_itself_alone() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "internal_user").await;
    let generate = async |body: serde_json::Value| {
        app.send(&alice, Method::POST, "/key/generate", body.to_string()).await
    };
    let made = generate(json!({"key_alias": "own"})).await.ok();
    assert_eq!((&made["user_id"], &made["created_by"]), (&json!("alice"), &json!("alice")));
    let message = "User can only create keys for themselves. Got user_id=bob, Your ID=alice";
    assert_eq!(generate(json!({"user_id": "bob"})).await, error(403, "auth_error", message, None));

    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let message = "User=alice not assigned to team=t";
    assert_eq!(generate(json!({"team_id": "t"})).await, error(400, "invalid_request_error", message, None));
    let member = json!({"team_id": "t", "member": {"user_id": "alice", "role": "user"}});
    app.post("/team/member_add", member).await.ok();
    assert_eq!(generate(json!({"team_id": "t"})).await.status, 401, "a plain member");
    assert_eq!(generate(json!({"allowed_routes": ["/key/*"]})).await.status, 403);
}

#[tokio::test]
async fn a_user_gives_a_key_no_more_than_the_one_that_it_holds_has() {
    let app = TestApp::new().await;
    app.user("alice", "internal_user").await;
    let held = app.key(json!({"user_id": "alice", "max_budget": 2.0})).await;
    let generate = async |budget: f64| {
        app.send(&held, Method::POST, "/key/generate", json!({"max_budget": budget}).to_string()).await
    };
    generate(2.0).await.ok();
    let message = "{'error': \"max_budget (3.0) cannot exceed the caller's own max_budget (2.0).\"}";
    assert_eq!(generate(3.0).await, error(400, "invalid_request_error", message, None));
}

#[tokio::test]
async fn who_may_only_look_makes_no_keys() {
    let app = TestApp::new().await;
    let key = app.user("looks", "internal_user_viewer").await;
    let answer = app.send(&key, Method::POST, "/key/generate", "{}").await;
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.contains("Route=/key/generate. Your role=internal_user_viewer."), "{message}");
    assert_eq!(answer.status, 401);
    let key = app.user("views", "proxy_admin_viewer").await;
    let message =
        "user not allowed to access this route, role= proxy_admin_viewer. Trying to access: /key/generate";
    let answer = app.send(&key, Method::POST, "/key/generate", "{}").await;
    assert_eq!(answer, Answer::of(403, json!({"detail": message})));
    let viewer = app.user("viewer", "proxy_admin_viewer").await;
    let other = app.key(json!({"user_id": "bob"})).await;
    app.get(&viewer, &format!("/key/info?key={other}")).await.ok();
    app.get(&viewer, "/budget/list").await.ok();
    let list = app.get(&viewer, "/key/list").await.ok();
    assert_eq!(list["total_count"], 4);
}

#[tokio::test]
async fn a_user_with_the_role_of_an_administrator_is_one() {
    let app = TestApp::new().await;
    let boss = app.user("boss", "proxy_admin").await;
    let body = json!({"user_id": "anybody", "allowed_routes": ["/v1/embeddings"]}).to_string();
    let made = app.send(&boss, Method::POST, "/key/generate", body).await.ok();
    assert_eq!(made["created_by"], "boss");
    app.send(&boss, Method::POST, "/team/new", "{}").await.ok();
}

#[tokio::test]
async fn keys_of_others_are_not_deleted_and_then_none_is() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "internal_user").await;
    let mine = app.key(json!({"user_id": "alice"})).await;
    let others = app.key(json!({"user_id": "bob"})).await;
    let delete = async |keys: serde_json::Value| {
        app.send(&alice, Method::POST, "/key/delete", json!({"keys": keys}).to_string()).await
    };
    let message = "{'error': 'You are not authorized to delete this key'}";
    assert_eq!(delete(json!([mine, others])).await, error(403, "invalid_request_error", message, None));
    app.get(&mine, "/key/info").await.ok();
    assert_eq!(delete(json!([mine])).await.ok(), json!({"deleted_keys": [mine]}));
}

#[tokio::test]
async fn several_keys_are_shown_to_whom_each_may_be() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "internal_user").await;
    let others = app.key(json!({"user_id": "bob", "key_alias": "bobs"})).await;
    let asked = json!({"keys": [alice, others], "key_aliases": ["bobs"]});
    let all = app.post("/v2/key/info", asked.clone()).await.ok();
    assert_eq!(all["info"].as_array().unwrap().len(), 2);
    assert_eq!(all["key"], asked["keys"]);
    let own = app.send(&alice, Method::POST, "/v2/key/info", asked.to_string()).await.ok();
    assert_eq!(own["info"].as_array().unwrap().len(), 1);
    assert_eq!(own["info"][0]["user_id"], "alice");
}
