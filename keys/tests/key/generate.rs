use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard::key::TokenHash;

use crate::app::{Answer, MASTER_KEY, TestApp, complaint, error};

/// Every field of an answer that was not asked for anything.
fn defaults() -> Value {
    json!({
        "key_alias": null, "duration": null, "models": [], "aliases": {}, "spend": 0.0, "max_budget": null,
        "soft_budget": null, "budget_duration": null, "budget_id": null, "budget_limits": null,
        "budget_fallbacks": null, "budget_reset_at": null, "tpm_limit": null, "rpm_limit": null, "tpd_limit": null,
        "max_parallel_requests": null, "model_rpm_limit": null, "model_tpm_limit": null, "model_max_budget": {},
        "mcp_rpm_limit": null, "tag_rpm_limit": null, "rpm_limit_type": null, "tpm_limit_type": null,
        "team_id": null, "user_id": null, "organization_id": null, "project_id": null, "agent_id": null,
        "metadata": {}, "permissions": {}, "allowed_routes": [], "key_type": "default",
        "allowed_cache_controls": [], "blocked": null, "guardrails": null, "policies": null, "prompts": null,
        "tags": null, "enforced_params": null, "config": {}, "router_settings": {}, "send_invite_email": null,
        "auto_rotate": false, "rotation_interval": null, "object_permission": null, "access_group_ids": null,
        "litellm_budget_table": null, "expires": null, "created_by": "default_user_id",
        "updated_by": "default_user_id",
    })
}

