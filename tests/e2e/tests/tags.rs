//! Routing by tags: the deployments of a group that serve a request are those with its tags.

use std::collections::BTreeSet;

use fake_provider::{Provider, Step};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, openai, question};

/// A deployment at an account of the provider, whose name is its tag, too.
fn tagged(provider: &Provider, account: &str, tags: Value) -> Value {
    let mut params = openai("gpt-4o", &format!("{}/{account}", provider.base()), OPENAI_KEY);
    params["tags"] = tags;
    params
}

fn config(provider: &Provider, match_any: bool) -> Config {
    let model = |account: &str, tags: Value| tagged(provider, account, tags);
    let titan = |account: &str, tags: Value| {
        json!({"model": "bedrock/amazon.titan-embed-text-v2:0", "api_base": format!("{}/{account}", provider.base()),
            "api_key": "bedrock-key", "aws_region_name": "us-east-1", "tags": tags})
    };
    Config::new()
        .model("tiers", model("free", json!(["free"])))
        .model("tiers", model("paid-a", json!(["paid", "a"])))
        .model("tiers", model("paid-b", json!(["paid", "b"])))
        .model("tiers", model("standard", json!(["default"])))
        .model("strict", model("free", json!(["free"])))
        .model("strict", model("paid-a", json!(["paid"])))
        .model("rescued", model("free", json!(["free"])))
        .model("plain", openai("gpt-4o", &format!("{}/plain", provider.base()), OPENAI_KEY))
        .model("embed", titan("free", json!(["free"])))
        .model("embed", titan("standard", json!(["default"])))
        .section(
            "router_settings",
            json!({
                "enable_tag_filtering": true, "tag_filtering_match_any": match_any, "num_retries": 3,
                "fallbacks": [{ "rescued": ["strict", "tiers"] }],
            }),
        )
}

async fn ask(stack: &Stack, model: &str, prompt: &str, tags: Value, key: &str) -> Answer {
    let mut body = question(model, prompt);
    body["metadata"] = json!({ "tags": tags });
    stack.client().post("/v1/chat/completions", &body).key(key).send().await
}

/// The accounts that serve ten requests.
async fn accounts(
    provider: &Provider,
    stack: &Stack,
    model: &str,
    tags: Value,
    key: &str,
) -> BTreeSet<String> {
    let case = provider.case();
    let prompt = case.prompt("Hello");
    for _ in 0..10 {
        ask(stack, model, &prompt, tags.clone(), key).await.expect(200);
    }
    case.requests().into_iter().map(|request| request.account).collect()
}

fn set(accounts: &[&str]) -> BTreeSet<String> {
    accounts.iter().map(|account| (*account).to_owned()).collect()
}

