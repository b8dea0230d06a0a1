//! Who is asked, by what is known of the deployments before a request comes: prices, checks, failures of others.

use fake_provider::{Case, Fault, Provider, Reply, Step, refusing_port};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, openai, question};

async fn ask(stack: &Stack, case: &Case, model: &str) -> Answer {
    let body = question(model, &case.prompt("Hello"));
    stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await
}

fn accounts(case: &Case) -> Vec<String> {
    case.requests().into_iter().map(|request| request.account).collect()
}

fn priced(base: &str, dollars: f64) -> Value {
    let mut params = openai("gpt-4o", base, OPENAI_KEY);
    params["input_cost_per_token"] = json!(dollars);
    params["output_cost_per_token"] = json!(dollars);
    params
}

#[tokio::test]
async fn the_cheapest_deployment_is_asked_until_it_fails() {
    let provider = Provider::start().expect("a provider");
    let at = |account: &str| format!("{}/{account}", provider.base());
    let config = Config::new()
        .model("gpt", priced(&at("dear"), 0.000_01))
        .model("gpt", priced(&at("cheap"), 0.000_001))
        .section(
            "router_settings",
            json!({ "routing_strategy": "cost-based-routing", "num_retries": 1, "disable_cooldowns": true }),
        );
    let stack = Setup::new(&config).start();
    let case = provider.case();
    for _ in 0..6 {
        ask(&stack, &case, "gpt").await.expect(200);
    }
    assert_eq!(accounts(&case), ["cheap"; 6]);
    let case = provider.case();
    case.then(Step::status(503).at("cheap")).then(Step::reply(Reply::text("Rescued")).at("dear"));
    ask(&stack, &case, "gpt").await.expect(200);
    assert_eq!(accounts(&case), ["cheap", "cheap", "dear"], "its retries come before its stand-in");
}

#[tokio::test]
async fn nobody_is_asked_who_cannot_be_connected_to() {
    let provider = Provider::start().expect("a provider");
    let (refusing, refused) = refusing_port().expect("a port");
    let settings = json!({
        "master_key": MASTER_KEY,
        "background_health_checks": true, "enable_health_check_routing": true, "health_check_interval": 1,
    });
    let config = Config::new()
        .model("gpt", openai("gpt-4o", &format!("http://127.0.0.1:{refused}"), OPENAI_KEY))
        .model("gpt", openai("gpt-4o", &provider.base(), OPENAI_KEY))
        .model("gone", openai("gpt-4o", &format!("http://127.0.0.1:{refused}"), OPENAI_KEY))
        .section("general_settings", settings)
        .section("router_settings", json!({ "num_retries": 0, "disable_cooldowns": true }));
    let stack = Setup::new(&config).start();
    let case = provider.case();
    for _ in 0..6 {
        let answer = ask(&stack, &case, "gpt").await.expect(200);
        assert_eq!(answer.header("x-litellm-attempted-retries"), "0");
    }
    let error = ask(&stack, &case, "gone").await.expect(429).error();
    assert!(error["message"].as_str().expect("a message").starts_with("No deployments available"), "{error}");
    drop(refusing);
}

#[tokio::test]
async fn a_class_that_is_allowed_nothing_makes_a_deployment_rest_at_once_and_one_that_is_allowed_all_never() {
    let provider = Provider::start().expect("a provider");
    let at = |account: &str| format!("{}/{account}", provider.base());
    let policy = json!({ "AuthenticationErrorAllowedFails": 0, "RateLimitErrorAllowedFails": 1000 });
    let config = Config::new()
        .model("gpt", openai("gpt-4o", &at("sick"), OPENAI_KEY))
        .model("gpt", openai("gpt-4o", &at("well"), OPENAI_KEY))
        .section(
            "router_settings",
            json!({ "num_retries": 1, "allowed_fails": 1000, "allowed_fails_policy": policy, "cooldown_time": 60 }),
        );
    let stack = Setup::new(&config).start();
    let rescued = |fault: Fault| {
        let case = provider.case();
        for _ in 0..12 {
            case.then(Step::fault(fault.clone()).at("sick"));
        }
        case.then(Step::reply(Reply::text("Rescued")).at("well"));
        case
    };
    let asked_of_sick = async |status: u16| {
        let case = rescued(Fault::status(status));
        for _ in 0..8 {
            ask(&stack, &case, "gpt").await.expect(200);
            // Envoy's threads tell each other who rests.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        accounts(&case).iter().filter(|account| *account == "sick").count()
    };
    assert!(asked_of_sick(429).await >= 3, "429 never makes it rest");
    assert_eq!(asked_of_sick(401).await, 1, "one 401 does");
}
