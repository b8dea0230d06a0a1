//! `/budget/*`

use serde_json::json;

use crate::app::{MASTER_KEY, TestApp, error};

#[tokio::test]
async fn a_budget_limits_the_keys_that_name_it_and_have_no_limit_of_their_own() {
    let app = TestApp::new().await;
    let made =
        app.post("/budget/new", json!({"budget_id": "b", "max_budget": 4.0, "rpm_limit": 8})).await.ok();
    assert_eq!(
        (&made["budget_id"], &made["max_budget"], &made["created_by"]),
        (&json!("b"), &json!(4.0), &json!("default_user_id"))
    );
    let key = app.key(json!({"budget_id": "b"})).await;
    let own = app.key(json!({"budget_id": "b", "max_budget": 1.0})).await;
    let limits = async |key: &str| {
        let account = app.verify(key).await.key.unwrap().accounts.remove(0);
        (account.max_budget, account.rpm_limit)
    };
    assert_eq!(limits(&key).await, (Some(4_000_000_000_000), Some(8)));
    assert_eq!(limits(&own).await, (Some(1_000_000_000_000), Some(8)));

    let start = app.cursor().await;
    app.post("/budget/update", json!({"budget_id": "b", "max_budget": 5.0})).await.ok();
    assert_eq!(app.sync(Some(start), None).await.changes.len(), 2, "both keys are told");
    assert_eq!(limits(&key).await, (Some(5_000_000_000_000), Some(8)));
    assert_eq!(app.post("/budget/delete", json!({"id": "b"})).await.ok()["budget_id"], "b");
    assert_eq!(limits(&key).await, (None, None));
}

#[tokio::test]
async fn budgets_are_shown_and_listed() {
    let app = TestApp::new().await;
    app.post("/budget/new", json!({"budget_id": "b", "budget_duration": "1d"})).await.ok();
    let other = app.post("/budget/new", json!({})).await.ok();
    let shown = app.post("/budget/info", json!({"budgets": ["b", "none"]})).await.ok();
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert!(shown[0]["budget_reset_at"].is_string());
    let listed = app.get(MASTER_KEY, "/budget/list").await.ok();
    assert_eq!(listed[1]["budget_id"], other["budget_id"]);
    assert_eq!(app.post("/budget/info", json!({"budgets": []})).await.status, 400);
    assert_eq!(app.post("/budget/info", json!({})).await.status, 422);
}

#[tokio::test]
async fn what_makes_no_budget_is_refused() {
    let app = TestApp::new().await;
    app.post("/budget/new", json!({"budget_id": "b"})).await.ok();
    let refused =
        |message: &str| error(400, "invalid_request_error", &format!("{{'error': {message}}}"), None);
    let taken = app.post("/budget/new", json!({"budget_id": "b"})).await;
    assert_eq!(taken, refused("\"Budget with id 'b' already exists.\""));
    let unnamed = app.post("/budget/update", json!({"max_budget": 1})).await;
    assert_eq!(unnamed, refused("'budget_id is required'"));
    let negative = app.post("/budget/new", json!({"soft_budget": -1})).await;
    assert_eq!(negative, refused("'soft_budget must be a non-negative finite number. Received: -1.0'"));
    assert_eq!(app.post("/budget/new", json!({"budget_duration": "5x"})).await.status, 400);
    assert_eq!(app.post("/budget/new", json!({"rpm_limit": -1})).await.status, 422);
    assert_eq!(app.post("/budget/update", json!({"budget_id": "none"})).await.status, 404);
    assert_eq!(app.post("/budget/delete", json!({"id": "none"})).await.status, 404);
}
