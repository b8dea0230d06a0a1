//! Fields of new keys, users and teams that `litellm_settings` sets.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_keys::defaults::Defaults;

use crate::app::{MASTER_KEY, TestApp, error};

async fn app(settings: Value) -> TestApp {
    let mut app = TestApp::new().await;
    app.app.defaults = Arc::new(Defaults::parse(&settings.to_string()).unwrap());
    app
}

#[tokio::test]
async fn a_new_key_has_the_defaults_of_what_its_request_does_not_set() {
    let app = app(json!({"default_key_generate_params": {"max_budget": 1.5, "budget_duration": "30d", "duration": "1d",
        "models": ["gpt-4o"], "tpm_limit": 10, "rpm_limit": 3, "metadata": {"made": "here"}, "team_id": "t"}}))
    .await;
    let made =
        app.post("/key/generate", json!({"rpm_limit": 4, "models": [], "max_budget": null})).await.ok();
    for (field, right) in [
        ("max_budget", json!(1.5)),
        ("budget_duration", json!("30d")),
        ("duration", json!("1d")),
        ("models", json!(["gpt-4o"])),
        ("tpm_limit", json!(10)),
        ("rpm_limit", json!(4)),
        ("metadata", json!({"made": "here"})),
        ("team_id", json!("t")),
    ] {
        assert_eq!(made[field], right, "{field}");
    }
    assert!(made["expires"].is_string());
    let own = app.post("/key/generate", json!({"models": ["m"], "team_id": "u"})).await.ok();
    assert_eq!((&own["models"], &own["team_id"]), (&json!(["m"]), &json!("u")));
}

#[tokio::test]
async fn no_key_exceeds_the_upper_bounds_whoever_makes_or_changes_it() {
    let app = app(json!({"upperbound_key_generate_params": {"max_budget": 2.0, "budget_duration": "7d",
        "duration": "30d", "tpm_limit": 100, "rpm_limit": 5, "max_parallel_requests": 2}}))
    .await;
    let made = app.post("/key/generate", json!({"rpm_limit": 4, "budget_duration": "24h"})).await.ok();
    for (field, right) in [
        ("max_budget", json!(2.0)),
        ("budget_duration", json!("24h")),
        ("tpm_limit", json!(100)),
        ("rpm_limit", json!(4)),
        ("max_parallel_requests", json!(2)),
    ] {
        assert_eq!(made[field], right, "{field}");
    }
    assert!(made["expires"].is_string(), "it expires like the longest-lived");
    let key = made["key"].as_str().unwrap();
    let message = "{'error': 'rpm_limit is over max limit set in config - user_value=6; max_value=5'}";
    let wrong = app.post("/key/generate", json!({"rpm_limit": 6})).await;
    assert_eq!(wrong, error(400, "invalid_request_error", message, None));
    for (field, value) in [
        ("max_budget", json!(2.5)),
        ("budget_duration", json!("8d")),
        ("duration", json!("1mo1d")),
        ("duration", json!("31d")),
        ("duration", json!("-1")),
        ("tpm_limit", json!(101)),
        ("max_parallel_requests", json!(3)),
    ] {
        for (path, body) in [
            ("/key/generate", json!({field: value})),
            ("/key/update", json!({"key": key, field: value})),
            ("/key/regenerate", json!({"key": key, field: value})),
        ] {
            assert_eq!(app.post(path, body.clone()).await.status, 400, "{path} {body}");
        }
    }
    app.post("/key/update", json!({"key": key, "max_budget": null, "rpm_limit": 1})).await.ok();
    let info = app.get(MASTER_KEY, &format!("/key/info?key={key}")).await.ok();
    assert_eq!((&info["info"]["max_budget"], &info["info"]["rpm_limit"]), (&json!(2.0), &json!(1)));
    assert_eq!(info["info"]["tpm_limit"], 100, "what is not sent stays");
}

#[tokio::test]
async fn new_users_and_teams_have_their_defaults_and_administrators_have_none() {
    let app = app(json!({
        "default_internal_user_params": {"user_role": "internal_user", "models": ["gpt-4o"], "rpm_limit": 9},
        "default_team_params": {"max_budget": 50.0, "budget_duration": "30d", "models": ["m"],
            "team_member_permissions": ["/key/generate"]},
        "max_internal_user_budget": 3.0, "internal_user_budget_duration": "1d",
    }))
    .await;
    let user = app.post("/user/new", json!({"user_id": "alice"})).await.ok();
    assert_eq!(
        (&user["user_role"], &user["models"], &user["rpm_limit"]),
        (&json!("internal_user"), &json!(["gpt-4o"]), &json!(9))
    );
    assert_eq!((&user["max_budget"], &user["budget_duration"]), (&json!(3.0), &json!("1d")));
    let viewer =
        app.post("/user/new", json!({"user_id": "v", "user_role": "internal_user_viewer"})).await.ok();
    assert_eq!((&viewer["max_budget"], &viewer["rpm_limit"]), (&json!(null), &json!(9)));
    let admin = app.post("/user/new", json!({"user_id": "a", "user_role": "proxy_admin"})).await.ok();
    assert_eq!((&admin["models"], &admin["max_budget"]), (&json!([]), &json!(null)));

    let team = app.post("/team/new", json!({"team_id": "t", "models": ["own"]})).await.ok();
    assert_eq!((&team["max_budget"], &team["models"]), (&json!(50.0), &json!(["own"])));
    assert_eq!(team["team_member_permissions"], json!(["/key/generate"]));
    let member = json!({"team_id": "t", "member": {"user_id": "bob", "role": "user"}});
    app.post("/team/member_add", member).await.ok();
    let bob = app.get(MASTER_KEY, "/user/info?user_id=bob").await.ok();
    assert_eq!((&bob["user_info"]["max_budget"], &bob["user_info"]["rpm_limit"]), (&json!(3.0), &json!(9)));
}

#[test]
fn settings_that_are_wrong_are_not_accepted() {
    for wrong in [
        json!({"default_key_params": {}}),
        json!({"upperbound_key_generate_params": {"models": []}}),
        json!({"upperbound_key_generate_params": {"duration": "soon"}}),
        json!({"default_team_params": {"budget_duration": "soon"}}),
        json!(5),
    ] {
        assert!(Defaults::parse(&wrong.to_string()).is_err(), "{wrong}");
    }
}
