//! `/customer/*`, and what requests that name a customer count against.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use switchboard::key::lease::{Demand, Grant, LeaseAsk};
use switchboard::key::{Account, AccountId, Detail, KeyRecord, UsageEntry};
use switchboard_keys::housekeeping::once;
use switchboard_keys::store::CustomerDefault;

use crate::app::{MASTER_KEY, TestApp, batch, error, usage};

const DOLLAR: u64 = 1_000_000_000_000;

/// What a request of an end user costs.
fn by(end_user: &str, cost: u64) -> UsageEntry<'static> {
    let detail = Detail { end_user: end_user.to_owned().into(), ..Detail::default() };
    UsageEntry { detail, ..usage(None, Some(cost)) }
}

async fn record(app: &TestApp, id: &str) -> Option<KeyRecord> {
    app.payers(vec![AccountId::of_customer(id)]).await.records.remove(0).key
}

async fn account(app: &TestApp, id: &str) -> Account {
    record(app, id).await.unwrap().accounts.remove(0)
}

async fn money(app: &TestApp, id: &str, round: u64) -> Option<Grant> {
    let money = Demand { want: 100 * DOLLAR, ..Demand::default() };
    let ask = LeaseAsk { money, ..LeaseAsk::nothing(AccountId::of_customer(id), round) };
    app.app.store.lease("envoy", &[ask]).await.unwrap().pop().unwrap().money
}

async fn info(app: &TestApp, id: &str) -> Value {
    app.get(MASTER_KEY, &format!("/customer/info?end_user_id={id}")).await.ok()
}

#[tokio::test]
async fn a_customer_has_its_own_limits_or_those_of_a_budget() {
    let app = TestApp::new().await;
    let own =
        json!({"user_id": "a", "alias": "shop", "max_budget": 5.0, "budget_duration": "30d", "rpm_limit": 7});
    let made = app.post("/customer/new", own).await.ok();
    assert_eq!(
        (&made["user_id"], &made["alias"], &made["blocked"]),
        (&json!("a"), &json!("shop"), &json!(false))
    );
    assert_eq!(made["litellm_budget_table"]["max_budget"], 5.0);
    let of_a = account(&app, "a").await;
    assert_eq!((of_a.max_budget, of_a.rpm_limit), (Some(5 * DOLLAR), Some(7)));
    assert!(of_a.budget_reset_at.is_some());

    app.post("/budget/new", json!({"budget_id": "free", "max_budget": 1.0, "tpm_limit": 9})).await.ok();
    // The older name of the path.
    app.post("/end_user/new", json!({"user_id": "b", "budget_id": "free"})).await.ok();
    let of_b = account(&app, "b").await;
    assert_eq!((of_b.max_budget, of_b.tpm_limit, of_b.rpm_limit), (Some(DOLLAR), Some(9), None));
    assert_eq!(info(&app, "b").await["litellm_budget_table"]["tpm_limit"], 9);

    let start = app.cursor().await;
    app.post("/customer/update", json!({"user_id": "a", "budget_id": "free"})).await.ok();
    assert_eq!(account(&app, "a").await.max_budget, Some(DOLLAR), "instead of its own");
    let told = app.sync(Some(start), None).await;
    assert_eq!(told.changes[0].token, AccountId::of_customer("a").record_name());
    assert_eq!(told.changes[0].key, None, "workers ask again");
    let start = app.cursor().await;
    app.post("/budget/update", json!({"budget_id": "free", "max_budget": 2.0})).await.ok();
    assert!(app.sync(Some(start), None).await.reset, "a budget may have any number of customers");
    assert_eq!(account(&app, "b").await.max_budget, Some(2 * DOLLAR));
}

#[tokio::test]
async fn workers_ask_for_customers_only_where_there_are_some() {
    let app = TestApp::new().await;
    assert!(!app.sync(None, None).await.payers);
    assert_eq!(record(&app, "a").await, None);
    app.post("/customer/new", json!({"user_id": "a"})).await.ok();
    assert!(app.sync(None, None).await.payers);
    assert_eq!(record(&app, "b").await, None, "whom nothing limits");
    app.post("/customer/delete", json!({"user_ids": ["a"]})).await.ok();
    assert!(!app.sync(None, None).await.payers);
    let default = CustomerDefault { max_budget: Some(1.0), budget_id: None };
    app.app.store.set_customer_default(default);
    assert!(app.sync(None, None).await.payers);
}

#[tokio::test]
async fn what_requests_cost_is_charged_once_to_the_customer_that_they_name() {
    let app = TestApp::new().await;
    app.post("/customer/new", json!({"user_id": "a", "max_budget": 5.0})).await.ok();
    let key = app.key(json!({})).await;
    let of_key = UsageEntry { token: usage(Some(&key), None).token, ..by("a", DOLLAR) };
    let uses = vec![by("a", DOLLAR / 2), of_key, by("stranger", DOLLAR), by("", DOLLAR)];
    for _ in 0..2 {
        app.sync(None, Some(batch("one", uses.clone()))).await;
    }
    assert_eq!(info(&app, "a").await["spend"], 1.5);
    assert_eq!(app.info(&key).await["spend"], 1.0, "the key pays, too");
    let listed = app.get(MASTER_KEY, "/customer/list").await.ok();
    assert_eq!(listed.as_array().unwrap().len(), 1, "a stranger is no customer");
    let grant = money(&app, "a", 1).await.unwrap();
    assert_eq!((grant.limit, grant.allowed), (5 * DOLLAR, 3 * DOLLAR + DOLLAR / 2), "what is not spent");
    assert_eq!(money(&app, "stranger", 1).await, None);
}

