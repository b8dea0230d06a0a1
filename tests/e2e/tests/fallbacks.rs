//! Which group stands in for which, for what, and who says so.

use fake_provider::{Fault, Reply, Step};
use serde_json::json;
use switchboard_e2e::{
    ANTHROPIC_KEY, Config, MASTER_KEY, OPENAI_KEY, Setup, anthropic, openai, question, world,
};

#[tokio::test]
async fn a_request_may_name_its_own_fallbacks() {
    let world = world();
    let case = world.case();
    case.then(Step::status(503).at("openai")).then(Step::reply(Reply::text("Rescued")).at("anthropic"));
    let mut body = question("gpt-4o", &case.prompt("Hello"));
    body["fallbacks"] = json!(["claude"]);
    body["num_retries"] = json!(1);
    let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    assert_eq!(answer.header("x-litellm-model-group"), "claude");
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "1");
    assert_eq!(answer.header("x-litellm-attempted-retries"), "1");
    let asked: Vec<&str> = case.requests().iter().map(|request| request.dialect).collect();
    assert_eq!(asked, ["openai", "openai", "anthropic"]);

    let key = world.stack.generate_key(json!({ "models": ["gpt-4o"] })).await;
    let call = world.stack.client().post("/v1/chat/completions", &body);
    let error = call.key(key["key"].as_str().unwrap()).send().await.expect(403).error();
    assert_eq!(error["type"], "key_model_access_denied", "a fallback opens no model: {error}");
}

#[tokio::test]
async fn who_wants_no_fallback_gets_the_retries_and_the_error() {
    let world = world();
    let case = world.case();
    case.then(Step::status(503).at("openai")).then(Step::reply(Reply::text("never")).at("anthropic"));
    let mut body = question("gpt-first", &case.prompt("Hello"));
    body["disable_fallbacks"] = json!(true);
    let call = world.post("/v1/chat/completions", &body).await.header("x-litellm-num-retries", "1");
    let answer = call.send().await.expect(503);
    assert_eq!(case.requests().len(), 2, "the header wins");
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "0");
}

#[tokio::test]
async fn an_error_of_a_class_goes_to_the_fallbacks_of_that_class_and_to_nobody_else() {
    let provider = fake_provider::Provider::start().expect("a provider");
    let at = |account: &str| format!("{}/{account}", provider.base());
    let config = Config::new()
        .model("small", openai("gpt-4o", &at("small"), OPENAI_KEY))
        .model("small", openai("gpt-4o", &at("small"), "sk-openai-second"))
        .model("usual", openai("gpt-4o", &at("usual"), OPENAI_KEY))
        .model("large", anthropic("claude-sonnet-4-5", &at("large"), ANTHROPIC_KEY))
        .model("frank", anthropic("claude-sonnet-4-5", &at("frank"), ANTHROPIC_KEY))
        .section(
            "router_settings",
            json!({
                "num_retries": 0,
                "fallbacks": [{ "small": ["usual"] }],
                "context_window_fallbacks": [{ "small": ["large"] }],
                "content_policy_fallbacks": [{ "small": ["frank"] }],
            }),
        );
    let stack = Setup::new(&config).start();
    let too_long =
        Fault::coded(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens.");
    let refused = Fault::coded(
        400,
        "content_policy_violation",
        "Your request was rejected as a result of our safety system.",
    );
    for (fault, to) in [(too_long, "large"), (refused, "frank"), (Fault::status(500), "usual")] {
        for streamed in [false, true] {
            let case = provider.case();
            case.then(Step::fault(fault.clone()).at("small"))
                .then(Step::reply(Reply::text("Rescued")).at(to));
            let mut body = question("small", &case.prompt("Hello"));
            body["stream"] = json!(streamed);
            let call = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY);
            let answer = call.send().await.expect(200);
            assert_eq!(answer.header("x-litellm-model-group"), to);
            let accounts: Vec<String> = case.requests().into_iter().map(|request| request.account).collect();
            assert_eq!(accounts, ["small", to], "{fault:?}, streamed={streamed}");
        }
    }
}

#[tokio::test]
async fn a_group_that_cools_down_is_spared_and_told_of_and_comes_back() {
    let provider = fake_provider::Provider::start().expect("a provider");
    let at = |account: &str| format!("{}/{account}", provider.base());
    let config = Config::new()
        .model("pair", openai("gpt-4o", &at("one"), OPENAI_KEY))
        .model("pair", openai("gpt-4o", &at("two"), OPENAI_KEY))
        .section("router_settings", json!({ "num_retries": 0, "allowed_fails": 1, "cooldown_time": 2 }));
    let stack = Setup::new(&config).start();
    let case = provider.case();
    case.then(Step::status(429));
    let ask = async || {
        let body = question("pair", &case.prompt("Hello"));
        stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await
    };
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(ask().await.expect(429));
        // Envoy's threads tell each other who rests.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        case.requests().len(),
        4,
        "each deployment may fail once, and is left alone after the second time"
    );
    let told = answers[5].error()["message"].as_str().unwrap().to_owned();
    assert!(
        told.starts_with("No deployments available for selected model, Try again in 2 seconds."),
        "{told}"
    );
    assert_eq!(answers[5].header("retry-after"), "2");
    case.then(Step::reply(Reply::text("Better")));
    // The step that fails is taken by the first request after the rest.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let again = [ask().await.status, ask().await.status, ask().await.status];
    assert!(again.contains(&200), "{again:?}");
}

#[tokio::test]
async fn a_fallback_has_its_own_fallbacks_and_a_mocked_error_leads_to_them_too() {
    let provider = fake_provider::Provider::start().expect("a provider");
    let at = |account: &str| format!("{}/{account}", provider.base());
    let config = Config::new()
        .model("raises", json!({ "model": "openai/gpt-4o", "mock_response": "litellm.RateLimitError" }))
        .model("sick", anthropic("claude-sonnet-4-5", &at("sick"), ANTHROPIC_KEY))
        .model("well", openai("gpt-4o", &at("well"), OPENAI_KEY))
        .model("alone", json!({ "model": "openai/gpt-4o", "mock_response": "litellm.RateLimitError" }))
        .section(
            "router_settings",
            json!({ "num_retries": 1, "fallbacks": [{ "raises": ["sick"] }, { "sick": ["raises", "well"] }] }),
        );
    let stack = Setup::new(&config).access_log().start();
    for streamed in [false, true] {
        let case = provider.case();
        case.then(Step::status(529).at("sick")).then(Step::reply(Reply::text("Rescued")).at("well"));
        let mut body = question("raises", &case.prompt("Hello"));
        body["stream"] = json!(streamed);
        let answer = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await;
        let answer = answer.expect(200);
        assert!(answer.text().contains("Rescued"), "{}", answer.text());
        assert_eq!(answer.header("x-litellm-model-group"), "well");
        assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "2");
        let accounts: Vec<String> = case.requests().into_iter().map(|request| request.account).collect();
        assert_eq!(accounts, ["sick", "sick", "well"]);
    }
    let body = question("alone", "Hello");
    let error = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await.expect(429);
    assert!(error.text().contains("litellm.RateLimitError"), "{}", error.text());
    // One line for each request, with its whole way.
    let chain = "\"attempts\":\"mock:429>mock:429>anthropic:529>anthropic:529>openai:200\"";
    stack.wait_for_log(chain, 2).await;
    stack.wait_for_log("\"attempts\":\"mock:429>mock:429\"", 1).await;
}
