//! Embeddings of many texts, where the provider takes one at a time: each part is a request of its own, and the whole is
//! one.

use std::time::{Duration, Instant};

use fake_provider::model::embedding;
use fake_provider::{Case, Fault, Provider, Step};
use serde_json::{Value, json};
use switchboard_e2e::{Config, MASTER_KEY, Setup, Stack, openai};

const TEXTS: usize = 20;

/// Dollars for a token.
const PRICE: f64 = 2e-8;

fn start(provider: &Provider) -> Stack {
    let at = |account: &str| {
        json!({"model": "bedrock/amazon.titan-embed-text-v2:0", "api_base": format!("{}/{account}", provider.base()),
            "api_key": "bedrock-key", "aws_region_name": "us-east-1"})
    };
    let price = || json!({"input_cost_per_token": PRICE, "output_cost_per_token": 0.0});
    let config = Config::new()
        .model_with("titan", at("eu"), price())
        .model_with("titan-us", at("us"), price())
        .model("embed", openai("text-embedding-3-small", &provider.base(), switchboard_e2e::OPENAI_KEY))
        .section(
            "router_settings",
            json!({"fallbacks": [{"titan": ["titan-us"]}], "disable_cooldowns": true}),
        );
    Setup::new(&config).workers(2).access_log().start()
}

fn texts(case: &Case, count: usize) -> Vec<String> {
    (0..count).map(|number| case.prompt(&format!("Text number {number}"))).collect()
}

/// Whether the vectors are those of the texts, in their order.
fn check(answer: &Value, texts: &[String]) {
    let data = answer["data"].as_array().unwrap();
    assert_eq!(data.len(), texts.len());
    for (index, (item, text)) in data.iter().zip(texts).enumerate() {
        assert_eq!(item, &json!({"object": "embedding", "index": index, "embedding": embedding(text, 8)}));
    }
}

