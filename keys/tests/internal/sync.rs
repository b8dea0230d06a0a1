use futures_util::future::join_all;
use serde_json::{Value, json};
use switchboard::key::{KeyChange, KeySpend, SyncAnswer, TokenHash};

use crate::app::{MASTER_KEY, TestApp, batch, usage};

#[tokio::test]
async fn the_first_call_learns_where_the_feed_stands_and_forgets_what_it_knew() {
    let app = TestApp::new().await;
    let SyncAnswer { cursor, reset, changes, .. } = app.sync(None, None).await;
    assert!(reset);
    assert_eq!(changes, []);
    assert_eq!(
        app.sync(Some(cursor), None).await,
        SyncAnswer { cursor, reset: false, ..SyncAnswer::default() }
    );
}

#[tokio::test]
async fn blocking_unblocking_and_deleting_are_told_with_the_state_of_now() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let token = TokenHash::of(key.as_bytes());
    let start = app.cursor().await;

    app.post("/key/block", json!({"key": key})).await.ok();
    let blocked = app.sync(Some(start), None).await;
    assert!(!blocked.reset);
    assert_eq!(blocked.changes.len(), 1);
    assert_eq!(blocked.changes[0].token, token);
    assert!(blocked.changes[0].key.as_ref().unwrap().blocked);

    app.post("/key/unblock", json!({"key": key})).await.ok();
    let unblocked = app.sync(Some(blocked.cursor), None).await;
    assert!(!unblocked.changes[0].key.as_ref().unwrap().blocked);

    app.post("/key/delete", json!({"keys": [key]})).await.ok();
    let deleted = app.sync(Some(unblocked.cursor), None).await;
    assert_eq!(deleted.changes, [KeyChange { token, key: None }]);

    // Whoever missed all of it hears only how it ended.
    let all = app.sync(Some(start), None).await;
    assert_eq!(all.changes, [KeyChange { token, key: None }]);
    assert_eq!(all.cursor, deleted.cursor);
}

#[tokio::test]
async fn deleting_by_alias_is_told_too() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "a"})).await;
    let start = app.cursor().await;
    app.post("/key/delete", json!({"key_aliases": ["a"]})).await.ok();
    let token = TokenHash::of(key.as_bytes());
    assert_eq!(app.sync(Some(start), None).await.changes, [KeyChange { token, key: None }]);
}

#[tokio::test]
async fn a_chosen_key_is_announced_since_a_filter_may_remember_that_it_was_not_there() {
    let app = TestApp::new().await;
    let start = app.cursor().await;
    let chosen = app.key(json!({"key": "sk-chosen-0123456789"})).await;
    let told = app.sync(Some(start), None).await;
    assert_eq!(told.changes[0].token, TokenHash::of(chosen.as_bytes()));
    assert!(told.changes[0].key.is_some());
}

#[tokio::test]
async fn a_random_key_is_not_announced_since_nobody_can_have_asked_for_it() {
    let app = TestApp::new().await;
    let start = app.cursor().await;
    app.key(json!({})).await;
    assert_eq!(
        app.sync(Some(start), None).await,
        SyncAnswer { cursor: start, reset: false, ..SyncAnswer::default() }
    );
}

#[tokio::test]
async fn what_changes_nothing_is_not_announced() {
    let app = TestApp::new().await;
    let start = app.cursor().await;
    app.post("/key/block", json!({"key": "sk-never-made-0000000"})).await;
    app.post("/key/delete", json!({"keys": ["sk-never-made-0000000"]})).await;
    assert_eq!(app.cursor().await, start);
}

#[tokio::test]
async fn a_cursor_that_the_feed_cannot_continue_is_told_to_forget_everything() {
    let app = TestApp::new().await;
    let other = TestApp::new().await;
    let key = app.key(json!({})).await;
    app.post("/key/block", json!({"key": key})).await.ok();
    let here = app.cursor().await;
    for stranger in [0, other.cursor().await, here - 2, here + 1, u64::MAX] {
        let answer = app.sync(Some(stranger), None).await;
        assert_eq!(answer, SyncAnswer { cursor: here, reset: true, ..SyncAnswer::default() }, "{stranger}");
    }
}

#[tokio::test]
async fn the_feed_keeps_a_thousand_changes_and_resets_who_missed_more() {
    let app = TestApp::new().await;
    let mut keys = Vec::new();
    for _ in 0..1001 {
        keys.push(app.key(json!({})).await);
    }
    let start = app.cursor().await;
    app.post("/key/delete", json!({"keys": keys})).await.ok();
    assert!(app.sync(Some(start), None).await.reset);
    let told = app.sync(Some(start + 1), None).await;
    assert!(!told.reset);
    assert_eq!(told.changes.len(), 1000);
    assert_eq!(told.cursor, start + 1001);
}