async fn generate(stack: &Stack, fields: Value) -> String {
    stack.generate_key(fields).await["key"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn a_request_is_served_by_the_deployments_with_one_of_its_tags() {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&config(&provider, true)).workers(2).start();
    for (tags, served) in [
        (json!([]), &["standard"][..]),
        (json!(["unknown"]), &["standard"]),
        (json!(["free"]), &["free"]),
        (json!(["paid"]), &["paid-a", "paid-b"]),
        (json!(["b", "free", "unknown"]), &["free", "paid-b"]),
        (json!(["paid", "!a"]), &["paid-b"]),
        (json!(["free", "paid", "default"]), &["free", "paid-a", "paid-b", "standard"]),
    ] {
        assert_eq!(
            accounts(&provider, &stack, "tiers", tags.clone(), MASTER_KEY).await,
            set(served),
            "{tags}"
        );
    }
    // The tags of a key and its team count, too.
    stack
        .client()
        .post("/team/new", &json!({ "team_id": "t", "tags": ["b"] }))
        .key(MASTER_KEY)
        .send()
        .await
        .expect(200);
    let of_key = generate(&stack, json!({ "metadata": { "tags": ["free"] } })).await;
    let of_team = generate(&stack, json!({ "team_id": "t" })).await;
    assert_eq!(accounts(&provider, &stack, "tiers", json!([]), &of_key).await, set(&["free"]));
    assert_eq!(accounts(&provider, &stack, "tiers", json!([]), &of_team).await, set(&["paid-b"]));
    assert_eq!(accounts(&provider, &stack, "tiers", json!(["a"]), &of_key).await, set(&["free", "paid-a"]));

    // In the header, and in another client's language.
    let case = provider.case();
    let body = json!({ "model": "tiers", "max_tokens": 9, "messages": [{ "role": "user", "content": case.prompt("Hi") }] });
    let call = stack.client().post("/v1/messages", &body).key(MASTER_KEY).header("x-litellm-tags", "x, b");
    call.send().await.expect(200);
    assert_eq!(case.requests()[0].account, "paid-b");

    // Retries stay among them.
    let case = provider.case();
    case.then(Step::status(500)).then(Step::status(500)).then(Step::default());
    let answer = ask(&stack, "tiers", &case.prompt("Hello"), json!(["paid"]), MASTER_KEY).await.expect(200);
    assert_eq!(answer.header("x-litellm-model-group"), "tiers");
    let asked: Vec<String> = case.requests().into_iter().map(|request| request.account).collect();
    assert!(
        asked.len() == 3 && asked[0] != asked[1] && asked.iter().all(|a| a.starts_with("paid-")),
        "{asked:?}"
    );

    // Each text of a split request is a separate request, with the same tags.
    let case = provider.case();
    let texts: Vec<String> = (0..12).map(|at| case.prompt(&format!("Text {at}"))).collect();
    let call =
        stack.client().post("/v1/embeddings", &json!({ "model": "embed", "input": texts })).key(&of_key);
    call.send().await.expect(200);
    let asked: BTreeSet<String> = case.requests().into_iter().map(|request| request.account).collect();
    assert_eq!((case.requests().len(), asked), (12, set(&["free"])));
}

#[tokio::test]
async fn tags_that_fit_no_deployment_are_an_error_unless_a_fallback_fits() {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&config(&provider, true)).start();
    for model in ["strict", "plain"] {
        let key = generate(&stack, json!({ "tags": ["a"] })).await;
        let error = ask(&stack, model, "Hello", json!(["x"]), &key).await.expect(401).error();
        let message = format!(
            "Not allowed to access model due to tags configuration. Passed model={model} and tags=['a', 'x']"
        );
        assert_eq!(error["message"], json!(message));
    }
    // Without tags, all deployments serve.
    assert_eq!(accounts(&provider, &stack, "strict", json!([]), MASTER_KEY).await, set(&["free", "paid-a"]));
    assert_eq!(accounts(&provider, &stack, "plain", json!([]), MASTER_KEY).await, set(&["plain"]));
    // `strict` has no deployment for it either, so the second fallback serves.
    let case = provider.case();
    let answer = ask(&stack, "rescued", &case.prompt("Hello"), json!(["b"]), MASTER_KEY).await.expect(200);
    assert_eq!(answer.header("x-litellm-model-group"), "tiers");
    assert_eq!(case.requests()[0].account, "paid-b");
    let mut body = question("rescued", "Hello");
    body["tags"] = json!(["b"]);
    body["disable_fallbacks"] = json!(true);
    let call = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY);
    call.send().await.expect(401);
}

#[tokio::test]
async fn without_match_any_a_deployment_needs_all_tags_of_the_request() {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&config(&provider, false)).start();
    for (tags, served) in [
        (json!(["paid"]), &["paid-a", "paid-b"][..]),
        (json!(["paid", "a"]), &["paid-a"]),
        (json!(["unknown"]), &["standard"]),
        (json!([]), &["standard"]),
    ] {
        assert_eq!(
            accounts(&provider, &stack, "tiers", tags.clone(), MASTER_KEY).await,
            set(served),
            "{tags}"
        );
    }
    ask(&stack, "tiers", "Hello", json!(["paid", "unknown"]), MASTER_KEY).await.expect(401);
    ask(&stack, "tiers", "Hello", json!(["free", "paid"]), MASTER_KEY).await.expect(401);
}
