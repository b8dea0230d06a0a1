use axum::http::Method;
use serde_json::json;
use switchboard::key::TokenHash;

use crate::app::{MASTER_KEY, TestApp, batch, error, usage};

#[tokio::test]
async fn the_old_key_ends_and_the_new_one_has_all_that_it_had() {
    let app = TestApp::new().await;
    let old = app.key(json!({"key_alias": "kept", "max_budget": 5.0, "spend": 1.5, "models": ["m"]})).await;
    let before = app.info(&old).await;
    let start = app.cursor().await;
    let hash = TokenHash::of(old.as_bytes());
    let answer = app.post(&format!("/key/{hash}/regenerate"), json!({"max_budget": 6.0})).await.ok();
    let new = answer["key"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!(answer["token_id"], json!(TokenHash::of(new.as_bytes())));
    assert_eq!(app.get(&old, "/key/info").await.status, 401);
    let after = app.get(new, "/key/info").await.ok()["info"].take();
    for field in ["key_alias", "spend", "models", "created_at"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!((&after["max_budget"], &after["rotation_count"]), (&json!(6.0), &json!(1)));
    assert_eq!(after["key_name"], format!("sk-...{}", &new[21..]));

    let told = app.sync(Some(start), None).await.changes;
    assert!(told.iter().any(|change| change.token == hash && change.key.is_none()), "{told:?}");
}

#[tokio::test]
async fn the_key_is_named_in_the_path_or_in_the_body() {
    let app = TestApp::new().await;
    let first = app.key(json!({})).await;
    let second = app.post(&format!("/key/{first}/regenerate"), json!({})).await.ok()["key"].take();
    let chosen = json!({"key": second, "new_key": "sk-chosen-0123456789"});
    let third = app.post("/key/regenerate", chosen).await.ok()["key"].take();
    assert_eq!(third, "sk-chosen-0123456789");
    app.get("sk-chosen-0123456789", "/key/info").await.ok();
    let none = error(400, "invalid_request_error", "{'error': 'No key passed in.'}", None);
    assert_eq!(app.post("/key/regenerate", json!({})).await, none);
    assert_eq!(app.post("/key/regenerate", json!({"key": "sk-never-made-0000000"})).await.status, 404);
    assert_eq!(app.post("/key/regenerate", json!({"key": MASTER_KEY})).await.status, 400);
    let taken = app.key(json!({})).await;
    let onto = json!({"key": third, "new_key": taken});
    assert_eq!(app.post("/key/regenerate", onto).await.status, 400, "another key's secret");
}

#[tokio::test]
async fn an_old_key_works_as_the_new_one_until_its_grace_ends() {
    let app = TestApp::new().await;
    let old = app.key(json!({"user_id": "u"})).await;
    let body = json!({"key": old, "grace_period": "1h"});
    let new = app.post("/key/regenerate", body).await.ok()["key"].take();
    let new = new.as_str().unwrap();
    let told = app.verify(&old).await.key.unwrap();
    assert_eq!(told.token, TokenHash::of(new.as_bytes()));
    let hour = told.expires_at.unwrap()
        - jiff::Timestamp::now().duration_since(jiff::Timestamp::UNIX_EPOCH).as_secs_f64();
    assert!((3590.0..=3600.0).contains(&hour), "{hour}");
    app.get(&old, "/key/info").await.ok();
    app.sync(None, Some(batch("b", vec![usage(Some(new), Some(1_000_000_000_000))]))).await;
    assert_eq!(app.info(new).await["spend"], 1.0);

    // What happens to the new one is told of the old one too.
    let start = app.cursor().await;
    app.post("/key/block", json!({"key": new})).await.ok();
    let told = app.sync(Some(start), None).await.changes;
    let old_change = told.iter().find(|change| change.token == TokenHash::of(old.as_bytes())).unwrap();
    assert!(old_change.key.as_ref().unwrap().blocked);

    let second = app.key(json!({})).await;
    let wrong = app.post("/key/regenerate", json!({"key": second, "grace_period": "soon"})).await;
    assert_eq!(wrong.status, 400, "{}", wrong.body);
    app.post("/key/regenerate", json!({"key": second, "grace_period": "0s"})).await.ok();
    assert_eq!(app.verify(&second).await.key, None);
}

#[tokio::test]
async fn a_user_regenerates_its_own_keys_and_no_others() {
    let app = TestApp::new().await;
    let mine = app.user("alice", "internal_user").await;
    let others = app.key(json!({"user_id": "bob"})).await;
    let path = format!("/key/{others}/regenerate");
    let message = "{'error': 'You are not authorized to regenerate this key'}";
    assert_eq!(
        app.send(&mine, Method::POST, &path, "{}").await,
        error(401, "invalid_request_error", message, None)
    );
    app.send(&mine, Method::POST, &format!("/key/{mine}/regenerate"), "").await.ok();
}
