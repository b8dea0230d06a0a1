//! How fast a change of a key reaches a gateway that knows the key.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_e2e::{Client, Config, MASTER_KEY, Rendered, question, world};

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

/// Asks again and again, on a connection of its own, until it has been refused for a second. Returns when the last
/// request was sent that was let in.
async fn last_let_in(client: Client, key: String) -> Instant {
    let (mut last, mut refused) = (Instant::now(), None);
    loop {
        let sent = Instant::now();
        let call = client.post("/v1/chat/completions", &question("demo", "Hello")).key(&key);
        match call.send().await.status {
            200 => (last, refused) = (sent, None),
            401 => refused = refused.or(Some(sent)),
            other => panic!("{other}"),
        }
        if refused.is_some_and(|refused: Instant| refused.elapsed() > Duration::from_secs(1)) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_blocked_key_is_refused_on_every_worker_of_every_envoy() {
    const WORKERS: u32 = 4;
    const CONNECTIONS: usize = 16;
    let config = Config::new().model("demo", json!({ "model": "openai/demo", "mock_response": "Hello." }));
    let mut running = Rendered::start_with(&config, &[], WORKERS, |text| text).await;
    let second = running.another_envoy(WORKERS).await;
    let first = running.client();
    // A machine that stands still for a moment is no reason to fail; a revocation that is late is so each time.
    let mut latest = Vec::new();
    for _ in 0..3 {
        let made = first.post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(200).json();
        let key = made["key"].as_str().expect("a key");
        let asking: Vec<_> = (0..2 * CONNECTIONS)
            .map(|at| Client::new(if at % 2 == 0 { first.base() } else { second.base() }))
            .map(|client| tokio::spawn(last_let_in(client, key.to_owned())))
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        first.post("/key/block", &json!({ "key": key })).key(MASTER_KEY).send().await.expect(200);
        let blocked = Instant::now();
        let mut late = Duration::ZERO;
        for asking in asking {
            late = late.max(asking.await.expect("a client").saturating_duration_since(blocked));
        }
        eprintln!("the last request of a blocked key was let in after {late:?}");
        if late < Duration::from_millis(1_200) {
            return;
        }
        latest.push(late);
    }
    panic!("requests of blocked keys were let in after {latest:?}");
}
