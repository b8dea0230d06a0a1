//! Pages of `/key/list` while keys come and go: found by counted blocks, and exact nevertheless.

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Value, json};
use switchboard::key::TokenHash;
use switchboard_keys::store::{KeyRow, Store};
use tempfile::TempDir;

use crate::app::{MASTER_KEY, TestApp};

/// Small, so that few keys make many blocks.
const BLOCK: i64 = 8;

/// A key like this one, with another hash, created at another moment.
fn like(key: &KeyRow, number: u64, created_at: i64) -> KeyRow {
    let token = TokenHash::of(&number.to_le_bytes());
    let created_at = Timestamp::from_microsecond(created_at).unwrap();
    KeyRow { token, created_at, ..key.clone() }
}

async fn any_key(app: &TestApp) -> KeyRow {
    let key = app.key(json!({})).await;
    app.app.store.key(TokenHash::of(key.as_bytes())).await.unwrap().unwrap()
}

/// All pages one after the other.
async fn listed(app: &TestApp, order: &str, size: usize) -> Vec<Value> {
    let mut all = Vec::new();
    for page in 1.. {
        let path = format!("/key/list?page={page}&size={size}&sort_order={order}");
        let answer = app.get(MASTER_KEY, &path).await.ok();
        let keys = answer["keys"].as_array().unwrap();
        if keys.is_empty() {
            assert_eq!(answer["total_count"], all.len());
            assert_eq!(answer["total_pages"], all.len().div_ceil(size));
            return all;
        }
        all.extend(keys.iter().cloned());
    }
    unreachable!("there are ever more pages")
}

/// What the pages have to be.
fn expected(keys: &[KeyRow]) -> Vec<Value> {
    let mut order: Vec<_> = keys.iter().map(|key| (key.created_at, key.token.to_string())).collect();
    order.sort();
    order.into_iter().map(|(_, token)| json!(token)).collect()
}

#[tokio::test]
async fn far_pages_are_exact_however_keys_come_and_go() {
    let app = TestApp::new().await;
    let store: &Store = &app.app.store;
    let first = any_key(&app).await;
    let mut keys = vec![first.clone()];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut number = 0;
    for round in 0..12 {
        // Growing, shrinking to almost nothing, growing again; many of one moment, some older than all blocks.
        let (come, go) = if (4..8).contains(&round) { (1, 40) } else { (50, 6) };
        let mut new = Vec::new();
        for _ in 0..come {
            number += 1;
            let moment = i64::try_from(draw(60)).unwrap() + if draw(3) == 0 { 0 } else { 100 * round };
            new.push(like(&first, number, 1_000_000 + moment));
        }
        assert_eq!(store.import_keys(&new).await.unwrap().0, come);
        keys.extend(new);
        let mut gone = Vec::new();
        for _ in 0..go.min(keys.len() as u64 - 1) {
            let at = usize::try_from(draw(keys.len() as u64)).unwrap();
            gone.push(keys.swap_remove(at).token);
        }
        assert_eq!(store.delete_keys(&gone).await.unwrap().len(), gone.len());
        if round % 2 == 0 {
            store.arrange_keys(BLOCK).await.unwrap();
        }
        let mut expected = expected(&keys);
        assert_eq!(listed(&app, "asc", 7).await, expected, "round {round}");
        expected.reverse();
        assert_eq!(listed(&app, "desc", 10).await, expected, "round {round}");
    }
}

#[tokio::test]
async fn keys_that_all_came_at_one_moment_are_one_block() {
    let app = TestApp::new().await;
    let first = any_key(&app).await;
    let keys: Vec<_> = (0..60).map(|number| like(&first, number, 1_000_000)).collect();
    app.app.store.import_keys(&keys).await.unwrap();
    for _ in 0..2 {
        app.app.store.arrange_keys(BLOCK).await.unwrap();
    }
    let mut all = keys;
    all.push(first);
    assert_eq!(listed(&app, "asc", 50).await, expected(&all));
}

#[tokio::test]
async fn what_hangs_on_a_user_is_counted_out_with_it() {
    let app = TestApp::new().await;
    app.post("/user/new", json!({"user_id": "alice", "auto_create_key": false})).await.ok();
    for at in 0..40 {
        app.key(if at % 2 == 0 { json!({"user_id": "alice"}) } else { json!({}) }).await;
    }
    app.app.store.arrange_keys(BLOCK).await.unwrap();
    app.post("/user/delete", json!({"user_ids": ["alice"]})).await.ok();
    assert_eq!(listed(&app, "desc", 9).await.len(), 20);
}

#[tokio::test]
async fn blocks_are_cut_by_several_services_while_others_write() {
    let one = TestApp::new().await;
    let two = TestApp { app: TestApp::open(&one.directory).await, directory: TempDir::new().unwrap() };
    let writers = join_all((0..8).map(async |writer| {
        let service = if writer % 2 == 0 { &one } else { &two };
        let mut kept = Vec::new();
        for at in 0..24 {
            let key = service.key(json!({})).await;
            if at % 3 == 0 {
                service.post("/key/delete", json!({"keys": [key]})).await.ok();
            } else {
                kept.push(json!(TokenHash::of(key.as_bytes())));
            }
        }
        kept
    }));
    let arranging = join_all([&one, &two].map(async |service| {
        for _ in 0..30 {
            service.app.store.arrange_keys(BLOCK).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }));
    let (kept, _) = tokio::join!(writers, arranging);
    one.app.store.arrange_keys(BLOCK).await.unwrap();
    let mut kept: Vec<_> = kept.into_iter().flatten().collect();
    let mut told = listed(&two, "desc", 11).await;
    kept.sort_by_key(Value::to_string);
    told.sort_by_key(Value::to_string);
    assert_eq!(told, kept);
}
