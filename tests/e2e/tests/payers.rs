//! Customers, tags and organizations: in every client language, and with every key.

use std::time::{Duration, Instant};

use fake_provider::{Case, Provider, Reply, Step, Usage};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Call, Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, openai, question};
use tokio::task::JoinSet;

/// How long a worker may not know of a change.
const SOON: Duration = Duration::from_secs(2);

fn stack(provider: &Provider) -> Stack {
    let priced = json!({ "input_cost_per_token": 0.000_002_5, "output_cost_per_token": 0.000_01 });
    let config = Config::new()
        .model_with("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY), priced)
        .section("router_settings", json!({ "num_retries": 0 }))
        .section(
            "general_settings",
            json!({ "user_header_mappings": [{ "header_name": "X-Customer", "litellm_user_role": "customer" }] }),
        );
    Setup::new(&config).workers(2).start()
}

async fn admin(stack: &Stack, path: &str, body: Value) -> Value {
    stack.client().post(path, &body).key(MASTER_KEY).send().await.expect(200).json()
}

/// Creates a customer, and waits until the workers know that there are customers.
async fn customer(stack: &Stack, fields: Value) {
    admin(stack, "/customer/new", json!({ "user_id": "probe", "rpm_limit": 1_000_000 })).await;
    admin(stack, "/customer/new", fields).await;
    let (begun, mut seen) = (Instant::now(), 0);
    // Both workers: connections go to either.
    while seen < 20 {
        let answer =
            stack.client().post("/v1/chat/completions", &question("gpt-4o", "Hello")).key(MASTER_KEY);
        let answer = answer.header("x-litellm-customer-id", "probe").send().await.expect(200);
        let is_known = answer.headers.contains_key("x-ratelimit-end_user-limit-requests");
        seen = if is_known { seen + 1 } else { 0 };
        assert!(is_known || begun.elapsed() < SOON, "{:?}", answer.headers);
    }
}

/// A case of which a request costs 0.003 dollars.
fn case(provider: &Provider) -> Case {
    let case = provider.case();
    let usage = Usage { input: 800, cached: 0, cache_write: 0, output: 100, reasoning: 0 };
    case.then(Step::reply(Reply::text("Hi").usage(usage)));
    case
}

async fn spend(stack: &Stack, id: &str) -> f64 {
    let info = stack.client().get(&format!("/customer/info?end_user_id={id}")).key(MASTER_KEY).send().await;
    info.expect(200).json()["spend"].as_f64().expect("a number")
}

#[tokio::test]
async fn a_budget_is_spent_in_every_language_and_with_every_key() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    customer(&stack, json!({ "user_id": "c", "max_budget": 0.01 })).await;
    let case = case(&provider);
    let prompt = case.prompt("Hello");
    let client = stack.client();
    let named = |body: &Value, more: Value| {
        let mut body = body.clone();
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let chat = question("gpt-4o", &prompt);
    let messages = named(&chat, json!({ "max_tokens": 100, "metadata": { "user_id": "c" } }));
    let responses = json!({ "model": "gpt-4o", "input": prompt, "safety_identifier": "c" });
    let calls: Vec<Call> = vec![
        client.post("/v1/chat/completions", &named(&chat, json!({ "user": "c" }))).key(MASTER_KEY),
        client.post("/v1/messages", &messages).key(&stack.key().await),
        client.post("/v1/responses", &responses).key(&stack.key().await),
        client.post("/v1/chat/completions", &chat).header("x-customer", "c").key(&stack.key().await),
    ];
    for call in calls {
        call.send().await.expect(200);
    }
    let over =
        client.post("/v1/chat/completions", &named(&chat, json!({ "user": "c" }))).key(&stack.key().await);
    let over = over.send().await.expect(422);
    let message = over.error()["message"].as_str().expect("a message").to_owned();
    assert!(
        message.starts_with("ExceededBudget: End User=c over budget. Spend=0.012, Budget=0.01"),
        "{message}"
    );
    client.post("/v1/chat/completions", &chat).key(MASTER_KEY).send().await.expect(200);
    let begun = Instant::now();
    while (spend(&stack, "c").await - 0.012).abs() > 1e-9 {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", spend(&stack, "c").await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn workers_let_in_exactly_the_requests_of_a_minute_over_all_keys() {
    const CLIENTS: usize = 32;
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    customer(&stack, json!({ "user_id": "c", "rpm_limit": 100 })).await;
    let case = provider.case();
    let prompt = case.prompt("Hello");
    let keys = [stack.key().await, stack.key().await, MASTER_KEY.to_owned()];
    let mut clients = JoinSet::new();
    for at in 0..CLIENTS {
        let (client, key, prompt) = (stack.client(), keys[at % keys.len()].clone(), prompt.clone());
        clients.spawn(async move {
            let mut statuses = Vec::new();
            for _ in 0..6 {
                let call = client.post("/v1/chat/completions", &question("gpt-4o", &prompt)).key(&key);
                let answer: Answer = call.header("x-litellm-end-user-id", "c").send().await;
                statuses.push(answer.status);
            }
            statuses
        });
    }
    let statuses = clients.join_all().await.concat();
    let count = |status: u16| statuses.iter().filter(|other| **other == status).count();
    assert_eq!((count(200), count(429)), (100, CLIENTS * 6 - 100));
}

#[tokio::test]
async fn a_blocked_customer_is_rejected_soon_by_every_worker_and_served_again_when_unblocked() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    customer(&stack, json!({ "user_id": "c" })).await;
    let case = provider.case();
    let prompt = case.prompt("Hello");
    for (path, status) in [("/customer/block", 400), ("/end_user/unblock", 200), ("/customer/block", 400)] {
        admin(&stack, path, json!({ "user_ids": ["c"] })).await;
        let (changed, mut seen) = (Instant::now(), 0);
        while seen < 20 {
            let call =
                stack.client().post("/v1/chat/completions", &question("gpt-4o", &prompt)).key(MASTER_KEY);
            let answer = call.header("x-litellm-end-user-id", "c").send().await;
            seen = if answer.status == status { seen + 1 } else { 0 };
            assert!(seen > 0 || changed.elapsed() < SOON, "{path}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn an_organizations_budget_is_spent_by_the_keys_of_its_teams() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let body = json!({ "organization_id": "o", "organization_alias": "o", "max_budget": 0.005, "models": ["gpt-4o"] });
    admin(&stack, "/organization/new", body).await;
    let mut keys = Vec::new();
    for team in ["t1", "t2"] {
        admin(&stack, "/team/new", json!({ "team_id": team, "organization_id": "o" })).await;
        let key =
            stack.generate_key(json!({ "team_id": team })).await["key"].as_str().expect("a key").to_owned();
        keys.push(key);
    }
    let case = case(&provider);
    let prompt = case.prompt("Hello");
    let ask =
        |key: &str| stack.client().post("/v1/chat/completions", &question("gpt-4o", &prompt)).key(key).send();
    ask(&keys[0]).await.expect(200);
    ask(&keys[1]).await.expect(200);
    let over = ask(&keys[0]).await.expect(422);
    let message = over.error()["message"].as_str().expect("a message").to_owned();
    assert_eq!(message, "Budget has been exceeded! Organization=o Current cost: 0.006, Max budget: 0.005");
}

#[tokio::test]
async fn a_tag_is_limited_whether_the_request_or_its_key_has_it() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    admin(&stack, "/tag/new", json!({ "name": "a", "max_budget": 0.005 })).await;
    customer(&stack, json!({ "user_id": "c" })).await;
    let case = case(&provider);
    let mut named = question("gpt-4o", &case.prompt("Hello"));
    let tagged =
        stack.generate_key(json!({ "tags": ["a"] })).await["key"].as_str().expect("a key").to_owned();
    let client = stack.client();
    client
        .post("/v1/chat/completions", &named)
        .key(&tagged)
        .header("x-litellm-tags", "a")
        .send()
        .await
        .expect(200);
    named["metadata"] = json!({ "tags": ["a", "b"] });
    client.post("/v1/chat/completions", &named).key(MASTER_KEY).send().await.expect(200);
    let over = client.post("/v1/chat/completions", &named).key(&stack.key().await).send().await.expect(422);
    let message = over.error()["message"].as_str().expect("a message").to_owned();
    assert_eq!(message, "Budget has been exceeded! Tag=a Current cost: 0.006, Max budget: 0.005");
}
