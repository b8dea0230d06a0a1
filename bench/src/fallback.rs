//! What a fallback adds to the time of the attempt that failed.
//!
//! One connection, one request at a time: what is asked for is latency. A rescued request takes the time of a request
//! that goes well, that of the failed attempt, and what the gateway adds by going on to another group. The failed
//! attempt's time is that of the provider with nobody between.

use std::error::Error;
use std::time::Duration;

use fake_provider::{Provider, Reply, Step};
use serde_json::json;
use switchboard_e2e::{Config, Setup, anthropic, openai, question};

use switchboard_bench::load::{self, Request};
use switchboard_bench::measure::middle;

/// What a fallback may add, milliseconds.
pub(crate) const TARGET_MILLIS: f64 = 1.0;

const KEY: &str = "sk-openai-bench";

/// Milliseconds that a fallback adds, the median over the rounds.
pub(crate) async fn added(rounds: usize, time: Duration) -> Result<f64, Box<dyn Error>> {
    let provider = Provider::start()?;
    let case = provider.case();
    case.then(Step::status(503).at("sick"))
        .then(Step::reply(Reply::text("Hi")).at("well"))
        .then(Step::reply(Reply::text("Hi")).at("rescue"));
    let at = |account: &str| format!("{}/{account}", provider.base());
    let config = Config::new()
        .model("well", openai("gpt-4o", &at("well"), KEY))
        .model("sick", openai("gpt-4o", &at("sick"), KEY))
        .model("rescue", anthropic("claude-sonnet-4-5", &at("rescue"), "sk-ant-bench"))
        .section(
            "router_settings",
            json!({ "num_retries": 0, "disable_cooldowns": true, "fallbacks": [{ "sick": ["rescue"] }] }),
        );
    let mut stack = Setup::new(&config).start();
    let key = format!("Bearer {}", stack.key().await);
    let asking = |model: &str| {
        let body = question(model, &case.prompt("Hello"));
        Request::new("/v1/chat/completions", &[("authorization", &key)], &body)
    };
    let direct = Request::new(
        "/well/v1/chat/completions",
        &[("authorization", &format!("Bearer {KEY}"))],
        &question("gpt-4o", &case.prompt("Hello")),
    );
    let (gateway, provider) = (stack.port, provider.port());
    let mut added = Vec::new();
    for round in 0..=rounds {
        let mut halves = [Duration::ZERO; 3];
        let turns = [(gateway, asking("sick")), (gateway, asking("well")), (provider, direct.clone())];
        for (half, (port, request)) in halves.iter_mut().zip(turns) {
            *half = load::run(port, &request, 1, time).await?.quantile(50);
        }
        let [rescued, well, failed] = halves.map(|half| half.as_secs_f64() * 1000.0);
        // The first round makes connections.
        if round > 0 {
            added.push(rescued - well - failed);
        }
    }
    stack.stop();
    Ok(middle(added))
}
