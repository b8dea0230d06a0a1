//! A gateway and a key service of two versions: what must work while one is upgraded and the other not yet.
//!
//! `make test-upgrade` runs this with the programs of an earlier version on either side.

use std::time::{Duration, Instant};

use fake_provider::Provider;
use serde_json::{Value, json};
use switchboard_e2e::{Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, openai, question};

const RECORDED: Duration = Duration::from_secs(15);

fn config(provider: &Provider, model: &str) -> Config {
    Config::new()
        .model(model, openai("gpt-4o", &provider.base(), OPENAI_KEY))
        .section("general_settings", json!({ "store_model_in_db": true }))
}

async fn info(stack: &Stack, key: &str) -> Value {
    let told = stack.client().get(&format!("/key/info?key={key}")).key(MASTER_KEY).send().await;
    told.expect(200).json()["info"].take()
}

#[tokio::test]
#[ignore = "needs the programs of another version: `make test-upgrade`"]
async fn a_gateway_and_a_key_service_of_two_versions_serve_count_and_change() {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&config(&provider, "before")).start();
    let client = stack.client();
    let made = stack.generate_key(json!({ "models": ["before", "after", "stored"], "max_budget": 10 })).await;
    let key = made["key"].as_str().expect("a key").to_owned();
    let ask = |model: &str, stream: bool| {
        let mut body = question(model, "Hello");
        body["stream"] = stream.into();
        client.post("/v1/chat/completions", &body).key(&key)
    };

    // A key is verified, a request translated, its usage recorded.
    ask("before", false).send().await.expect(200);
    client
        .post("/v1/chat/completions", &question("before", "Hello"))
        .key("sk-unknown")
        .send()
        .await
        .expect(401);
    let since = Instant::now();
    while info(&stack, &key).await["spend"].as_f64().unwrap_or_default() == 0.0 {
        assert!(since.elapsed() < RECORDED, "no spend is recorded");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    // A changed key is sent to the gateway.
    let raised = json!({ "key": key, "max_budget": 100 });
    client.post("/key/update", &raised).key(MASTER_KEY).send().await.expect(200);
    assert!(ask("before", true).send().await.expect(200).events().is_done());

    // So is a changed configuration, from the file and from the API.
    stack.rewrite(&config(&provider, "after").text());
    stack.wait_for_log("the new configuration is active", 1).await;
    ask("after", false).send().await.expect(200);
    client
        .post("/v1/chat/completions", &question("before", "Hello"))
        .key(MASTER_KEY)
        .send()
        .await
        .expect(400);
    let stored =
        json!({ "model_name": "stored", "litellm_params": openai("gpt-4o", &provider.base(), OPENAI_KEY) });
    client.post("/model/new", &stored).key(MASTER_KEY).send().await.expect(200);
    ask("stored", true).send().await.expect(200);

    // A blocked key is refused.
    client.post("/key/block", &json!({ "key": key })).key(MASTER_KEY).send().await.expect(200);
    let since = Instant::now();
    while ask("after", false).send().await.status == 200 {
        assert!(since.elapsed() < RECORDED, "a blocked key is admitted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
