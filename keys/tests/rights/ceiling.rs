//! A key goes no further than the key that made it.

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{TestApp, error};

/// A key of an internal user, made by the administrator with these fields.
async fn maker(app: &TestApp, mut fields: Value) -> String {
    app.user("alice", "internal_user").await;
    fields["user_id"] = json!("alice");
    app.key(fields).await
}

async fn generate(app: &TestApp, by: &str, body: Value) -> crate::app::Answer {
    app.send(by, Method::POST, "/key/generate", body.to_string()).await
}

#[tokio::test]
async fn what_is_not_said_of_a_key_is_its_makers() {
    let app = TestApp::new().await;
    let limits = json!({
        "max_budget": 2.0, "budget_duration": "30d", "models": ["gpt-4o"], "tpm_limit": 100, "rpm_limit": 10,
        "max_parallel_requests": 2, "duration": "1h", "model_rpm_limit": {"gpt-4o": 3}, "model_tpm_limit": {"gpt-4o": 4},
        "model_max_budget": {"gpt-4o": {"max_budget": 1.0, "budget_duration": "1d"}},
        "budget_limits": [{"budget_duration": "24h", "max_budget": 1.0}],
        "allowed_routes": ["/key/*", "llm_api_routes"],
    });
    let held = maker(&app, limits.clone()).await;
    let made = generate(&app, &held, json!({"key_alias": "child"})).await.ok();
    for field in [
        "max_budget",
        "budget_duration",
        "models",
        "tpm_limit",
        "rpm_limit",
        "max_parallel_requests",
        "allowed_routes",
        "model_rpm_limit",
        "model_tpm_limit",
        "model_max_budget",
    ] {
        assert_eq!(made[field], limits[field], "{field}");
    }
    assert_eq!(made["budget_limits"][0]["max_budget"], 1.0);
    assert_eq!(made["expires"], app.info(&held).await["expires"]);
}

#[tokio::test]
async fn what_is_said_of_a_key_is_within_its_makers() {
    let app = TestApp::new().await;
    let held = maker(&app, json!({
        "max_budget": 2.0, "budget_duration": "30d", "models": ["gpt-4o", "openai/*"], "rpm_limit": 10, "duration": "1h",
        "model_rpm_limit": {"m": 3}, "model_max_budget": {"m": 1.0}, "allowed_routes": ["/key/*"],
        "budget_limits": [{"budget_duration": "24h", "max_budget": 1.0}],
    })).await;
    for within in [
        json!({"max_budget": 2.0}),
        json!({"max_budget": 1.0, "budget_duration": "30d"}),
        json!({"models": ["openai/gpt-4o", "no-default-models"]}),
        json!({"rpm_limit": 10, "tpm_limit": 5}),
        json!({"duration": "10m"}),
        json!({"model_rpm_limit": {"other": 100}}),
        json!({"budget_limits": [{"budget_duration": "24h", "max_budget": 0.5}, {"budget_duration": "7d", "max_budget": 9}]}),
        json!({"aliases": {"best": "gpt-4o"}}),
    ] {
        generate(&app, &held, within.clone()).await.ok();
    }
    for beyond in [
        json!({"max_budget": 3.0}),
        json!({"budget_duration": "1d"}),
        json!({"models": ["gpt-4o", "o1"]}),
        json!({"models": ["*"]}),
        json!({"models": ["all-proxy-models"]}),
        json!({"rpm_limit": 11}),
        json!({"duration": "2h"}),
        json!({"model_rpm_limit": {"m": 4}}),
        json!({"metadata": {"model_rpm_limit": {"m": 4}}}),
        json!({"model_max_budget": {"m": 1.5}}),
        json!({"model_max_budget": {"m": {"max_budget": 1.0, "budget_duration": "1d"}}}),
        json!({"budget_limits": [{"budget_duration": "24h", "max_budget": 1.5}]}),
        json!({"aliases": {"gpt-4o": "o1"}}),
        json!({"key_type": "llm_api"}),
    ] {
        let answer = generate(&app, &held, beyond.clone()).await;
        assert_eq!(answer.status, 400, "{beyond}: {}", answer.body);
        assert!(
            answer.body["error"]["message"].as_str().unwrap().contains("cannot exceed the caller"),
            "{beyond}"
        );
    }
    let message = "{'error': \"max_budget (3.0) cannot exceed the caller's own max_budget (2.0).\"}";
    let answer = generate(&app, &held, json!({"max_budget": 3.0})).await;
    assert_eq!(answer, error(400, "invalid_request_error", message, None));
}