/// The rows of a key in the spend log, once there are any.
async fn rows(stack: &Stack, key: &str) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let path = format!("/spend/logs?api_key={key}");
        let rows = stack.client().get(&path).key(MASTER_KEY).send().await.expect(200).json();
        let rows = rows.as_array().cloned().unwrap_or_default();
        if !rows.is_empty() {
            return rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing was recorded");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_list_comes_back_in_order_and_is_one_request_one_row_and_one_line() {
    let provider = Provider::start().unwrap();
    let mut stack = start(&provider);
    let told = stack.generate_key(json!({"rpm_limit": 1})).await;
    let key = told["key"].as_str().unwrap();
    let case = provider.case();
    let texts = texts(&case, TEXTS);
    let body = json!({"model": "titan", "input": texts});
    let call =
        || stack.client().post("/v1/embeddings", &body).key(key).header("x-litellm-call-id", "the-call");
    let answer = call().send().await.expect(200);
    check(&answer.json(), &texts);
    // Three words and two of the marker.
    let tokens = 5 * TEXTS;
    assert_eq!(answer.json()["usage"], json!({"prompt_tokens": tokens, "total_tokens": tokens}));
    assert_eq!(answer.header("x-litellm-response-cost"), "0.000002");
    assert_eq!(answer.header("x-litellm-call-id"), "the-call");
    assert_eq!(answer.header("x-litellm-model-group"), "titan");
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("x-switchboard")), "{answer:?}");
    let requests = case.requests();
    assert_eq!(requests.len(), TEXTS);
    for request in &requests {
        assert!(request.json()["inputText"].is_string() && request.refused.is_empty(), "{request:?}");
        for word in ["x-switchboard", "x-litellm", "sk-"] {
            assert!(!request.head_text().contains(word), "{}", request.head_text());
        }
    }

    // The limit of one request a minute let all twenty parts pass, and lets no second request pass.
    call().send().await.expect(429);
    assert_eq!(case.requests().len(), TEXTS);

    let mut rows = rows(&stack, key).await;
    // The refused request has a row of its own, which costs nothing.
    rows.retain(|row| row["prompt_tokens"] != 0);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["request_id"], &rows[0]["prompt_tokens"]), (&json!("the-call"), &json!(tokens)));
    let spend = rows[0]["spend"].as_f64().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "a hundred")]
    let exact = PRICE * tokens as f64;
    assert!((spend - exact).abs() < 1e-15, "{spend}, not {exact}");
    stack.stop();
    let lines = stack.log();
    let of_call: Vec<&str> =
        lines.lines().filter(|line| line.contains(r#""status":200"#) && line.contains("the-call")).collect();
    assert_eq!(of_call.len(), 1, "{of_call:#?}");
    assert!(of_call[0].contains(r#""path":"/v1/embeddings""#), "{of_call:#?}");
}

#[tokio::test]
async fn each_part_has_retries_and_fallbacks_and_one_that_fails_is_the_failure_of_all() {
    let provider = Provider::start().unwrap();
    let mut stack = start(&provider);
    let key = stack.key().await;
    let ask = async |case: &Case, more: Value| {
        let texts = texts(case, TEXTS);
        let mut body = json!({"model": "titan", "input": texts});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (stack.client().post("/v1/embeddings", &body).key(&key).send().await, texts)
    };

    let case = provider.case();
    case.then(Step::status(503)).then(Step::status(429)).then(Step::default());
    let (answer, texts) = ask(&case, json!({"disable_fallbacks": true})).await;
    let answer = answer.expect(200);
    check(&answer.json(), &texts);
    assert_eq!(case.requests().len(), TEXTS + 2);
    assert_eq!(answer.header("x-litellm-attempted-retries"), "2");

    let case = provider.case();
    case.then(Step::status(500).at("eu")).then(Step::default().at("us"));
    let (answer, texts) = ask(&case, json!({"num_retries": 0})).await;
    let answer = answer.expect(200);
    check(&answer.json(), &texts);
    assert_eq!(answer.header("x-litellm-model-group"), "titan-us");
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), TEXTS.to_string());

    let case = provider.case();
    case.then(Step::default()).then(Step::default()).then(Step::status(400));
    let told = stack.generate_key(json!({})).await;
    let key = told["key"].as_str().unwrap();
    let body = json!({"model": "titan", "input": crate::parts::texts(&case, TEXTS)});
    let error = stack.client().post("/v1/embeddings", &body).key(key).send().await.expect(400).error();
    assert!(
        error["message"].as_str().unwrap().starts_with("litellm.BadRequestError: BedrockException"),
        "{error}"
    );
    assert!(case.requests().len() < TEXTS, "the rest was not asked for");
    let rows = rows(&stack, key).await;
    assert_eq!((rows.len(), &rows[0]["prompt_tokens"]), (1, &json!(10)), "two parts were served: {rows:?}");
    stack.stop();
}

#[tokio::test]
async fn the_time_out_is_that_of_the_whole_and_a_client_that_goes_away_stops_what_has_not_begun() {
    let provider = Provider::start().unwrap();
    let mut stack = start(&provider);
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::fault(Fault::SlowFirstByte { ms: 400 }));
    let body = json!({"model": "titan", "input": texts(&case, 40), "timeout": 0.9});
    let begun = Instant::now();
    let answer = stack.client().post("/v1/embeddings", &body).key(&key).send().await.expect(408);
    assert!(begun.elapsed() < Duration::from_millis(1_800), "{:?}", begun.elapsed());
    assert!(answer.error()["message"].as_str().unwrap().contains("timeout value=0.9"), "{}", answer.text());

    let case = provider.case();
    case.then(Step::fault(Fault::SlowFirstByte { ms: 300 }));
    let body = json!({"model": "titan", "input": texts(&case, 40)});
    let call = stack.client().post("/v1/embeddings", &body).key(&key).send();
    assert!(tokio::time::timeout(Duration::from_millis(150), call).await.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = case.requests().len();
    assert!((1..=8).contains(&asked), "{asked} parts");
    stack.stop();
}

#[tokio::test]
async fn nobody_can_pass_a_request_off_as_a_part() {
    let provider = Provider::start().unwrap();
    let mut stack = start(&provider);
    let told = stack.generate_key(json!({"models": ["embed"]})).await;
    let key = told["key"].as_str().unwrap();
    let case = provider.case();
    let body = json!({"model": "titan", "input": case.prompt("Hello")});
    for guess in ["true", "", "bedrock-key", MASTER_KEY] {
        let call = || stack.client().post("/v1/embeddings", &body).header("x-switchboard-part", guess);
        call().send().await.expect(401);
        call().key(key).send().await.expect(403);
    }
    assert!(case.requests().is_empty());
    stack.stop();
}

#[tokio::test]
async fn the_sdk_for_python_gets_what_it_would_get_of_texts_one_by_one() {
    let provider = Provider::start().unwrap();
    let mut stack = start(&provider);
    let key = stack.key().await;
    crate::sdk::run_with("python3", &[], "python/embeddings.py", &stack.base(), &key, &provider.base());
    stack.stop();
}
