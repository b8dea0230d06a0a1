//! `/tag/*`, and what requests with a tag count against.

use serde_json::{Value, json};
use switchboard::key::{Account, AccountId, AccountKind, Detail, UsageEntry};

use crate::app::{MASTER_KEY, TestApp, batch, usage};

const DOLLAR: u64 = 1_000_000_000_000;

fn with(tags: &[&str], entry: UsageEntry<'static>) -> UsageEntry<'static> {
    let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
    UsageEntry { detail: Detail { tags: tags.into(), ..Detail::default() }, ..entry }
}

async fn account(app: &TestApp, name: &str) -> Option<Account> {
    let record = app.payers(vec![AccountId::of_tag(name)]).await.records.remove(0).key?;
    record.accounts.into_iter().next()
}

async fn spend(app: &TestApp, name: &str) -> Value {
    app.post("/tag/info", json!({"names": [name]})).await.ok()[name]["spend"].take()
}

#[tokio::test]
async fn a_tag_has_its_own_limits_or_those_of_a_budget() {
    let app = TestApp::new().await;
    assert!(!app.sync(None, None).await.payers);
    let body = json!({"name": "a", "description": "all", "max_budget": 2.0, "budget_duration": "1d", "rpm_limit": 3});
    let made = app.post("/tag/new", body).await.ok();
    assert_eq!(made["message"], "Tag a created successfully");
    assert_eq!(made["tag"]["litellm_budget_table"]["rpm_limit"], 3);
    assert!(app.sync(None, None).await.payers, "workers look tags up");
    let own = account(&app, "a").await.unwrap();
    assert_eq!((own.max_budget, own.rpm_limit), (Some(2 * DOLLAR), Some(3)));
    assert_eq!(account(&app, "b").await, None);
    app.post("/budget/new", json!({"budget_id": "shared", "max_budget": 7.0})).await.ok();
    let start = app.cursor().await;
    app.post("/tag/update", json!({"name": "a", "budget_id": "shared", "rpm_limit": null})).await.ok();
    assert!(app.sync(Some(start), None).await.reset, "keys may have the tag, too");
    let shared = account(&app, "a").await.unwrap();
    assert_eq!((shared.max_budget, shared.rpm_limit), (Some(7 * DOLLAR), None));
    let listed = app.get(MASTER_KEY, "/tag/list").await.ok();
    assert_eq!(
        (&listed[0]["name"], &listed[0]["litellm_budget_table"]["max_budget"]),
        (&json!("a"), &json!(7.0))
    );
    app.post("/tag/delete", json!({"name": "a"})).await.ok();
    assert_eq!(account(&app, "a").await, None);
}

#[tokio::test]
async fn a_request_is_charged_once_to_each_tag_of_its_own_its_key_and_its_team() {
    let app = TestApp::new().await;
    for name in ["own", "key", "team"] {
        app.post("/tag/new", json!({"name": name, "max_budget": 5.0})).await.ok();
    }
    app.post("/team/new", json!({"team_id": "t", "tags": ["team", "unknown"]})).await.ok();
    let key = app.key(json!({"team_id": "t", "tags": ["key"]})).await;
    let tags = |accounts: &[Account]| {
        let tags = accounts.iter().filter(|account| account.id.kind == AccountKind::Tag);
        tags.map(|account| account.id.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(tags(&app.verify(&key).await.key.unwrap().accounts), ["key", "team"]);
    let uses = vec![
        with(&["own", "key"], usage(Some(&key), Some(DOLLAR))),
        with(&["own"], usage(None, Some(DOLLAR))),
        with(&[], usage(Some(&key), Some(DOLLAR / 2))),
    ];
    for _ in 0..2 {
        app.sync(None, Some(batch("one", uses.clone()))).await;
    }
    assert_eq!(spend(&app, "own").await, 2.0);
    assert_eq!(spend(&app, "key").await, 1.5);
    assert_eq!(spend(&app, "team").await, 1.5);
}

#[tokio::test]
async fn what_makes_no_tag_is_refused() {
    let app = TestApp::new().await;
    app.post("/tag/new", json!({"name": "a"})).await.ok();
    for (path, body, status) in [
        ("/tag/new", json!({}), 422),
        ("/tag/new", json!({"name": "a"}), 400),
        ("/tag/new", json!({"name": "b", "models": ["m"]}), 400),
        ("/tag/new", json!({"name": "b", "max_budget": 1, "budget_id": "b"}), 400),
        ("/tag/update", json!({"name": "b"}), 404),
        ("/tag/delete", json!({"name": "b"}), 404),
        ("/tag/info", json!({"names": ["b"]}), 404),
    ] {
        assert_eq!(app.post(path, body.clone()).await.status.as_u16(), status, "{path} {body}");
    }
}