#[tokio::test]
async fn a_maker_loosens_its_key_no_further_than_itself() {
    let app = TestApp::new().await;
    let held = maker(&app, json!({"models": ["a", "b"], "rpm_limit": 10, "duration": "1h"})).await;
    let made = generate(&app, &held, json!({"models": ["a"], "rpm_limit": 5, "duration": "10m"})).await.ok();
    let key = made["key"].as_str().unwrap();
    let update = async |path: &str, mut body: Value| {
        body["key"] = json!(key);
        app.send(&held, Method::POST, path, body.to_string()).await
    };
    update("/key/update", json!({"models": ["b"], "rpm_limit": 10, "key_alias": "named"})).await.ok();
    for beyond in [json!({"models": ["c"]}), json!({"rpm_limit": 11}), json!({"duration": "2h"})] {
        assert_eq!(update("/key/update", beyond.clone()).await.status, 400, "{beyond}");
    }
    // What is cleared becomes its maker's.
    update("/key/update", json!({"models": [], "rpm_limit": null, "duration": "-1"})).await.ok();
    let info = app.info(key).await;
    assert_eq!((&info["models"], &info["rpm_limit"]), (&json!(["a", "b"]), &json!(10)));
    assert_eq!(info["expires"], app.info(&held).await["expires"]);
    for money in [
        json!({"max_budget": 1.0}),
        json!({"spend": 0}),
        json!({"budget_limits": []}),
        json!({"blocked": false}),
    ] {
        assert_eq!(update("/key/update", money.clone()).await.status, 403, "{money}");
    }
    assert_eq!(update("/key/regenerate", json!({"rpm_limit": 11})).await.status, 400);
    update("/key/regenerate", json!({"rpm_limit": 9})).await.ok();
}

#[tokio::test]
async fn a_key_that_was_given_is_not_loosened_by_its_user() {
    let app = TestApp::new().await;
    let held = maker(&app, json!({"models": ["gpt-4o"], "duration": "1h"})).await;
    let user = generate(&app, &held, json!({})).await.ok();
    assert_eq!(user["models"], json!(["gpt-4o"]));
    for change in
        [json!({"models": [], "duration": "-1"}), json!({"key_alias": "mine"}), json!({"metadata": {}})]
    {
        let mut body = change.clone();
        body["key"] = json!(held);
        let message = "{'error': 'Only proxy admins, team admins, or org admins can call /key/update. \
                       user_role=internal_user, user_id=alice'}";
        let answer = app.send(&held, Method::POST, "/key/update", body.to_string()).await;
        assert_eq!(answer, error(403, "invalid_request_error", message, None), "{change}");
        // Nor along with a new secret, which its user may have.
        assert_eq!(
            app.send(&held, Method::POST, "/key/regenerate", body.to_string()).await.status,
            403,
            "{change}"
        );
    }
    assert_eq!(app.info(&held).await["models"], json!(["gpt-4o"]));
    app.send(&held, Method::POST, "/key/regenerate", json!({"key": held}).to_string()).await.ok();
}

#[tokio::test]
async fn an_alias_leads_past_no_list_of_models() {
    let app = TestApp::new().await;
    app.post("/user/new", json!({"user_id": "alice", "models": ["gpt-4o"]})).await.ok();
    let held = app.key(json!({"user_id": "alice"})).await;
    assert_eq!(generate(&app, &held, json!({"aliases": {"gpt-4o": "o1"}})).await.status, 400);
    generate(&app, &held, json!({"aliases": {"best": "gpt-4o"}})).await.ok();
    let admins = json!({"user_id": "alice", "aliases": {"gpt-4o": "o1"}});
    app.post("/key/generate", admins).await.ok();
}

#[tokio::test]
async fn an_administrator_goes_as_far_as_it_likes() {
    let app = TestApp::new().await;
    app.user("boss", "proxy_admin").await;
    let held = app.key(json!({"user_id": "boss", "max_budget": 1.0, "rpm_limit": 1, "models": ["a"]})).await;
    let made = generate(&app, &held, json!({"max_budget": 9.0, "rpm_limit": 9})).await.ok();
    assert_eq!((&made["max_budget"], &made["models"]), (&json!(9.0), &json!([])));
}
