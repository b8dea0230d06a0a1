//! `/user/*`

use axum::http::Method;
use serde_json::{Value, json};
use switchboard::key::{AccountId, AccountKind};

use crate::app::{Answer, MASTER_KEY, TestApp, batch, error, usage};

#[tokio::test]
async fn a_user_is_made_with_a_key_of_its_own() {
    let app = TestApp::new().await;
    let sent = json!({"user_id": "alice", "user_email": "alice@example.com", "user_role": "internal_user",
        "max_budget": 3.0, "budget_duration": "1mo", "models": ["gpt-4o"], "rpm_limit": 7, "key_alias": "first"});
    let made = app.post("/user/new", sent).await.ok();
    for (field, value) in [("user_id", json!("alice")), ("max_budget", json!(3.0)), ("rpm_limit", json!(7))] {
        assert_eq!(made[field], value, "{field}");
    }
    let key = made["key"].as_str().unwrap();
    let info = app.info(key).await;
    assert_eq!((&info["user_id"], &info["key_alias"]), (&json!("alice"), &json!("first")));
    assert_eq!(info["max_budget"], json!(null), "the budget is the user's, over all its keys");

    let shown = app.get(MASTER_KEY, "/user/info?user_id=alice").await.ok();
    assert_eq!(shown["user_id"], "alice");
    assert_eq!(shown["user_info"]["user_email"], "alice@example.com");
    assert_eq!(shown["user_info"]["budget_duration"], "1mo");
    assert_eq!(shown["keys"].as_array().unwrap().len(), 1);
    assert_eq!(shown["teams"], json!([]));
}

