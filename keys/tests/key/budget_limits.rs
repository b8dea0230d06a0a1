//! `budget_limits`: several budgets of one key that hold at one time.

use serde_json::json;
use switchboard::key::{Account, AccountKind};
use switchboard_keys::housekeeping::once;

use crate::app::{TestApp, batch, usage};

const DOLLAR: u64 = 1_000_000_000_000;

fn window<'a>(accounts: &'a [Account], duration: &str) -> &'a Account {
    accounts.iter().find(|account| account.id.window.as_deref() == Some(duration)).unwrap()
}

#[tokio::test]
async fn each_window_is_an_account_that_pays_for_every_request() {
    let app = TestApp::new().await;
    let limits =
        json!([{"budget_duration": "24h", "max_budget": 2}, {"budget_duration": "30d", "max_budget": 5.0}]);
    let key = app.key(json!({"budget_limits": limits})).await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(DOLLAR)), usage(None, Some(DOLLAR))]))).await;
    let accounts = app.verify(&key).await.key.unwrap().accounts;
    for (duration, most) in [("24h", 2), ("30d", 5)] {
        let account = window(&accounts, duration);
        assert_eq!((account.max_budget, account.spend), (Some(most * DOLLAR), DOLLAR));
        assert!(account.is_limited() && account.id.covers("any") && account.budget_reset_at.is_some());
    }
    assert_eq!((accounts[0].max_budget, accounts[0].spend), (None, DOLLAR));
    let info = app.info(&key).await;
    assert_eq!(
        info["budget_limits_usage"],
        json!({"24h": {"current_spend": 1.0}, "30d": {"current_spend": 1.0}})
    );
    assert!(info["budget_limits"][0]["reset_at"].as_str().unwrap().ends_with("T00:00:00Z"));
    assert_eq!(info["budget_limits"][1]["max_budget"], 5.0);
}

#[tokio::test]
async fn a_window_starts_again_for_itself() {
    let app = TestApp::new().await;
    let limits =
        json!([{"budget_duration": "1h", "max_budget": 2}, {"budget_duration": "1mo", "max_budget": 5}]);
    let key = app.key(json!({"budget_limits": limits})).await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(DOLLAR))]))).await;
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    once(&app.app.store, None, later).await.unwrap();
    let accounts = app.verify(&key).await.key.unwrap().accounts;
    // On the last hour of a month both start again.
    assert_eq!(window(&accounts, "1h").spend, 0);
    assert!(window(&accounts, "1h").budget_reset_at <= window(&accounts, "1mo").budget_reset_at);
}

#[tokio::test]
async fn windows_stay_with_a_key_that_is_changed_or_regenerated() {
    let app = TestApp::new().await;
    let limits = json!([{"budget_duration": "24h", "max_budget": 2}]);
    let key = app.key(json!({"budget_limits": limits, "model_max_budget": {"gpt-4o": 9.0}})).await;
    app.sync(None, Some(batch("b1", vec![usage(Some(&key), Some(DOLLAR))]))).await;
    let more =
        json!([{"budget_duration": "24h", "max_budget": 3}, {"budget_duration": "7d", "max_budget": 9}]);
    app.post("/key/update", json!({"key": key, "budget_limits": more})).await.ok();
    let new = app.post("/key/regenerate", json!({"key": key})).await.ok()["key"].take();
    let new = new.as_str().unwrap();
    let accounts = app.verify(new).await.key.unwrap().accounts;
    assert_eq!(
        (window(&accounts, "24h").spend, window(&accounts, "24h").max_budget),
        (DOLLAR, Some(3 * DOLLAR))
    );
    assert_eq!(window(&accounts, "7d").spend, 0);
    let of_model = accounts.iter().find(|account| account.id.model.is_some()).unwrap();
    assert_eq!(of_model.spend, DOLLAR, "a new secret is no new budget");
    app.post(&format!("/key/{new}/reset_spend"), json!({"reset_to": 0})).await.ok();
    assert_eq!(window(&app.verify(new).await.key.unwrap().accounts, "24h").spend, 0);
    app.post("/key/update", json!({"key": new, "budget_limits": null})).await.ok();
    let accounts = app.verify(new).await.key.unwrap().accounts;
    assert!(accounts.iter().all(|account| account.id.window.is_none()), "{accounts:?}");
    assert!(app.info(new).await.get("budget_limits_usage").is_none());
}

#[tokio::test]
async fn teams_and_users_have_windows_too() {
    let app = TestApp::new().await;
    let limits = json!([{"budget_duration": "24h", "max_budget": 2}]);
    app.post("/team/new", json!({"team_id": "t", "budget_limits": limits})).await.ok();
    app.post("/user/new", json!({"user_id": "alice", "budget_limits": limits})).await.ok();
    for (fields, kind) in
        [(json!({"team_id": "t"}), AccountKind::Team), (json!({"user_id": "alice"}), AccountKind::User)]
    {
        let key = app.key(fields.clone()).await;
        let entry = usage(Some(&key), Some(DOLLAR));
        app.sync(None, Some(batch(&fields.to_string(), vec![entry]))).await;
        let accounts = app.verify(&key).await.key.unwrap().accounts;
        let account = window(&accounts, "24h");
        assert_eq!((account.id.kind, account.spend, account.max_budget), (kind, DOLLAR, Some(2 * DOLLAR)));
    }
}