#[tokio::test]
async fn a_default_budget_limits_everyone_without_one() {
    let app = TestApp::new().await;
    app.post("/budget/new", json!({"budget_id": "free", "max_budget": 2.0, "budget_duration": "1d"}))
        .await
        .ok();
    let budget_id = Some("free".to_owned());
    app.app.store.set_customer_default(CustomerDefault { max_budget: Some(9.0), budget_id });
    app.post("/customer/new", json!({"user_id": "rich", "max_budget": 50.0})).await.ok();
    assert_eq!(account(&app, "rich").await.max_budget, Some(50 * DOLLAR));
    assert_eq!(account(&app, "new").await.max_budget, Some(2 * DOLLAR));
    assert_eq!(money(&app, "new", 1).await.unwrap().allowed, 2 * DOLLAR);
    app.sync(None, Some(batch("one", vec![by("new", DOLLAR), by("rich", DOLLAR)]))).await;
    assert_eq!(info(&app, "new").await["spend"], 1.0, "it is a customer from now on");
    assert_eq!(money(&app, "new", 2).await.unwrap().allowed, DOLLAR);
    // A day later.
    let later = Timestamp::now() + SignedDuration::from_hours(49);
    once(&app.app.store, None, later).await.unwrap();
    assert_eq!(info(&app, "new").await["spend"], 0.0);
    assert_eq!(info(&app, "rich").await["spend"], 1.0, "its own budget has no period");
    assert_eq!(info(&app, "new").await["total_spend"], 1.0);
}

#[tokio::test]
async fn customers_are_blocked_unblocked_and_deleted() {
    let app = TestApp::new().await;
    let blocked = app.post("/customer/block", json!({"user_ids": ["a", "b"]})).await.ok();
    assert_eq!(blocked["blocked_users"][1]["blocked"], true);
    assert!(record(&app, "a").await.unwrap().blocked, "although nobody has created it");
    app.post("/customer/unblock", json!({"user_ids": ["a"]})).await.ok();
    assert!(!record(&app, "a").await.unwrap().blocked);
    assert!(record(&app, "b").await.unwrap().blocked);
    let gone = app.post("/customer/delete", json!({"user_ids": ["a", "b"]})).await.ok();
    assert_eq!(gone["deleted_customers"], 2);
    assert_eq!(record(&app, "b").await, None);
}

#[tokio::test]
async fn what_makes_no_customer_is_refused() {
    let app = TestApp::new().await;
    app.post("/customer/new", json!({"user_id": "a"})).await.ok();
    let taken = app.post("/customer/new", json!({"user_id": "a"})).await;
    let message = "Customer already exists, passed user_id=a. Please pass a new user_id.";
    assert_eq!(taken, error(400, "bad_request", message, Some("user_id")));
    let unknown = app.get(MASTER_KEY, "/customer/info?end_user_id=b").await;
    assert_eq!(unknown, error(404, "not_found", "End User Id=b does not exist in db", Some("end_user_id")));
    let unknown = app.post("/customer/delete", json!({"user_ids": ["a", "b", "c"]})).await;
    assert_eq!(unknown, error(404, "not_found", "End User Id(s)=b, c do not exist in db", Some("user_ids")));
    assert_eq!(info(&app, "a").await["user_id"], "a", "nothing was deleted");
    for (path, body, status) in [
        ("/customer/new", json!({}), 422),
        ("/customer/new", json!({"user_id": "c", "max_budget": -1}), 400),
        ("/customer/new", json!({"user_id": "c", "max_budget": 1, "budget_id": "b"}), 400),
        ("/customer/new", json!({"user_id": "c", "budget_duration": "5x"}), 400),
        ("/customer/new", json!({"user_id": "c", "allowed_model_region": "eu"}), 400),
        ("/customer/new", json!({"user_id": "c", "model_max_budget": {"m": 1}}), 400),
        ("/customer/update", json!({"user_id": "c"}), 404),
        ("/customer/unblock", json!({"user_ids": ["c"]}), 404),
        ("/customer/block", json!({}), 400),
    ] {
        assert_eq!(app.post(path, body.clone()).await.status.as_u16(), status, "{path} {body}");
    }
    let viewer = app.user("v", "proxy_admin_viewer").await;
    assert_eq!(app.get(&viewer, "/end_user/info?end_user_id=a").await.status, 200);
    assert_eq!(
        app.send(&viewer, Method::POST, "/end_user/block", r#"{"user_ids": ["a"]}"#).await.status,
        403
    );
}
