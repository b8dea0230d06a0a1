use serde_json::json;
use switchboard::key::TokenHash;

use crate::app::{TestApp, error};

#[tokio::test]
async fn spend_is_set_to_what_was_asked_for() {
    let app = TestApp::new().await;
    let key = app.key(json!({"spend": 4.0, "max_budget": 3.0})).await;
    let path = format!("/key/{key}/reset_spend");
    let answer = app.post(&path, json!({"reset_to": 1.0})).await.ok();
    let hash = TokenHash::of(key.as_bytes());
    let expected = json!({"key_hash": hash, "spend": 1.0, "previous_spend": 4.0, "max_budget": 3.0,
        "budget_reset_at": null});
    assert_eq!(answer, expected);
    let info = app.info(&key).await;
    assert_eq!((&info["spend"], &info["total_spend"]), (&json!(1.0), &json!(4.0)));
}

#[tokio::test]
async fn more_than_was_spent_or_may_be_is_refused() {
    let app = TestApp::new().await;
    let key = app.key(json!({"spend": 4.0, "max_budget": 3.0})).await;
    let path = format!("/key/{key}/reset_spend");
    for (reset_to, message) in [
        (-1.0, "reset_to must be >= 0"),
        (5.0, "reset_to (5.0) must be <= current spend (4.0)"),
        (3.5, "reset_to (3.5) must be <= budget (3.0)"),
    ] {
        let message = format!("{{'error': '{message}'}}");
        assert_eq!(
            app.post(&path, json!({"reset_to": reset_to})).await,
            error(400, "invalid_request_error", &message, None)
        );
    }
    for body in [json!({}), json!({"reset_to": true}), json!({"reset_to": null}), json!({"reset_to": "x"})] {
        assert_eq!(app.post(&path, body.clone()).await.status, 422, "{body}");
    }
    assert_eq!(app.post("/key/sk-never-made-0000000/reset_spend", json!({"reset_to": 0})).await.status, 404);
}
