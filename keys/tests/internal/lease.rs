use std::borrow::Cow;

use serde_json::json;
use switchboard::key::lease::{Demand, LEASE_PATH, Lease, LeaseAnswer, LeaseAsk, LeaseRequest};
use switchboard::key::{Account, AccountId, TokenHash};

use crate::app::{TestApp, batch, usage};

async fn lease(app: &TestApp, instance: &str, ask: LeaseAsk) -> Lease {
    let asked = LeaseRequest { instance: instance.to_owned(), asks: vec![ask] };
    let answer = app.filter(LEASE_PATH, serde_json::to_value(asked).unwrap()).await.ok();
    serde_json::from_value::<LeaseAnswer>(answer).unwrap().leases.remove(0)
}

fn all(account: &AccountId, round: u64, want: u64) -> LeaseAsk {
    let demand = Demand { need: want, want, ..Demand::default() };
    LeaseAsk { requests: demand, money: demand, ..LeaseAsk::nothing(account.clone(), round) }
}

fn of(key: &str) -> AccountId {
    AccountId::of_key(TokenHash::of(key.as_bytes()))
}

#[tokio::test]
async fn two_envoys_share_the_limit_of_a_key() {
    let app = TestApp::new().await;
    let key = app.key(json!({"rpm_limit": 10})).await;
    let first = lease(&app, "a", all(&of(&key), 1, 6)).await;
    assert_eq!(first.requests.unwrap().allowed, 6);
    assert_eq!(first.money, None, "there is no budget");
    let second = lease(&app, "b", all(&of(&key), 1, 6)).await.requests.unwrap();
    assert_eq!((second.allowed, second.limit, second.recalled), (4, 10, true));
}

#[tokio::test]
async fn a_restart_of_the_service_forgets_no_lease() {
    let before = TestApp::new().await;
    let key = before.key(json!({"rpm_limit": 10})).await;
    lease(&before, "a", all(&of(&key), 1, 10)).await;
    before.app.store.close().await;
    let after = TestApp { app: TestApp::open(&before.directory).await, ..before };
    assert_eq!(lease(&after, "b", all(&of(&key), 1, 1)).await.requests.unwrap().allowed, 0);
}

#[tokio::test]
async fn what_is_recorded_is_no_longer_free() {
    let app = TestApp::new().await;
    let key = app.key(json!({"max_budget": 1e-6})).await;
    let picodollars = 1_000_000;
    let got = lease(&app, "a", all(&of(&key), 1, picodollars)).await.money.unwrap();
    assert_eq!((got.allowed, got.limit), (picodollars, picodollars));
    let used = batch("b", vec![usage(Some(&key), Some(300_000))]);
    let asks = vec![all(&of(&key), 2, picodollars)];
    let request = switchboard::key::SyncRequest {
        batch: Some(Cow::Owned(used)),
        instance: "a".to_owned(),
        asks,
        ..Default::default()
    };
    let answer = app.filter("/internal/sync", serde_json::to_value(request).unwrap()).await.ok();
    let answer: switchboard::key::SyncAnswer = serde_json::from_value(answer).unwrap();
    assert_eq!(answer.leases[0].money.unwrap().allowed, 700_000);
    assert_eq!(answer.leases[0].spend, 300_000);
    app.post(&format!("/key/{key}/reset_spend"), json!({"reset_to": 0})).await.ok();
    assert_eq!(lease(&app, "a", all(&of(&key), 3, picodollars)).await.money.unwrap().allowed, picodollars);
}

#[tokio::test]
async fn a_model_has_limits_and_spend_of_its_own() {
    let app = TestApp::new().await;
    let budget = json!({"gpt-4o": {"max_budget": 2e-6, "budget_duration": "1d"}});
    let key =
        app.key(json!({"model_max_budget": budget, "model_rpm_limit": {"gpt-4o": 3, "other": 4}})).await;
    let other = switchboard::key::UsageEntry { model_group: "other".into(), ..usage(Some(&key), Some(9)) };
    app.sync(None, Some(batch("b", vec![usage(Some(&key), Some(500_000)), other]))).await;
    let accounts = app.verify(&key).await.key.unwrap().accounts;
    let of_model = |model: &str| -> Account {
        accounts.iter().find(|account| account.id.model.as_deref() == Some(model)).unwrap().clone()
    };
    let account = of_model("gpt-4o");
    assert_eq!((account.max_budget, account.spend, account.rpm_limit), (Some(2_000_000), 500_000, Some(3)));
    assert!(account.budget_reset_at.is_some());
    assert_eq!((of_model("other").max_budget, of_model("other").rpm_limit), (None, Some(4)));
    let got = lease(&app, "a", all(&account.id, 1, 10_000_000)).await;
    assert_eq!((got.money.unwrap().allowed, got.requests.unwrap().allowed), (1_500_000, 3));
}

#[tokio::test]
async fn a_limit_of_a_model_counts_what_is_spent_on_it_behind_a_wildcard() {
    let app = TestApp::new().await;
    let budget = json!({"gpt-4o": {"max_budget": 1e-6}, "claude-*": {"max_budget": 1e-6}, "azure/gpt-4o": {"max_budget": 1e-6}});
    let key = app.key(json!({"model_max_budget": budget})).await;
    let spent = |model: &'static str, money| switchboard::key::UsageEntry {
        model_group: model.into(),
        ..usage(Some(&key), Some(money))
    };
    let entries = vec![
        spent("openai/gpt-4o", 100_000),
        spent("gpt-4o", 10_000),
        spent("openai/gpt-4o-mini", 1_000),
        spent("anthropic/claude-sonnet-4-5", 200_000),
        spent("claude-opus-4-5", 20_000),
    ];
    app.sync(None, Some(batch("b", entries))).await;
    for (name, left) in [("gpt-4o", 890_000), ("claude-*", 780_000), ("azure/gpt-4o", 1_000_000)] {
        let id = AccountId { model: Some(name.to_owned()), ..of(&key) };
        assert_eq!(lease(&app, "a", all(&id, 1, 1_000_000)).await.money.unwrap().allowed, left, "{name}");
    }
}

#[tokio::test]
async fn a_budget_object_limits_models_too() {
    let app = TestApp::new().await;
    let limits = json!({"budget_id": "b", "model_max_budget": {"gpt-4o": {"max_budget": 1e-6}}});
    app.post("/budget/new", limits).await.ok();
    let key = app.key(json!({"budget_id": "b"})).await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(400_000))]))).await;
    let id = AccountId { model: Some("gpt-4o".to_owned()), ..of(&key) };
    assert_eq!(lease(&app, "a", all(&id, 1, 1_000_000)).await.money.unwrap().allowed, 600_000);
}

#[tokio::test]
async fn an_account_that_is_not_there_limits_nothing() {
    let app = TestApp::new().await;
    let got = lease(&app, "a", all(&of("sk-never-made-0000000"), 1, 5)).await;
    assert_eq!((got.requests, got.money), (None, None));
}
