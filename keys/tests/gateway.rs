//! The budget of the whole gateway.

use serde_json::json;
use switchboard::key::lease::{Demand, LeaseAsk};
use switchboard::key::{Account, AccountId};

use crate::app::{TestApp, batch, usage};

const DOLLAR: u64 = 1_000_000_000_000;

async fn account(app: &TestApp, key: &str) -> Option<Account> {
    let accounts = app.verify(key).await.key.unwrap().accounts;
    accounts.into_iter().find(|account| account.id == AccountId::of_gateway())
}

#[tokio::test]
async fn the_requests_of_all_keys_and_of_the_master_key_count_against_it() {
    let app = TestApp::new().await;
    let (one, two) = (app.key(json!({})).await, app.key(json!({"team_id": "t", "user_id": "u"})).await);
    let start = app.cursor().await;
    assert_eq!(account(&app, &one).await, None);
    app.app.store.set_gateway_budget(Some(5.0), Some("30d")).await.unwrap();
    assert!(app.sync(Some(start), None).await.reset, "every filter reads its keys again");
    let uses = vec![
        usage(Some(&one), Some(DOLLAR)),
        usage(Some(&two), Some(DOLLAR / 2)),
        usage(None, Some(DOLLAR / 4)),
    ];
    app.sync(None, Some(batch("a", uses))).await;
    for key in [&one, &two] {
        let account = account(&app, key).await.unwrap();
        assert_eq!((account.max_budget, account.spend), (Some(5 * DOLLAR), DOLLAR + DOLLAR / 2 + DOLLAR / 4));
        assert_eq!(account.budget_duration.as_deref(), Some("30d"));
        assert!(account.budget_reset_at.is_some());
    }
    let money = Demand { want: 100 * DOLLAR, ..Demand::default() };
    let ask = LeaseAsk { money, ..LeaseAsk::nothing(AccountId::of_gateway(), 1) };
    let lease = app.app.store.lease("envoy", &[ask]).await.unwrap().pop().unwrap();
    let grant = lease.money.unwrap();
    assert_eq!((grant.limit, grant.allowed), (5 * DOLLAR, 3 * DOLLAR + DOLLAR / 4), "what is not spent");
}

#[tokio::test]
async fn it_keeps_its_spend_when_it_changes_and_is_gone_when_it_is_removed() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let set = async |budget, period| app.app.store.set_gateway_budget(budget, period).await.unwrap();
    set(Some(5.0), None).await;
    app.sync(None, Some(batch("a", vec![usage(Some(&key), Some(DOLLAR))]))).await;
    let start = app.cursor().await;
    set(Some(5.0), None).await;
    assert_eq!(app.cursor().await, start, "the same again is no change");
    set(Some(2.0), Some("1d")).await;
    let changed = account(&app, &key).await.unwrap();
    assert_eq!((changed.max_budget, changed.spend), (Some(2 * DOLLAR), DOLLAR));
    assert!(changed.budget_reset_at.is_some());
    set(None, None).await;
    assert_eq!(account(&app, &key).await, None);
    app.sync(None, Some(batch("b", vec![usage(Some(&key), Some(DOLLAR))]))).await;
}