#[tokio::test]
async fn nothing_is_missed_by_who_follows_while_many_write() {
    let app = TestApp::new().await;
    let mut keys = Vec::new();
    for _ in 0..40 {
        keys.push(app.key(json!({})).await);
    }
    let mut cursor = app.cursor().await;
    let writing = join_all(keys.iter().map(|key| app.post("/key/block", json!({"key": key}))));
    let following = async {
        let mut heard = std::collections::BTreeSet::new();
        while heard.len() < keys.len() {
            let answer = app.sync(Some(cursor), None).await;
            assert!(!answer.reset);
            cursor = answer.cursor;
            heard.extend(answer.changes.into_iter().map(|change| change.token));
            tokio::task::yield_now().await;
        }
        heard
    };
    let (_, heard) =
        tokio::join!(writing, tokio::time::timeout(std::time::Duration::from_secs(20), following));
    let all = keys.iter().map(|key| TokenHash::of(key.as_bytes())).collect();
    assert_eq!(heard.unwrap(), all);
}

#[tokio::test]
async fn usage_adds_to_the_keys_spend() {
    let app = TestApp::new().await;
    let one = app.key(json!({})).await;
    let two = app.key(json!({"spend": 1.5})).await;
    app.sync(
        None,
        Some(batch(
            "b1",
            vec![
                usage(Some(&one), Some(3_000_000_000)),
                usage(Some(&two), Some(500_000_000_000)),
                usage(Some(&one), Some(3_000_000_000)),
                usage(Some(&one), None),
                usage(None, Some(9_000_000_000)),
            ],
        )),
    )
    .await;
    let info = app.info(&one).await;
    assert_eq!((&info["spend"], &info["total_spend"]), (&json!(0.006), &json!(0.006)));
    assert!(info["last_active"].is_string());
    assert_eq!(app.info(&two).await["spend"], 2.0);
}

#[tokio::test]
async fn a_batch_that_comes_again_is_acknowledged_and_changes_nothing() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let first = app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(1_000_000_000_000))]))).await;
    // Even with other contents: the id is what counts.
    let again = app.sync(Some(first.cursor), Some(batch("b1", vec![usage(Some(&key), Some(7))]))).await;
    let recorded = Some("b1".to_owned());
    assert_eq!(again, SyncAnswer { cursor: first.cursor, recorded, ..SyncAnswer::default() });
    assert_eq!(first.recorded.as_deref(), Some("b1"));
    assert_eq!(app.info(&key).await["spend"], 1.0);
    app.sync(None, Some(batch("b2", vec![usage(Some(&key), Some(1_000_000_000_000))]))).await;
    assert_eq!(app.info(&key).await["spend"], 2.0);
}

#[tokio::test]
async fn a_batch_that_is_sent_many_times_at_once_counts_once() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let sends = (0..64).map(|at| {
        let id = format!("b{}", at % 4);
        app.sync(None, Some(batch(&id, vec![usage(Some(&key), Some(1_000_000_000_000)); 3])))
    });
    join_all(sends).await;
    assert_eq!(app.info(&key).await["spend"], 12.0);
}

#[tokio::test]
async fn spend_stops_at_the_largest_amount_instead_of_wrapping() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    for id in ["b1", "b2"] {
        app.sync(None, Some(batch(id, vec![usage(Some(&key), Some(u64::MAX))]))).await;
    }
    let spend = app.info(&key).await["spend"].as_f64().unwrap();
    assert!((spend - 9_223_372.036_854_775).abs() < 1e-6, "{spend}");
}

#[tokio::test]
async fn every_request_is_logged_with_its_owner_even_when_the_key_is_gone() {
    let app = TestApp::new().await;
    let key = app.key(json!({"user_id": "alice", "team_id": "red"})).await;
    let gone = app.key(json!({})).await;
    app.post("/key/delete", json!({"keys": [gone]})).await.ok();
    let mut entries = vec![usage(Some(&key), Some(5)); 250];
    entries.push(usage(Some(&gone), Some(6)));
    entries.push(usage(None, None));
    let mut nul = usage(None, Some(7));
    nul.model_group = "bad\0name".into();
    nul.prompt_tokens = u64::MAX;
    entries.push(nul);
    app.sync(None, Some(batch("b1", entries))).await;

    let rows = app.spend_log().await;
    assert_eq!(rows.len(), 253);
    assert_eq!(
        rows[0],
        json!({
            "position": 0, "call_id": "call-1", "token": TokenHash::of(key.as_bytes()),
            "user_id": "alice", "team_id": "red", "mode": "chat", "model_group": "gpt-4o", "deployment_id": "d1",
            "model": "openai/gpt-4o", "requests": 1, "status": 200, "prompt_tokens": 1000,
            "completion_tokens": 100, "cached_tokens": 400, "cache_write_tokens": 0, "reasoning_tokens": 10,
            "cost": 5, "started_at": 1_795_000_000_000_000_i64, "duration_ms": 1234,
        })
    );
    assert_eq!(rows[250]["token"], json!(TokenHash::of(gone.as_bytes())));
    assert_eq!(rows[250]["user_id"], json!(null));
    assert_eq!((&rows[251]["token"], &rows[251]["cost"]), (&json!(null), &json!(null)));
    assert_eq!(
        (&rows[252]["model_group"], &rows[252]["prompt_tokens"]),
        (&json!("badname"), &json!(i64::MAX))
    );
}

