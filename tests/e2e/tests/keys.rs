//! `/key/*` through the gateway, as `LiteLLM`'s clients call it.

use serde_json::{Value, json};
use switchboard_e2e::{MASTER_KEY, question, world};

async fn info(key: &str, asker: &str) -> switchboard_e2e::Answer {
    world().stack.client().get(&format!("/key/info?key={key}")).key(asker).send().await
}

#[tokio::test]
async fn a_generated_key_works_at_once() {
    let world = world();
    let case = world.case();
    let fields = json!({ "key_alias": format!("alias-{}", case.prompt("")), "models": ["gpt-4o"],
                         "metadata": { "team": "blue" }, "max_budget": 10.5 });
    let made = world.stack.generate_key(fields.clone()).await;
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("sk-") && key.len() == 25, "{key}");
    assert_eq!(made["key_id"], made["token"]);
    assert_eq!(made["key_name"], format!("sk-...{}", &key[21..]));
    for name in ["key_alias", "models", "metadata", "max_budget"] {
        assert_eq!(made[name], fields[name], "{name}");
    }
    let call = world.stack.client().post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hi")));
    call.key(key).send().await.expect(200);
}

#[tokio::test]
async fn the_specifications_request_is_answered_as_it_says() {
    let world = world();
    let fields = json!({ "key_alias": "from-the-specification", "team_id": "t", "models": ["gpt-4o"], "max_budget": 1 });
    let made = world.stack.generate_key(fields).await;
    assert!(made["key"].is_string() && made["key_id"].is_string(), "{made}");
}

#[tokio::test]
async fn info_is_for_the_admin_and_the_keys_owner() {
    let world = world();
    let made = world.stack.generate_key(json!({ "models": ["claude"], "user_id": "alice" })).await;
    let (key, token) = (made["key"].as_str().unwrap(), made["token"].as_str().unwrap());
    for named in [key, token] {
        let told = info(named, MASTER_KEY).await.expect(200).json();
        assert_eq!(told["info"]["models"], json!(["claude"]), "{told}");
        assert_eq!(told["info"]["user_id"], "alice", "{told}");
        assert_eq!(told["info"]["key_name"], made["key_name"], "{told}");
    }
    info(key, key).await.expect(200);
    let own = world.stack.client().get("/key/info").key(key).send().await.expect(200);
    assert!(!own.text().contains(key) || own.json()["key"] == key, "{}", own.text());
    info(key, world.key().await).await.expect(403).error();
    let error = info("sk-0123456789abcdef012345", MASTER_KEY).await.expect(404).error();
    assert_eq!(error["message"], "Key not found in database");
    assert_eq!(error["type"], "not_found_error");
    assert_eq!(error["param"], "key");
}

#[tokio::test]
async fn only_the_admin_makes_keys() {
    let world = world();
    let call = world.stack.client().post("/key/generate", &json!({}));
    let error = call.key(world.key().await).send().await.expect(401).error();
    assert_eq!(error["type"], "auth_error");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("Only proxy admin can be used to generate"), "{message}");
    let call = world.stack.client().post("/key/generate", &json!({}));
    let error = call.send().await.expect(401).error();
    assert_eq!(error["message"], "Authentication Error, No api key passed in.");
}

#[tokio::test]
async fn a_body_is_required_and_checked() {
    let client = world().stack.client();
    let call = client.request(http::Method::POST, "/key/generate").key(MASTER_KEY);
    let detail = call.send().await.expect(422).json();
    assert_eq!(detail["detail"][0]["type"], "missing", "{detail}");
    let call = client.post("/key/generate", &Value::Null).key(MASTER_KEY).body("{\"a\":");
    let detail = call.send().await.expect(422).json();
    assert_eq!(detail["detail"][0]["type"], "json_invalid", "{detail}");
    let call = client.post("/key/generate", &json!({ "models": "gpt-4o" })).key(MASTER_KEY);
    let detail = call.send().await.expect(422).json();
    assert_eq!(detail["detail"][0]["loc"], json!(["body", "models"]), "{detail}");
    let call = client.post("/key/generate", &json!({ "max_budget": -1.0 })).key(MASTER_KEY);
    let error = call.send().await.expect(400).error();
    assert_eq!(
        error["message"],
        "{'error': 'max_budget must be a non-negative finite number. Received: -1.0'}"
    );
}