#[tokio::test]
async fn a_user_without_a_key_has_an_empty_one_and_an_id_of_its_own() {
    let app = TestApp::new().await;
    let made = app.post("/user/new", json!({"auto_create_key": false})).await.ok();
    assert_eq!(made["key"], "");
    let id = made["user_id"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    assert_eq!(app.get(MASTER_KEY, &format!("/user/info?user_id={id}")).await.ok()["keys"], json!([]));
}

#[tokio::test]
async fn two_users_have_neither_one_id_nor_one_address() {
    let app = TestApp::new().await;
    app.post("/user/new", json!({"user_id": "a", "user_email": "A@example.com"})).await.ok();
    let taken = |what: &str| {
        let message = format!("{{'error': 'User with {what} already exists'}}");
        error(409, "invalid_request_error", &message, None)
    };
    assert_eq!(app.post("/user/new", json!({"user_id": "a"})).await, taken("id a"));
    let same = app.post("/user/new", json!({"user_email": "a@EXAMPLE.com"})).await;
    assert_eq!(same, taken("email A@example.com"));
}

#[tokio::test]
async fn a_user_is_updated_by_id_or_address_and_its_keys_are_told() {
    let app = TestApp::new().await;
    let key = app.user("alice", "internal_user").await;
    app.post("/user/update", json!({"user_id": "alice", "user_email": "alice@example.com"})).await.ok();
    let start = app.cursor().await;
    let body = json!({"user_email": "Alice@example.com", "max_budget": 2.0, "tpm_limit": 9});
    let answer = app.post("/user/update", body).await.ok();
    assert_eq!(answer["user_id"], "alice");
    assert_eq!(answer["data"]["max_budget"], 2.0);
    let told = app.sync(Some(start), None).await.changes;
    let record = told[0].key.as_ref().unwrap();
    let account = record.accounts.iter().find(|account| account.id.kind == AccountKind::User).unwrap();
    assert_eq!((account.max_budget, account.tpm_limit), (Some(2_000_000_000_000), Some(9)));
    assert_eq!(app.verify(&key).await.key.as_ref(), Some(record));
    assert_eq!(app.post("/user/update", json!({"max_budget": 1})).await.status, 422);
}

#[tokio::test]
async fn a_user_pays_for_all_its_keys() {
    let app = TestApp::new().await;
    let one = app.user("alice", "internal_user").await;
    let two = app.key(json!({"user_id": "alice"})).await;
    app.post("/user/update", json!({"user_id": "alice", "max_budget": 5.0})).await.ok();
    let usage = vec![usage(Some(&one), Some(1_000_000_000_000)), usage(Some(&two), Some(500_000_000_000))];
    app.sync(None, Some(batch("b", usage))).await;
    let info = app.get(MASTER_KEY, "/user/info?user_id=alice").await.ok();
    assert_eq!(info["user_info"]["spend"], 1.5);
    let accounts = app.verify(&two).await.key.unwrap().accounts;
    assert_eq!(accounts[0].spend, 500_000_000_000);
    let user = AccountId { kind: AccountKind::User, id: "alice".into(), model: None, window: None };
    assert_eq!(accounts.iter().find(|account| account.id == user).unwrap().spend, 1_500_000_000_000);
}

#[tokio::test]
async fn a_personal_budget_is_not_for_keys_of_a_team() {
    let app = TestApp::new().await;
    app.post("/user/new", json!({"user_id": "alice", "max_budget": 1.0, "rpm_limit": 3})).await.ok();
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    let key = app.key(json!({"user_id": "alice", "team_id": "t"})).await;
    let accounts = app.verify(&key).await.key.unwrap().accounts;
    let user = accounts.iter().find(|account| account.id.kind == AccountKind::User).unwrap();
    assert_eq!((user.max_budget, user.rpm_limit), (None, Some(3)));
}

#[tokio::test]
async fn users_are_listed_page_by_page_and_by_filter() {
    let app = TestApp::new().await;
    for at in 0..5 {
        let role = if at == 0 { "proxy_admin" } else { "internal_user" };
        let email = format!("user_{at}@example.com");
        let body = json!({"user_id": format!("u{at}"), "user_role": role, "user_email": email});
        app.post("/user/new", body).await.ok();
    }
    let list = async |query: &str| app.get(MASTER_KEY, &format!("/user/list?{query}")).await.ok();
    let ids = |answer: &Value| -> Vec<String> {
        let users = answer["users"].as_array().unwrap().iter();
        users.map(|user| user["user_id"].as_str().unwrap().to_owned()).collect()
    };
    let page = list("page=2&page_size=2").await;
    assert_eq!((&page["total"], &page["total_pages"], &page["page"]), (&json!(5), &json!(3), &json!(2)));
    assert_eq!(ids(&page), ["u2", "u1"]);
    assert_eq!(page["users"][0]["key_count"], 1);
    assert_eq!(ids(&list("role=proxy_admin").await), ["u0"]);
    assert_eq!(ids(&list("user_email=R_3@").await), ["u3"]);
    assert_eq!(ids(&list("user_ids=u1,u4").await), ["u4", "u1"]);
    let viewer = app.user("v", "internal_user").await;
    assert_eq!(app.get(&viewer, "/user/list").await.status, 403);
}

#[tokio::test]
async fn a_deleted_user_takes_its_keys_along() {
    let app = TestApp::new().await;
    let key = app.user("alice", "internal_user").await;
    let start = app.cursor().await;
    let missing = app.post("/user/delete", json!({"user_ids": ["alice", "nobody"]})).await;
    let message = "{'error': 'User not found, passed user_id=nobody'}";
    assert_eq!(missing, error(404, "invalid_request_error", message, None));
    app.get(&key, "/key/info").await.ok();
    assert_eq!(app.post("/user/delete", json!({"user_ids": ["alice"]})).await, Answer::of(200, json!(1)));
    assert_eq!(app.get(&key, "/key/info").await.status, 401);
    assert_eq!(app.sync(Some(start), None).await.changes[0].key, None);
    assert_eq!(app.get(MASTER_KEY, "/user/info?user_id=alice").await.status, 404);
}

#[tokio::test]
async fn a_user_sees_itself_and_no_other() {
    let app = TestApp::new().await;
    let alice = app.user("alice", "internal_user").await;
    app.user("bob", "internal_user").await;
    assert_eq!(app.get(&alice, "/user/info").await.ok()["user_id"], "alice");
    app.get(&alice, "/user/info?user_id=alice").await.ok();
    assert_eq!(app.get(&alice, "/user/info?user_id=bob").await.status, 403);
    let update = json!({"user_id": "alice", "max_budget": 1e9}).to_string();
    assert_eq!(app.send(&alice, Method::POST, "/user/update", update).await.status, 401);
}
