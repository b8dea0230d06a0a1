//! What a deployment says of itself: how long it may take, and how many requests it takes at a time.

use std::time::{Duration, Instant};

use fake_provider::{Fault, Provider, Reply, Step};
use serde_json::{Value, json};
use switchboard_e2e::{Config, MASTER_KEY, OPENAI_KEY, Setup, openai, question};

fn with(mut params: Value, name: &str, value: Value) -> Value {
    params[name] = value;
    params
}

#[tokio::test]
async fn a_deployment_is_given_its_own_time_and_not_everybodys() {
    let provider = Provider::start().expect("a provider");
    let at = |account: &str| openai("gpt-4o", &format!("{}/{account}", provider.base()), OPENAI_KEY);
    let config = Config::new()
        .model("whole", with(at("slow"), "timeout", json!(1)))
        .model("streamed", with(at("slow"), "stream_timeout", json!(1)))
        .model("well", at("well"))
        .section(
            "router_settings",
            json!({ "num_retries": 0, "timeout": 60, "fallbacks": [{ "*": ["well"] }] }),
        );
    let stack = Setup::new(&config).start();
    for (model, is_stream, to) in [
        ("whole", false, "well"),
        ("whole", true, "well"),
        ("streamed", true, "well"),
        ("streamed", false, "slow"),
    ] {
        let case = provider.case();
        case.then(Step::reply(Reply::text("Late")).with(Fault::SlowFirstByte { ms: 3_000 }).at("slow"))
            .then(Step::reply(Reply::text("Rescued")).at("well"));
        let body = with(question(model, &case.prompt("Hello")), "stream", json!(is_stream));
        let answer =
            stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await.expect(200);
        let last = case.requests().pop().expect("a request").account;
        assert_eq!(last, to, "{model}, stream={is_stream}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_deployment_gets_no_more_requests_at_a_time_than_it_takes() {
    let provider = Provider::start().expect("a provider");
    let params = openai("gpt-4o", &provider.base(), OPENAI_KEY);
    let config = Config::new().model("gpt", with(params, "max_parallel_requests", json!(2)));
    let stack = Setup::new(&config).workers(1).start();
    let case = provider.case();
    let slow = Fault::SlowFirstByte { ms: 700 };
    case.then(Step::reply(Reply::text("Hi")).with(slow));
    let begun = Instant::now();
    let ask = async || {
        let body = question("gpt", &case.prompt("Hello"));
        stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY).send().await.expect(200);
    };
    tokio::join!(ask(), ask(), ask(), ask(), ask(), ask());
    // Two after two: what comes besides waits, and is answered all the same.
    assert!(begun.elapsed() >= Duration::from_millis(3 * 700), "{:?}", begun.elapsed());
    let mut arrived: Vec<Instant> = case.requests().iter().map(|request| request.at).collect();
    arrived.sort_unstable();
    assert_eq!(arrived.len(), 6);
    for (earlier, later) in arrived.iter().zip(&arrived[2..]) {
        assert!(*later - *earlier >= Duration::from_millis(650), "a third at a time");
    }
}