#[tokio::test]
async fn an_alias_is_unique_and_a_key_of_ones_own_is_long_enough() {
    let world = world();
    world.stack.generate_key(json!({ "key_alias": "taken" })).await;
    let error =
        world.as_master("/key/generate", &json!({ "key_alias": "taken" })).send().await.expect(400).error();
    assert_eq!(
        error["message"],
        "Key with alias 'taken' already exists. Unique key aliases across all keys are required."
    );
    assert_eq!(error["type"], "bad_request_error");
    assert_eq!(error["param"], "key_alias");
    let error =
        world.as_master("/key/generate", &json!({ "key": "sk-short" })).send().await.expect(400).error();
    assert!(error["message"].as_str().unwrap().contains("at least 16 characters long"), "{error}");
    let made = world.stack.generate_key(json!({ "key": "sk-of-ones-own-0123456789" })).await;
    assert_eq!(made["key"], "sk-of-ones-own-0123456789");
}

#[tokio::test]
async fn a_deleted_key_is_gone() {
    let world = world();
    let key = world.stack.key().await;
    let answer = world.as_master("/key/delete", &json!({ "keys": [key] })).send().await.expect(200).json();
    assert_eq!(answer["deleted_keys"], json!([key]), "{answer}");
    info(&key, MASTER_KEY).await.expect(404);
    let call = world.stack.client().post("/v1/chat/completions", &question("gpt-4o", "Hello"));
    call.key(&key).send().await.expect(401).error();
    let error = world.as_master("/key/delete", &json!({ "keys": [key] })).send().await.expect(404).error();
    assert_eq!(error["message"], "{'error': 'No keys found'}");
}

#[tokio::test]
async fn aliases_of_a_key_are_models_for_it_alone() {
    let world = world();
    let case = world.case();
    let made = world.stack.generate_key(json!({ "aliases": { "house-model": "gpt-4o" } })).await;
    let ask = |key: &str| {
        let body = question("house-model", &case.prompt("Hello"));
        world.stack.client().post("/v1/chat/completions", &body).key(key).send()
    };
    let answer = ask(made["key"].as_str().unwrap()).await.expect(200).json();
    assert_eq!(answer["model"], "house-model");
    assert_eq!(case.request().json()["model"], "gpt-4o");
    ask(world.key().await).await.expect(400);
}

#[tokio::test]
async fn a_wildcard_and_an_access_group_open_models() {
    let world = world();
    let made = world.stack.generate_key(json!({ "models": ["gpt-*", "vectors"] })).await;
    let key = made["key"].as_str().unwrap();
    let client = world.stack.client();
    let case = world.case();
    client
        .post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hi")))
        .key(key)
        .send()
        .await
        .expect(200);
    let body = json!({ "model": "embed", "input": case.prompt("Hi") });
    client.post("/v1/embeddings", &body).key(key).send().await.expect(200);
    client
        .post("/v1/chat/completions", &question("claude", &case.prompt("Hi")))
        .key(key)
        .send()
        .await
        .expect(403);
}

#[tokio::test]
async fn what_a_key_has_spent_is_told_within_seconds() {
    let world = world();
    let case = world.case();
    let made = world.stack.generate_key(json!({})).await;
    let key = made["key"].as_str().unwrap();
    let usage = fake_provider::Usage { input: 600, cached: 400, cache_write: 0, output: 100, reasoning: 0 };
    case.then(fake_provider::Step::reply(fake_provider::Reply::text("Hi").usage(usage)));
    let client = world.stack.client();
    for stream in [false, true] {
        let mut body = question("gpt-4o", &case.prompt("Hi"));
        body["stream"] = json!(stream);
        client.post("/v1/chat/completions", &body).key(key).send().await.expect(200);
    }
    let begun = std::time::Instant::now();
    loop {
        let told = info(key, MASTER_KEY).await.expect(200).json();
        let spend = told["info"]["spend"].as_f64().unwrap();
        if (spend - 0.006).abs() < 1e-9 {
            break;
        }
        assert!(spend < 0.006 && begun.elapsed().as_secs() < 5, "{told}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}
