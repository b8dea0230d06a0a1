//! Several services on one database.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;
use switchboard::key::lease::{Demand, LEASE_PATH, LeaseAnswer, LeaseAsk, LeaseRequest};
use switchboard::key::{AccountId, TokenHash};
use tempfile::TempDir;

use crate::app::{TestApp, batch, usage};

async fn two() -> (TestApp, TestApp) {
    let one = TestApp::new().await;
    let two = TestApp { app: TestApp::open(&one.directory).await, directory: TempDir::new().unwrap() };
    (one, two)
}

#[tokio::test]
async fn two_services_on_one_database_agree() {
    let (one, two) = two().await;
    let key = one.key(json!({})).await;
    let cursor = two.cursor().await;
    let sends = (0..32).map(|at| {
        let service = if at % 2 == 0 { &one } else { &two };
        let id = format!("b{}", at / 2);
        service.sync(None, Some(batch(&id, vec![usage(Some(&key), Some(1_000_000_000_000))])))
    });
    join_all(sends).await;
    assert_eq!(two.info(&key).await["spend"], 16.0);
    one.post("/key/block", json!({"key": key})).await.ok();
    assert!(two.sync(Some(cursor), None).await.changes[0].key.as_ref().unwrap().blocked);
}

#[tokio::test]
async fn who_follows_one_service_misses_nothing_that_the_other_writes() {
    let (one, two) = two().await;
    let mut keys = Vec::new();
    for _ in 0..40 {
        keys.push(one.key(json!({})).await);
    }
    let mut cursor = one.cursor().await;
    let writing = join_all(keys.iter().enumerate().map(|(at, key)| {
        let service = if at % 2 == 0 { &one } else { &two };
        async move { service.post("/key/block", json!({"key": key})).await.ok() }
    }));
    let mut heard = BTreeSet::new();
    let following = async {
        while heard.len() < keys.len() {
            let told = two.sync(Some(cursor), None).await;
            assert!(!told.reset);
            cursor = told.cursor;
            heard.extend(told.changes.into_iter().map(|change| change.token));
        }
    };
    let (_, all) = tokio::join!(writing, tokio::time::timeout(std::time::Duration::from_secs(20), following));
    all.expect("every change is told");
}

#[tokio::test]
async fn envoys_of_different_services_share_one_limit() {
    let (one, two) = two().await;
    let key = one.key(json!({"rpm_limit": 50})).await;
    let account = AccountId::of_key(TokenHash::of(key.as_bytes()));
    let asks = (0..16).map(|at| {
        let service = if at % 2 == 0 { &one } else { &two };
        let requests = Demand { need: 5, want: 5, ..Demand::default() };
        let ask = LeaseAsk { requests, ..LeaseAsk::nothing(account.clone(), 1) };
        let asked = LeaseRequest { instance: format!("envoy-{at}"), asks: vec![ask] };
        async move {
            let answer = service.filter(LEASE_PATH, serde_json::to_value(asked).unwrap()).await.ok();
            let answer: LeaseAnswer = serde_json::from_value(answer).unwrap();
            answer.leases[0].requests.unwrap().allowed
        }
    });
    let allowed: Vec<_> = join_all(asks).await;
    assert_eq!(allowed.iter().sum::<u64>(), 50, "{allowed:?}");
}

#[tokio::test]
async fn what_one_service_changes_the_other_soon_tells() {
    let (one, two) = two().await;
    let key = one.key(json!({})).await;
    assert!(!two.verify(&key).await.key.unwrap().blocked);
    one.post("/key/block", json!({"key": key})).await.ok();
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    assert!(two.verify(&key).await.key.unwrap().blocked);
}