/// Checks what is different every time, and takes it out.
fn redact(answer: &mut Value) {
    let answer = answer.as_object_mut().unwrap();
    let key = answer.remove("key").unwrap();
    let key = key.as_str().unwrap();
    let random = key.strip_prefix("sk-").unwrap();
    assert_eq!(random.len(), 22, "{key}");
    assert!(random.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{key}");
    let hash = json!(TokenHash::of(key.as_bytes()));
    for name in ["key_id", "token", "token_id"] {
        assert_eq!(answer.remove(name), Some(hash.clone()), "{name}");
    }
    assert_eq!(answer.remove("key_name"), Some(json!(format!("sk-...{}", &key[21..]))));
    for name in ["created_at", "updated_at"] {
        let moment: jiff::Timestamp = answer.remove(name).unwrap().as_str().unwrap().parse().unwrap();
        assert!(jiff::Timestamp::now().duration_since(moment).abs() < jiff::SignedDuration::from_secs(60));
    }
}

#[tokio::test]
async fn an_empty_object_makes_a_key_with_every_default() {
    let app = TestApp::new().await;
    let mut answer = app.generate(json!({})).await;
    redact(&mut answer);
    assert_eq!(answer, defaults());
}

#[tokio::test]
async fn every_field_is_echoed_as_it_was_sent() {
    let sent = json!({
        "key_alias": "all", "models": ["gpt-4o", "anthropic/*"], "aliases": {"best": "gpt-4o"}, "spend": 0.25,
        "max_budget": 1e-6, "soft_budget": 0.5, "budget_id": "b1", "tpm_limit": 5, "rpm_limit": 6,
        "max_parallel_requests": 8, "model_rpm_limit": {"gpt-4o": 1}, "model_tpm_limit": {"gpt-4o": 2},
        "model_max_budget": {"gpt-4o": {"max_budget": 1.0}},
        "rpm_limit_type": "best_effort_throughput", "tpm_limit_type": "best_effort_throughput", "team_id": "t1",
        "user_id": "u1", "organization_id": "o1", "metadata": {"who": {"what": [1, null]}},
        "allowed_routes": ["/v1/embeddings"], "blocked": false, "tags": ["t"],
    });
    let app = TestApp::new().await;
    app.post("/budget/new", json!({"budget_id": "b1"})).await.ok();
    let mut answer = app.generate(sent.clone()).await;
    redact(&mut answer);
    let mut expected = defaults();
    expected.as_object_mut().unwrap().extend(sent.as_object().unwrap().clone());
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let app = TestApp::new().await;
    let answer = app.generate(json!({"favourite_colour": "green"})).await;
    assert!(answer.get("favourite_colour").is_none());
}

#[tokio::test]
async fn a_duration_is_echoed_and_sets_the_exact_expiry() {
    let app = TestApp::new().await;
    let before = jiff::Timestamp::now();
    let answer = app.generate(json!({"duration": "90s"})).await;
    let expires: jiff::Timestamp = answer["expires"].as_str().unwrap().parse().unwrap();
    let life = expires.duration_since(before).as_secs_f64();
    assert!((89.9..95.0).contains(&life), "{life}");
    assert_eq!(answer["duration"], "90s");
}

#[tokio::test]
async fn a_budget_duration_sets_an_aligned_reset() {
    let app = TestApp::new().await;
    let answer = app.generate(json!({"budget_duration": "1mo", "max_budget": 10})).await;
    let reset = answer["budget_reset_at"].as_str().unwrap();
    assert!(reset.ends_with("-01T00:00:00Z"), "{reset}");
    assert_eq!(answer["budget_duration"], "1mo");
}

#[tokio::test]
async fn durations_that_cannot_be_read_have_litellms_answers() {
    let app = TestApp::new().await;
    assert_eq!(
        app.post("/key/generate", json!({"duration": "5x"})).await,
        error(
            400,
            "invalid_request_error",
            "Unsupported duration unit, passed duration: 5x. Use a format like '30s', '24h', '7d' or '1mo'.",
            Some("duration")
        )
    );
    for wrong in ["5x", "5", "0d", "2mo"] {
        let message = format!(
            "{{'error': \"Invalid budget_duration '{wrong}'. Use a format like '1h', '24h', '7d', or '30d'.\"}}"
        );
        assert_eq!(
            app.post("/key/generate", json!({"budget_duration": wrong})).await,
            error(400, "invalid_request_error", &message, None)
        );
    }
}

#[tokio::test]
async fn a_key_type_chooses_the_routes() {
    let app = TestApp::new().await;
    for (key_type, routes) in [
        ("llm_api", json!(["llm_api_routes"])),
        ("management", json!(["management_routes"])),
        ("read_only", json!(["info_routes"])),
        ("default", json!([])),
    ] {
        let answer = app.generate(json!({"key_type": key_type})).await;
        assert_eq!(answer["allowed_routes"], routes, "{key_type}");
        assert_eq!(answer["key_type"], key_type);
    }
}

#[tokio::test]
async fn a_chosen_key_is_used_and_the_same_again_changes_nothing() {
    let app = TestApp::new().await;
    let chosen = "sk-chosen-0123456789";
    let first = app.generate(json!({"key": chosen, "key_alias": "mine"})).await;
    assert_eq!(first["key"], chosen);
    let second = app.generate(json!({"key": chosen, "max_budget": 5})).await;
    assert_eq!(second["key"], chosen);
    assert_eq!(second["key_alias"], "mine");
    assert_eq!(second["max_budget"], Value::Null);
}

#[tokio::test]
async fn a_chosen_key_must_be_long_and_begin_like_a_key() {
    let app = TestApp::new().await;
    assert_eq!(
        app.post("/key/generate", json!({"key": "sk-short"})).await,
        error(
            400,
            "invalid_request_error",
            "{'error': 'Invalid key format. LiteLLM Virtual Key must be at least 16 characters long.'}",
            None
        )
    );
    assert_eq!(
        app.post("/key/generate", json!({"key": "abcd-0123456789-gh12"})).await,
        error(
            400,
            "invalid_request_error",
            "{'error': \"Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: abcd****gh12\"}",
            None
        )
    );
}

#[tokio::test]
async fn an_alias_is_unique_among_live_keys() {
    let app = TestApp::new().await;
    let first = app.key(json!({"key_alias": "a1"})).await;
    assert_eq!(
        app.post("/key/generate", json!({"key_alias": "a1"})).await,
        error(
            400,
            "bad_request_error",
            "Key with alias 'a1' already exists. Unique key aliases across all keys are required.",
            Some("key_alias")
        )
    );
    app.post("/key/delete", json!({"keys": [first]})).await.ok();
    app.post("/key/generate", json!({"key_alias": "a1"})).await.ok();
}

#[tokio::test]
async fn of_many_who_want_one_alias_one_gets_it() {
    let app = TestApp::new().await;
    let all = (0..16).map(|_| app.post("/key/generate", json!({"key_alias": "wanted"})));
    let answers = futures(all).await;
    let won = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    let lost = answers.iter().filter(|answer| answer.status == StatusCode::BAD_REQUEST).count();
    assert_eq!((won, lost), (1, 15));
}

#[tokio::test]
async fn a_negative_budget_is_refused() {
    let app = TestApp::new().await;
    for field in ["max_budget", "soft_budget"] {
        let message = format!("{{'error': '{field} must be a non-negative finite number. Received: -1.0'}}");
        assert_eq!(
            app.post("/key/generate", json!({field: -1})).await,
            error(400, "invalid_request_error", &message, None)
        );
    }
    assert_eq!(app.generate(json!({"max_budget": 0})).await["max_budget"], 0.0);
}

#[tokio::test]
async fn a_field_of_the_wrong_type_is_named() {
    let app = TestApp::new().await;
    assert_eq!(
        app.post("/key/generate", json!({"models": "gpt-4o"})).await,
        complaint("list_type", &json!(["body", "models"]), "Input should be a valid list")
    );
    assert_eq!(
        app.post("/key/generate", json!({"models": "x", "metadata": 1, "rpm_limit": "many"})).await,
        Answer::of(
            422,
            json!({"detail": [
                {"type": "list_type", "loc": ["body", "models"], "msg": "Input should be a valid list"},
                {"type": "int_parsing", "loc": ["body", "rpm_limit"],
                 "msg": "Input should be a valid integer, unable to parse string as an integer"},
                {"type": "dict_type", "loc": ["body", "metadata"], "msg": "Input should be a valid dictionary"},
            ]})
        )
    );
}

#[tokio::test]
async fn a_body_is_required_and_must_be_json() {
    let app = TestApp::new().await;
    let missing = complaint("missing", &json!(["body"]), "Field required");
    assert_eq!(app.send(MASTER_KEY, Method::POST, "/key/generate", "").await, missing);
    assert_eq!(
        app.send(MASTER_KEY, Method::POST, "/key/generate", r#"{"a":"#).await,
        complaint("json_invalid", &json!(["body", 5]), "JSON decode error")
    );
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_in_the_envelope() {
    let app = TestApp::new().await;
    let answer = app.send(MASTER_KEY, Method::POST, "/key/generate", vec![b' '; 3 << 20]).await;
    assert_eq!(answer, error(413, "invalid_request_error", "The request body is too large.", None));
}

#[tokio::test]
async fn only_the_administrator_generates_keys() {
    let app = TestApp::new().await;
    let key = app.key(json!({})).await;
    let message = "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
                   keys/users/teams. Route=/key/generate. Your role=unknown. Your user_id=*******";
    assert_eq!(
        app.send(&key, Method::POST, "/key/generate", "{}").await,
        error(401, "auth_error", message, None)
    );
}

#[tokio::test]
async fn the_key_itself_is_nowhere_in_the_database() {
    let app = TestApp::new().await;
    let key = app.key(json!({"key_alias": "findable"})).await;
    app.app.store.close().await;
    let mut found_alias = false;
    for bytes in app.stored().await {
        let contains = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!contains(&key));
        found_alias |= contains("findable");
    }
    assert!(found_alias, "the search itself must be able to find something");
}

/// Waits for all at once.
async fn futures<F: Future>(all: impl Iterator<Item = F>) -> Vec<F::Output> {
    futures_util::future::join_all(all).await
}
