//! What requests cost: the header that tells the client, and the spend of its key, are one number.

use std::time::{Duration, Instant};

use fake_provider::case::Wire;
use fake_provider::{Provider, Reply, Step, Usage};
use serde_json::{Value, json};
use switchboard_e2e::{
    ANTHROPIC_KEY, Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, anthropic, openai, question,
};

/// Waits until the key service has recorded that a key has spent so much, and nothing else.
async fn expect_spend(stack: &Stack, key: &str, cost: &str, what: &str) {
    let cost: f64 = cost.parse().expect("a number");
    let begun = Instant::now();
    loop {
        let info =
            stack.client().get(&format!("/key/info?key={key}")).key(MASTER_KEY).send().await.expect(200);
        let spend = info.json()["info"]["spend"].as_f64().expect("a number");
        if (spend - cost).abs() < 1e-12 {
            return;
        }
        assert!(spend == 0.0 && begun.elapsed() < Duration::from_secs(10), "{what}: {spend}, not {cost}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

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
        expect_spend(&stack, &key, cost, model).await;
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
async fn a_budget_for_a_model_holds_behind_a_wildcard() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model("openai/*", openai("*", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).start();
    let client = stack.client();
    let budget =
        json!({ "model_max_budget": { "gpt-4o": { "max_budget": 0.0003, "budget_duration": "1d" } } });
    let made = client.post("/key/generate", &budget).key(MASTER_KEY).send().await.expect(200);
    let key = made.json()["key"].as_str().expect("a key").to_owned();
    let mut statuses = Vec::new();
    // By its full name and by its bare one it is the same model; the other has no budget.
    for model in ["openai/gpt-4o", "gpt-4o", "openai/gpt-4o", "gpt-4o", "openai/gpt-4o-mini"] {
        let case = provider.case();
        let usage = Usage { input: 40, output: 10, ..Usage::default() };
        case.then(Step::reply(Reply::text("Hi").usage(usage)));
        let body = question(model, &case.prompt("Hello"));
        let answer = client.post("/v1/chat/completions", &body).key(&key).send().await;
        if answer.status != 200 {
            assert!(answer.text().contains("exceeded budget for model=gpt-4o"), "{}", answer.text());
        }
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 422, 422, 200]);
}

#[tokio::test]
async fn the_spend_of_a_key_without_limits_includes_what_other_workers_have_spent() {
    let provider = Provider::start().expect("a provider");
    let config = Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).workers(4).start();
    let key = stack.key().await;
    let case = provider.case();
    let prompt = case.prompt("Hello");
    // A client of its own is a connection of its own, which any of the workers may get. A call costs 0.0002 dollars.
    let ask = async || {
        let usage = Usage { input: 40, output: 10, ..Usage::default() };
        case.then(Step::reply(Reply::text("Hi").usage(usage)));
        let body = question("gpt-4o", &prompt);
        let answer = stack.client().post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
        answer.header("x-litellm-key-spend").parse::<f64>().expect("dollars")
    };
    let calls = 32_u32;
    for _ in 0..calls {
        ask().await;
    }
    // The report of one worker, and then the next question of another.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    for call in 1..=8_u32 {
        let spend = ask().await;
        let least = 0.0002 * f64::from(calls + 1);
        let most = 0.0002 * f64::from(calls + call);
        assert!(spend > least - 1e-9 && spend < most + 1e-9, "{call}: {spend}, not {least} to {most}");
    }
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

/// An answer of 1,000 prompt tokens and 100 completion tokens in `OpenAI`'s language, with further members of its usage and
/// its message.
fn chat(usage: Value, message: Value) -> Value {
    let mut answer = json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "up",
        "choices": [{
            "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": "Hi" },
        }],
        "usage": { "prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100 },
    });
    let add = |place: &mut Value, more: Value| {
        let Value::Object(more) = more else { return };
        place.as_object_mut().expect("an object").extend(more);
    };
    add(&mut answer["usage"], usage);
    add(&mut answer["choices"][0]["message"], message);
    answer
}

