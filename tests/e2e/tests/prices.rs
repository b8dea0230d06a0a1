//! What requests cost: the header that tells the client, and the spend of its key, are one number.

use std::time::{Duration, Instant};

use fake_provider::{Provider, Reply, Step, Usage};
use serde_json::json;
use switchboard_e2e::{ANTHROPIC_KEY, Config, MASTER_KEY, OPENAI_KEY, Setup, anthropic, openai, question};

#[tokio::test]
async fn the_header_and_the_spend_agree_for_built_in_own_tiered_and_unknown_prices() {
    let provider = Provider::start().expect("a provider");
    let base = provider.base();
    let config = Config::new()
        .model("gpt-4o", openai("gpt-4o", &base, OPENAI_KEY))
        .model("claude", anthropic("claude-sonnet-4-5", &base, ANTHROPIC_KEY))
        .model_with(
            "named",
            openai("our-own-name", &base, OPENAI_KEY),
            json!({ "base_model": "gpt-4o-mini" }),
        )
        .model_with(
            "priced",
            openai("gpt-4o", &base, OPENAI_KEY),
            json!({ "input_cost_per_token": 1e-6, "output_cost_per_reasoning_token": 5e-6 }),
        )
        .model("unknown", openai("nobody-knows-it", &base, OPENAI_KEY));
    let stack = Setup::new(&config).start();
    let client = stack.client();
    let usage = |input, cached, cache_write, output, reasoning| Usage {
        input,
        cached,
        cache_write,
        output,
        reasoning,
    };
    // Dollars for a million tokens stand behind each row: fresh, cached, written, said, reasoned.
    for (model, usage, cost) in [
        // 2.5, 1.25, -, 10
        ("gpt-4o", usage(600, 400, 0, 100, 0), "0.003"),
        // 3, 0.3, 3.75, 15
        ("claude", usage(1_000, 1_000, 1_000, 100, 0), "0.00855"),
        // 6, 0.6, 7.5, 22.5: above 200,000 tokens all of them are dearer
        ("claude", usage(150_000, 100_000, 1_000, 1_000, 0), "0.99"),
        // 0.15, 0.075, -, 0.6
        ("named", usage(1_000, 1_000, 0, 1_000, 0), "0.000825"),
        // 1, -, -, 0, 5
        ("priced", usage(1_000, 0, 0, 200, 100), "0.0015"),
    ] {
        let key = stack.key().await;
        let case = provider.case();
        case.then(Step::reply(Reply::text("Hi").usage(usage)));
        let body = question(model, &case.prompt("Hello"));
        let answer = client.post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
        assert_eq!(answer.header("x-litellm-response-cost"), cost, "{model} {usage:?}");
        let cost: f64 = cost.parse().expect("a number");
        let begun = Instant::now();
        loop {
            let info = client.get(&format!("/key/info?key={key}")).key(MASTER_KEY).send().await.expect(200);
            let spend = info.json()["info"]["spend"].as_f64().expect("a number");
            if (spend - cost).abs() < 1e-12 {
                break;
            }
            assert!(
                spend == 0.0 && begun.elapsed() < Duration::from_secs(10),
                "{model}: {spend}, not {cost}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let case = provider.case();
    let body = question("unknown", &case.prompt("Hello"));
    let answer = client.post("/v1/chat/completions", &body).key(MASTER_KEY).send().await.expect(200);
    assert!(answer.header("x-litellm-response-cost").parse::<f64>().unwrap_or_default() == 0.0, "{answer:?}");
}

#[tokio::test]
async fn a_wildcards_requests_are_priced_by_their_model_and_a_budget_holds_them() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model("openai/*", openai("*", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).start();
    let client = stack.client();
    let made = client.post("/key/generate", &json!({ "max_budget": 0.0003 })).key(MASTER_KEY).send().await;
    let key = made.expect(200).json()["key"].as_str().expect("a key").to_owned();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let case = provider.case();
        let usage = Usage { input: 40, output: 10, ..Usage::default() };
        case.then(Step::reply(Reply::text("Hi").usage(usage)));
        let body = question("openai/gpt-4o", &case.prompt("Hello"));
        let answer = client.post("/v1/chat/completions", &body).key(&key).send().await;
        if answer.status == 200 {
            // 2.5 and 10 dollars for a million tokens.
            assert_eq!(answer.header("x-litellm-response-cost"), "0.0002");
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 422]);
}

#[tokio::test]
async fn model_info_shows_prices_and_what_the_operator_says_of_a_model() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model_with(
        "gpt-4o",
        openai("gpt-4o", &provider.base(), OPENAI_KEY),
        json!({ "supports_vision": true, "owner": { "team": "blue" } }),
    );
    let stack = Setup::new(&config).start();
    let answer = stack.client().get("/model/info").key(MASTER_KEY).send().await.expect(200);
    let info = answer.json()["data"][0]["model_info"].clone();
    assert_eq!(info["supports_vision"], json!(true));
    assert_eq!(info["owner"], json!({ "team": "blue" }));
    assert_eq!(info["input_cost_per_token"], json!(2.5e-6));
    assert_eq!(info["cache_read_input_token_cost"], json!(1.25e-6));
}