#[tokio::test]
async fn a_requests_row_has_its_own_tags_and_those_of_its_key_and_team() {
    let app = TestApp::new().await;
    app.post("/team/new", json!({"team_id": "red", "tags": ["team", "both"]})).await.ok();
    app.post("/team/new", json!({"team_id": "plain", "metadata": {"note": "no tags"}})).await.ok();
    let tagged = app.key(json!({"team_id": "red", "metadata": {"tags": ["key", "both"]}})).await;
    let by_field = app.key(json!({"team_id": "plain", "tags": ["field"]})).await;
    let bare = app.key(json!({})).await;
    let asked = |key: &str, tags: &[&str]| {
        let mut entry = usage(Some(key), Some(1));
        entry.detail.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        entry
    };
    let entries = vec![
        asked(&tagged, &["own", "key"]),
        asked(&tagged, &[]),
        asked(&by_field, &[]),
        asked(&bare, &["own"]),
        asked(&bare, &[]),
    ];
    app.sync(None, Some(batch("b1", entries))).await;
    let tags = async |key: &str| -> Vec<Value> {
        let rows = app.get(MASTER_KEY, &format!("/spend/logs?api_key={key}")).await.ok();
        rows.as_array().unwrap().iter().map(|row| row["request_tags"].clone()).collect()
    };
    let mut of_tagged = tags(&tagged).await;
    of_tagged.sort_by_key(ToString::to_string);
    assert_eq!(of_tagged, [json!(["key", "both", "team"]), json!(["own", "key", "both", "team"])]);
    assert_eq!(tags(&by_field).await, [json!(["field"])]);
    let mut of_bare = tags(&bare).await;
    of_bare.sort_by_key(ToString::to_string);
    assert_eq!(of_bare, [json!(["own"]), json!([])]);
}

#[tokio::test]
async fn the_spend_of_recently_charged_keys_is_reported_to_every_worker_that_asks() {
    let app = TestApp::new().await;
    let (one, two) = (app.key(json!({})).await, app.key(json!({})).await);
    let token = |key: &str| TokenHash::of(key.as_bytes());
    let ask = async |within: Option<u64>, batch: Option<switchboard::key::UsageBatch>| {
        let request = switchboard::key::SyncRequest {
            cursor: Some(app.cursor().await),
            batch: batch.map(std::borrow::Cow::Owned),
            charged_within_ms: within,
            ..Default::default()
        };
        let answer = app.filter("/internal/sync", serde_json::to_value(request).unwrap()).await.ok();
        let SyncAnswer { spends, .. } = serde_json::from_value(answer).unwrap();
        spends
    };
    // The worker that spent it hears of it at once, with its batch included.
    let spent = ask(Some(1_000), Some(batch("b1", vec![usage(Some(&one), Some(500))]))).await;
    assert_eq!(spent, [KeySpend { token: token(&one), spend: 500 }]);
    ask(None, Some(batch("b2", vec![usage(Some(&two), Some(30)), usage(Some(&one), Some(7))]))).await;
    // Another one hears of both.
    let mut heard = ask(Some(10_000), None).await;
    heard.sort_by_key(|of| of.spend);
    assert_eq!(
        heard,
        [KeySpend { token: token(&two), spend: 30 }, KeySpend { token: token(&one), spend: 507 }]
    );
    // What the key has spent now counts, not what it had spent then.
    app.post(&format!("/key/{one}/reset_spend"), json!({"reset_to": 0})).await.ok();
    let of_one = ask(Some(10_000), None).await.into_iter().find(|of| of.token == token(&one)).unwrap();
    assert_eq!(of_one.spend, 0);
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    assert_eq!(ask(Some(0), None).await, []);
    assert_eq!(ask(None, None).await, []);
}

#[tokio::test]
async fn an_empty_batch_is_a_batch() {
    let app = TestApp::new().await;
    assert!(app.sync(None, Some(batch("b1", vec![]))).await.reset);
}
