use serde_json::json;
use switchboard::key::{Account, AccountId, KeyRecord, TokenHash};

use crate::app::{TestApp, batch, usage};

#[tokio::test]
async fn the_filter_learns_what_it_needs_of_a_key() {
    let app = TestApp::new().await;
    let made = app
        .generate(json!({
            "key_alias": "known", "user_id": "u", "team_id": "t", "models": ["gpt-4o", "anthropic/*"],
            "aliases": {"best": "gpt-4o"}, "allowed_routes": ["/v1/embeddings"], "duration": "1h",
        }))
        .await;
    let key = made["key"].as_str().unwrap();
    let token = TokenHash::of(key.as_bytes());
    let record = app.verify(key).await.key.unwrap();
    let expires: jiff::Timestamp = made["expires"].as_str().unwrap().parse().unwrap();
    let life = record.expires_at.unwrap() - expires.duration_since(jiff::Timestamp::UNIX_EPOCH).as_secs_f64();
    assert!(life.abs() < 1e-6, "{life}");
    assert_eq!(
        KeyRecord { expires_at: None, ..record },
        KeyRecord {
            key_alias: Some("known".to_owned()),
            user_id: Some("u".to_owned()),
            team_id: Some("t".to_owned()),
            models: vec!["gpt-4o".to_owned(), "anthropic/*".to_owned()],
            aliases: vec![("best".to_owned(), "gpt-4o".to_owned())],
            allowed_routes: vec!["/v1/embeddings".to_owned()],
            accounts: vec![Account::new(AccountId::of_key(token))],
            ..KeyRecord::new(token, made["key_name"].as_str().unwrap())
        }
    );
}

#[tokio::test]
async fn a_blocked_key_is_told_as_blocked_and_an_unknown_one_as_nothing() {
    let app = TestApp::new().await;
    let key = app.key(json!({"blocked": true})).await;
    assert!(app.verify(&key).await.key.unwrap().blocked);
    assert_eq!(app.verify("sk-never-made-0000000").await.key, None);
}

#[tokio::test]
async fn the_answer_carries_the_cursor_at_which_it_was_true() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let before = app.verify(&key).await;
    assert_eq!(before.cursor, app.cursor().await);
    app.post("/key/block", json!({"key": key})).await.ok();
    let after = app.verify(&key).await;
    assert_eq!(after.cursor, before.cursor + 1);
    assert_eq!(app.verify("sk-never-made-0000000").await.cursor, after.cursor);
}

#[tokio::test]
async fn a_key_that_is_remembered_is_told_as_it_is_now() {
    let app = TestApp::new().await;
    let key = app.key(json!({"team_id": "t", "user_id": "u"})).await;
    app.verify(&key).await;
    app.post("/team/new", json!({"team_id": "t"})).await.ok();
    assert!(app.verify(&key).await.key.unwrap().team.is_some());
    app.post("/user/new", json!({"user_id": "u", "rpm_limit": 5, "auto_create_key": false})).await.ok();
    assert_eq!(app.verify(&key).await.key.unwrap().accounts[1].rpm_limit, Some(5));
    app.sync(None, Some(batch("b", vec![usage(Some(&key), Some(7))]))).await;
    assert_eq!(app.verify(&key).await.key.unwrap().accounts[0].spend, 7);
    app.post("/key/delete", json!({"keys": [key]})).await.ok();
    assert_eq!(app.verify(&key).await.key, None);
}
