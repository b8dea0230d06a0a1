//! How fast a change of a key reaches a gateway that knows the key.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_e2e::{question, world};

/// One period of the sync call, and a little for the call itself.
const PERIOD: Duration = Duration::from_millis(1250);

async fn status(key: &str) -> u16 {
    let call = world().stack.client().post("/v1/chat/completions", &question("demo", "Hello"));
    call.key(key).send().await.status
}

async fn takes_effect(path: &str, body: Value, key: &str, wanted: u16) {
    world().as_master(path, &body).send().await.expect(200);
    let changed = Instant::now();
    while status(key).await != wanted {
        assert!(changed.elapsed() < PERIOD, "{path} has had no effect for {:?}", changed.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // And it stays so.
    for _ in 0..5 {
        assert_eq!(status(key).await, wanted, "{path}");
    }
}

#[tokio::test]
async fn a_known_key_that_is_blocked_is_refused_within_a_second() {
    let key = world().stack.key().await;
    assert_eq!(status(&key).await, 200);
    takes_effect("/key/block", json!({ "key": key }), &key, 401).await;
    takes_effect("/key/unblock", json!({ "key": key }), &key, 200).await;
}

#[tokio::test]
async fn a_known_key_that_is_deleted_is_refused_within_a_second() {
    let key = world().stack.key().await;
    assert_eq!(status(&key).await, 200);
    takes_effect("/key/delete", json!({ "keys": [key] }), &key, 401).await;
}

#[tokio::test]
async fn a_key_that_was_refused_before_it_was_made_works_within_a_second() {
    let key = "sk-chosen-before-it-was-made-0123456789";
    assert_eq!(status(key).await, 401);
    takes_effect("/key/generate", json!({ "key": key }), key, 200).await;
}