/// The same in Gemini's language.
fn gemini(usage: Value, candidate: Value) -> Value {
    let mut answer = json!({
        "candidates": [{ "content": { "parts": [{ "text": "Hi" }], "role": "model" }, "finishReason": "STOP" }],
        "usageMetadata": { "promptTokenCount": 1_000, "candidatesTokenCount": 100, "totalTokenCount": 1_100 },
    });
    for (place, more) in [("/usageMetadata", usage), ("/candidates/0", candidate)] {
        let Value::Object(more) = more else { continue };
        let place = answer.pointer_mut(place).and_then(Value::as_object_mut);
        place.expect("an object").extend(more);
    }
    answer
}

fn cited() -> Value {
    json!({ "annotations": [{ "type": "url_citation", "url_citation": {
        "start_index": 0, "end_index": 2, "title": "A", "url": "https://a.b",
    } }] })
}

fn grounded() -> Value {
    json!({ "groundingMetadata": { "webSearchQueries": ["a", "b"] } })
}

/// A configuration of models at the scripted provider; those called `own-…` have a price of the operator's.
fn scripted(base: &str, models: &[&str]) -> Config {
    models.iter().fold(Config::new(), |config, model| {
        let named = model.strip_prefix("own-").unwrap_or(model);
        let (provider, _) = named.split_once('/').expect("a provider");
        let params = json!({
            "model": named, "api_base": format!("{base}/scripted/{provider}"), "api_key": "sk-up",
        });
        let info = if named == *model { json!({}) } else { json!({ "input_cost_per_token": 1e-6 }) };
        config.model_with(model, params, info)
    })
}

#[tokio::test]
async fn an_answer_costs_what_its_tier_its_searches_and_the_provider_itself_say() {
    let provider = Provider::start().expect("a provider");
    let flash = "gemini/gemini-2.5-flash";
    let nova = "bedrock/amazon.nova-pro-v1:0";
    let search = "openai/gpt-4o-search-preview";
    let sonar = "perplexity/sonar";
    let grok = "xai/grok-4";
    let router = "openrouter/some/model";
    let models = [
        flash,
        nova,
        search,
        sonar,
        grok,
        router,
        "own-openrouter/some/model",
        "gemini/gemini-3-pro-preview",
        "openai/gpt-4.1",
        "anthropic/claude-sonnet-4-5",
    ];
    let stack = Setup::new(&scripted(&provider.base(), &models)).start();
    let client = stack.client();
    let converse = |tier: Value| {
        let mut answer = json!({
            "output": { "message": { "role": "assistant", "content": [{ "text": "Hi" }] } },
            "stopReason": "end_turn",
            "usage": { "inputTokens": 1_000, "outputTokens": 100, "totalTokens": 1_100 },
        });
        if !tier.is_null() {
            answer["serviceTier"] = json!({ "type": tier });
        }
        answer
    };
    let claude = json!({
        "id": "m", "type": "message", "role": "assistant", "model": "up", "stop_reason": "end_turn",
        "content": [{ "type": "text", "text": "Hi" }],
        "usage": { "input_tokens": 1_000, "output_tokens": 100,
            "server_tool_use": { "web_search_requests": 2 } },
    });
    let none = || json!({});
    let high = json!({ "web_search_options": { "search_context_size": "high" } });
    for (model, asked, answer, cost) in [
        // The answer tells the tier: 0.3 and 2.5 dollars for a million tokens, or half of it.
        (flash, none(), gemini(none(), none()), "0.00055"),
        (flash, none(), gemini(json!({ "trafficType": "ON_DEMAND_FLEX" }), none()), "0.000275"),
        (
            flash,
            json!({ "service_tier": "flex" }),
            gemini(json!({ "trafficType": "ON_DEMAND" }), none()),
            "0.00055",
        ),
        (nova, none(), converse(json!("flex")), "0.00056"),
        (nova, json!({ "service_tier": "flex" }), converse(json!("default")), "0.00112"),
        (nova, json!({ "service_tier": "flex" }), converse(Value::Null), "0.00056"),
        // Searches: a prompt that is grounded, every query, a citation.
        (flash, none(), gemini(none(), grounded()), "0.03555"),
        ("gemini/gemini-3-pro-preview", none(), gemini(none(), grounded()), "0.0312"),
        ("anthropic/claude-sonnet-4-5", none(), claude, "0.0245"),
        (search, none(), chat(none(), cited()), "0.0285"),
        (search, none(), chat(none(), none()), "0.0035"),
        (search, high.clone(), chat(none(), cited()), "0.0285"),
        ("openai/gpt-4.1", none(), chat(none(), cited()), "0.0028"),
        (sonar, none(), chat(json!({ "search_context_size": "high" }), none()), "0.0131"),
        (sonar, none(), chat(json!({ "search_context_size": "low" }), none()), "0.0061"),
        (grok, none(), chat(json!({ "num_sources_used": 4 }), none()), "0.1045"),
        // The provider tells the whole charge.
        (
            sonar,
            high,
            chat(json!({ "cost": { "request_cost": 0.005, "total_cost": 0.007 } }), none()),
            "0.007",
        ),
        (
            grok,
            none(),
            chat(json!({ "cost_in_usd_ticks": 318_319_000, "num_sources_used": 4 }), none()),
            "0.0318319",
        ),
        (router, none(), chat(json!({ "cost": 0.000_42 }), none()), "0.00042"),
        (router, none(), chat(json!({ "cost": 0 }), none()), "0"),
        // The operator's own price counts instead.
        ("own-openrouter/some/model", none(), chat(json!({ "cost": 0.000_42 }), none()), "0.001"),
    ] {
        let case = provider.case();
        case.then(Step::wire(Wire::json(200, answer.to_string().as_bytes())));
        let mut body = question(model, &case.prompt("Hello"));
        body.as_object_mut().expect("an object").extend(asked.as_object().cloned().unwrap_or_default());
        let call = client.post("/v1/chat/completions", &body).key(MASTER_KEY).send().await;
        assert_eq!(call.status, 200, "{model}: {}", call.text());
        assert_eq!(call.header("x-litellm-response-cost"), cost, "{model} {asked} {answer}");
    }
}

