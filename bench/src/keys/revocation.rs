//! From the answer of `/key/block` to the last request that is let in, on every worker of two Envoys.

use std::time::{Duration, Instant};

use serde_json::json;
use switchboard_bench::load::Outcome;
use switchboard_e2e::{Client, Config, MASTER_KEY, Rendered, question};

/// Keys that are blocked, one after the other.
const ROUNDS: usize = 10;
const WORKERS: u32 = 2;
/// To each Envoy; enough to meet each worker.
const CONNECTIONS: usize = 8;

/// One latency for each key: the last request that was let in was sent so long after the block.
pub(crate) async fn measure() -> Outcome {
    let config = Config::new().model("demo", json!({ "model": "openai/demo", "mock_response": "Hello." }));
    let mut running = Rendered::start_with(&config, &[], WORKERS, |text| text).await;
    let gateways = [running.client(), running.another_envoy(WORKERS).await];
    let begun = Instant::now();
    let mut latencies = Vec::new();
    for _ in 0..ROUNDS {
        let made = gateways[0].post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(200);
        let made = made.json();
        let key = made["key"].as_str().unwrap_or_default();
        let asking: Vec<_> = (0..2 * CONNECTIONS)
            .map(|at| Client::new(gateways[at % 2].base()))
            .map(|client| tokio::spawn(last_let_in(client, key.to_owned())))
            .collect();
        tokio::time::sleep(Duration::from_millis(400)).await;
        gateways[0].post("/key/block", &json!({ "key": key })).key(MASTER_KEY).send().await.expect(200);
        let blocked = Instant::now();
        let mut late = Duration::ZERO;
        for asking in asking {
            let last = asking.await.unwrap_or(blocked);
            late = late.max(last.saturating_duration_since(blocked));
        }
        latencies.push(late);
    }
    latencies.sort_unstable();
    Outcome { requests: ROUNDS as u64, latencies, elapsed: begun.elapsed() }
}

/// When the last request was sent that was let in; what is refused stays refused for a second.
async fn last_let_in(client: Client, key: String) -> Instant {
    let (mut last, mut refused) = (Instant::now(), None);
    while refused.is_none_or(|refused: Instant| refused.elapsed() < Duration::from_secs(1)) {
        let sent = Instant::now();
        let call = client.post("/v1/chat/completions", &question("demo", "Hello")).key(&key);
        match call.send().await.status {
            200 => (last, refused) = (sent, None),
            _ => refused = refused.or(Some(sent)),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    last
}
