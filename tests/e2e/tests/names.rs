//! Names of models and settings of requests as `LiteLLM` takes them, through the real Envoy.

use fake_provider::{Fault, Provider, Step};
use serde_json::{Value, json};
use switchboard_e2e::{Config, MASTER_KEY, OPENAI_KEY, Setup, openai, question};

fn config(provider: &Provider) -> Config {
    let with = |name: &str, value: Value| {
        let mut params = openai("gpt-4o", &provider.base(), OPENAI_KEY);
        params[name] = value;
        params
    };
    Config::new()
        .model("openai/*", openai("*", &provider.base(), OPENAI_KEY))
        .model_with("pair", openai("gpt-4o", &provider.base(), OPENAI_KEY), json!({ "id": "pair-one" }))
        .model_with("pair", openai("gpt-4o-mini", &provider.base(), OPENAI_KEY), json!({ "id": "pair-two" }))
        .model("hasty", with("timeout", json!(1)))
        .model(
            "thoughtful",
            // The fake provider refuses what OpenAI does not know.
            with("extra_body", json!({ "prompt_cache_key": "k" })),
        )
        .model("lost", json!({ "model": "replicate/meta/llama", "api_key": "k" }))
        .model("saved", json!({ "model": "sagemaker/endpoint" }))
        .section(
            "router_settings",
            json!({ "num_retries": 0, "disable_cooldowns": true, "fallbacks": [{ "saved": ["pair"] }] }),
        )
}

#[tokio::test]
async fn names_and_settings_mean_what_they_mean_to_litellm() {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&config(&provider)).start();
    let client = stack.client();
    let ask = |body: &Value| client.post("/v1/chat/completions", body).key(MASTER_KEY);

    // A bare name, and the list that shows what it is one of.
    let case = provider.case();
    let answer = ask(&question("gpt-4o", &case.prompt("Hello"))).send().await.expect(200);
    assert_eq!(answer.header("x-litellm-model-group"), "openai/*");
    assert_eq!(case.requests()[0].json()["model"], "gpt-4o");
    let list = client.get("/v1/models").key(MASTER_KEY).send().await.expect(200).json();
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|id| id["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"openai/gpt-4o") && ids.contains(&"pair"), "{ids:?}");
    for hidden in ["openai/*", "lost", "pair-one"] {
        assert!(!ids.contains(&hidden), "{hidden} in {ids:?}");
    }

    // A deployment by its id, always the same one.
    for _ in 0..4 {
        let answer = ask(&question("pair-two", "Hello")).send().await.expect(200);
        assert_eq!(answer.header("x-litellm-model-id"), "pair-two");
    }

    // What cannot be served says so, or is served by its fallback.
    let error = ask(&question("lost", "Hello")).send().await.expect(400).error();
    assert!(error["message"].as_str().unwrap().contains("provider 'replicate' is not supported"), "{error}");
    let answer = ask(&question("saved", "Hello")).send().await.expect(200);
    assert_eq!(answer.header("x-litellm-model-group"), "pair");

    // The deployment's extra_body, and the request's headers.
    let case = provider.case();
    let mut body = question("thoughtful", &case.prompt("Hello"));
    body["extra_headers"] = json!({ "x-trace": "t-1" });
    body["priority"] = json!(1);
    ask(&body).send().await.expect(200);
    let asked = &case.requests()[0];
    assert_eq!(asked.json()["prompt_cache_key"], "k");
    assert_eq!(asked.json().get("priority"), None);
    assert_eq!(asked.headers["x-trace"], "t-1");

    // The time that counted.
    let case = provider.case();
    case.then(Step::fault(Fault::SlowFirstByte { ms: 4_000 }));
    let answer = ask(&question("hasty", &case.prompt("Hello"))).send().await.expect(408);
    assert_eq!(answer.header("x-litellm-timeout"), "1.0");
    assert!(answer.error()["message"].as_str().unwrap().ends_with("timeout value=1.0"), "{}", answer.text());
}
