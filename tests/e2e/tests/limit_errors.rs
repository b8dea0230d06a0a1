//! What a client is told that may not, or may no longer: statuses, bodies and headers as `LiteLLM` has them.

use fake_provider::Provider;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Config, OPENAI_KEY, Setup, Stack, openai, question, world};

async fn chat(key: &str) -> Answer {
    let world = world();
    let body = question("gpt-4o", &world.case().prompt("Hello"));
    world.stack.client().post("/v1/chat/completions", &body).key(key).send().await
}

async fn key(fields: Value) -> (String, Value) {
    let made = world().stack.generate_key(fields).await;
    (made["key"].as_str().expect("a key").to_owned(), made)
}

async fn made(path: &str, fields: Value) -> Value {
    world().as_master(path, &fields).send().await.expect(200).json()
}

fn message(error: &Value) -> &str {
    error["message"].as_str().expect("a text")
}

/// `… Limit resets at: 2026-11-22 13:09:04 UTC`, without the time.
fn without_time(text: &str) -> &str {
    let (text, time) = text.split_once(" Limit resets at: ").expect("a time");
    assert!(time.len() == "2026-11-22 13:09:04 UTC".len() && time.ends_with(" UTC"), "{time}");
    text
}

#[tokio::test]
async fn more_requests_than_a_minute_has() {
    let (key, made) = key(json!({ "rpm_limit": 1 })).await;
    let answer = chat(&key).await.expect(200);
    assert_eq!(answer.header("x-ratelimit-api_key-limit-requests"), "1");
    assert_eq!(answer.header("x-ratelimit-api_key-remaining-requests"), "0");
    assert_eq!(answer.header("x-litellm-key-rpm-limit"), "1");
    let answer = chat(&key).await.expect(429);
    let error = answer.error();
    assert_eq!(error["type"], "throttling_error");
    assert_eq!(error["param"], Value::Null);
    let token = made["token"].as_str().unwrap();
    assert_eq!(
        without_time(message(&error)),
        format!(
            "Rate limit exceeded for api_key: {token}. Limit type: requests. Current limit: 1, Remaining: 0."
        )
    );
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(answer.header("rate_limit_type"), "requests");
    assert!(message(&error).ends_with(&answer.header("reset_at")), "{answer:?}");
}

#[tokio::test]
async fn more_tokens_than_a_minute_has() {
    // Eighteen tokens a request; the first is let in, however many it takes.
    let (key, _) = key(json!({ "tpm_limit": 10 })).await;
    let answer = chat(&key).await.expect(200);
    assert_eq!(answer.header("x-ratelimit-api_key-limit-tokens"), "10");
    assert_eq!(answer.header("x-litellm-key-tpm-limit"), "10");
    let answer = chat(&key).await.expect(429);
    assert!(message(&answer.error()).contains("Limit type: tokens. Current limit: 10, Remaining: 0."));
    assert_eq!(answer.header("rate_limit_type"), "tokens");
}

#[tokio::test]
async fn more_requests_than_a_model_has() {
    let (key, made) = key(json!({ "model_rpm_limit": { "gpt-4o": 1 } })).await;
    let answer = chat(&key).await.expect(200);
    assert_eq!(answer.header("x-ratelimit-model_per_key-limit-requests"), "1");
    let error = chat(&key).await.expect(429).error();
    let token = made["token"].as_str().unwrap();
    let subject = format!("Rate limit exceeded for model_per_key: {token}:gpt-4o. Limit type: requests.");
    assert!(message(&error).starts_with(&subject), "{error}");
    let body = question("demo", "Hello");
    world().stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
}

#[tokio::test]
async fn a_budget_that_is_spent() {
    let (key, made) = key(json!({ "max_budget": 0.000_001 })).await;
    let answer = chat(&key).await.expect(200);
    assert_eq!(answer.header("x-litellm-key-max-budget"), "1e-06");
    // 11 tokens at 2.5e-6 and 7 at 1e-5.
    assert_eq!(answer.header("x-litellm-key-spend"), "9.75e-05");
    let error = chat(&key).await.expect(422).error();
    assert_eq!(error["type"], "budget_exceeded");
    let name = made["key_name"].as_str().unwrap();
    assert_eq!(
        message(&error),
        format!("Budget has been exceeded! Key=key ({name}) Current cost: 9.75e-05, Max budget: 1e-06")
    );
}

#[tokio::test]
async fn a_budget_of_nothing_refuses_all() {
    let (key, _) = key(json!({ "max_budget": 0 })).await;
    let error = chat(&key).await.expect(422).error();
    assert!(message(&error).ends_with("Current cost: 0.0, Max budget: 0.0"), "{error}");
}