#[tokio::test]
async fn a_stream_costs_what_its_tier_its_searches_and_the_provider_itself_say() {
    let provider = Provider::start().expect("a provider");
    let models = ["gemini/gemini-2.5-flash", "openai/gpt-4o-search-preview", "openrouter/some/model"];
    let stack = Setup::new(&scripted(&provider.base(), &models)).start();
    let client = stack.client();
    let chunk = |delta: Value, finish: Value, usage: Value| {
        let chunk = json!({
            "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up",
            "choices": if usage.is_null() {
                json!([{ "index": 0, "delta": delta, "finish_reason": finish }])
            } else {
                json!([])
            },
            "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let counts = |more: Value| {
        let mut usage = json!({ "prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100 });
        usage.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        usage
    };
    let stream = |delta: Value, usage: Value| {
        [
            chunk(json!({ "role": "assistant", "content": "Hi" }), Value::Null, Value::Null),
            chunk(delta, json!("stop"), Value::Null),
            chunk(json!({}), Value::Null, usage),
            "data: [DONE]\n\n".to_owned(),
        ]
        .concat()
    };
    let early = json!({
        "candidates": [{ "content": { "parts": [{ "text": "H" }], "role": "model" } }],
        "usageMetadata": { "trafficType": "ON_DEMAND_PRIORITY" },
    });
    let late = gemini(json!({}), json!({}));
    for (model, events, cost) in [
        // 0.54 and 4.5 dollars for a million tokens.
        (models[0], format!("data: {early}\r\n\r\ndata: {late}\r\n\r\n"), "0.00099"),
        (models[1], stream(cited(), counts(json!({}))), "0.0285"),
        (models[1], stream(json!({}), counts(json!({}))), "0.0035"),
        (models[2], stream(json!({}), counts(json!({ "cost": 0.000_42 }))), "0.00042"),
    ] {
        let key = stack.key().await;
        let case = provider.case();
        case.then(Step::wire(Wire::stream("text/event-stream", [events.as_bytes()])));
        let mut body = question(model, &case.prompt("Hello"));
        body["stream"] = json!(true);
        let answer = client.post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
        assert!(answer.events().is_done(), "{model}: {}", answer.text());
        expect_spend(&stack, &key, cost, model).await;
    }
}