#[tokio::test]
async fn the_budgets_of_teams_and_users_speak_for_themselves() {
    let team = made("/team/new", json!({ "max_budget": 0.000_001 })).await;
    let team = team["team_id"].as_str().unwrap();
    made(
        "/user/new",
        json!({ "user_id": "bob-who-spends", "max_budget": 0.000_001, "auto_create_key": false }),
    )
    .await;
    for (fields, said) in [
        (
            json!({ "team_id": team }),
            format!("Budget has been exceeded! Team={team} Current cost: 9.75e-05, Max budget: 1e-06"),
        ),
        (
            json!({ "user_id": "bob-who-spends" }),
            "ExceededBudget: User=bob-who-spends over budget. Spend=9.75e-05, Budget=1e-06".to_owned(),
        ),
    ] {
        // Two keys, one budget.
        let (first, _) = key(fields.clone()).await;
        let (second, _) = key(fields).await;
        chat(&first).await.expect(200);
        let error = chat(&second).await.expect(422).error();
        assert_eq!(message(&error), said);
    }
}

#[tokio::test]
async fn the_status_of_a_spent_budget_is_a_setting() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new()
        .model_with(
            "gpt-4o",
            openai("gpt-4o", &provider.base(), OPENAI_KEY),
            json!({ "output_cost_per_token": 1 }),
        )
        .section("litellm_settings", json!({ "budget_exceeded_status_code": 429 }));
    let stack: Stack = Setup::new(&config).start();
    let made = stack.generate_key(json!({ "max_budget": 1 })).await;
    let ask = || {
        let call = stack.client().post("/v1/chat/completions", &question("gpt-4o", "Hello"));
        call.key(made["key"].as_str().unwrap()).send()
    };
    ask().await.expect(200);
    assert_eq!(ask().await.expect(429).error()["type"], "budget_exceeded");
}

#[tokio::test]
async fn a_route_that_is_not_allowed() {
    let (key, _) = key(json!({ "allowed_routes": ["/v1/embeddings", "/openai/*"] })).await;
    let answer = chat(&key).await.expect(403);
    assert_eq!(
        answer.json(),
        json!({ "detail": "Virtual key is not allowed to call this route. Only allowed to call routes: \
                          ['/v1/embeddings', '/openai/*']. Tried to call route: /v1/chat/completions" })
    );
    let client = world().stack.client();
    let body = question("demo", "Hello");
    client.post("/openai/deployments/demo/chat/completions", &body).key(&key).send().await.expect(200);
    client.get("/v1/models").key(&key).send().await.expect(403);
}

#[tokio::test]
async fn a_group_of_routes_opens_what_it_names() {
    let (key, _) = key(json!({ "key_type": "llm_api" })).await;
    chat(&key).await.expect(200);
    world().stack.client().get("/v1/models").key(&key).send().await.expect(200);
    world().stack.client().get("/model/info").key(&key).send().await.expect(403);
}

#[tokio::test]
async fn a_team_that_is_blocked_gone_or_restricted() {
    let team = made("/team/new", json!({ "models": ["demo"] })).await;
    let team = team["team_id"].as_str().unwrap();
    let (key, _) = key(json!({ "team_id": team })).await;
    let error = chat(&key).await.expect(403).error();
    assert_eq!(error["type"], "team_model_access_denied");
    assert_eq!(error["param"], "model");
    assert!(message(&error).starts_with("The requested model 'gpt-4o' is not available"), "{error}");
    let ask = || {
        let call = world().stack.client().post("/v1/chat/completions", &question("demo", "Hello"));
        call.key(&key).send()
    };
    ask().await.expect(200);
    made("/team/block", json!({ "team_id": team })).await;
    // `revocation.rs` says how soon.
    let mut answer = ask().await;
    for _ in 0..500 {
        if answer.status != 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        answer = ask().await;
    }
    let error = answer.expect(401).error();
    assert_eq!(
        message(&error),
        format!(
            "Authentication Error, Team={team} is blocked. Update via `/team/unblock` if you're an admin."
        )
    );
    let (orphan, _) = self::key(json!({ "team_id": "no-such-team" })).await;
    let error = chat(&orphan).await.expect(404).error();
    assert!(message(&error).starts_with("Team doesn't exist in db."), "{error}");
}

#[tokio::test]
async fn the_master_key_has_no_limits_and_an_unlimited_key_no_limit_headers() {
    let (key, _) = key(json!({})).await;
    let answer = chat(&key).await.expect(200);
    assert!(
        answer.headers.keys().all(|name| !name.as_str().starts_with("x-ratelimit-api_key")),
        "{answer:?}"
    );
    let body = question("gpt-4o", &world().case().prompt("Hello"));
    for _ in 0..3 {
        let answer = world().as_master("/v1/chat/completions", &body).send().await.expect(200);
        assert!(answer.headers.get("x-litellm-key-spend").is_none());
    }
}
