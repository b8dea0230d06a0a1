//! `/key/*` through the gateway, as `LiteLLM`'s clients call it.

use serde_json::json;
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
async fn several_keys_are_shown_at_once() {
    let world = world();
    let made = world.stack.generate_key(json!({ "models": ["claude"] })).await;
    let asked = json!({ "keys": [made["key"]] });
    let told =
        world.stack.client().post("/v2/key/info", &asked).key(MASTER_KEY).send().await.expect(200).json();
    assert_eq!(told["info"][0]["models"], json!(["claude"]), "{told}");
}

#[tokio::test]
async fn a_user_loosens_no_key_that_it_was_given() {
    let world = world();
    let client = world.stack.client();
    let user = format!("user-{}", world.case().prompt(""));
    let body = json!({ "user_id": user, "models": ["gpt-4o"], "duration": "1h" });
    let given = client.post("/user/new", &body).key(MASTER_KEY).send().await.expect(200).json();
    let given = given["key"].as_str().unwrap();
    let lifted = json!({ "key": given, "models": [], "duration": "-1" });
    client.post("/key/update", &lifted).key(given).send().await.expect(403).error();
    let made = client.post("/key/generate", &json!({})).key(given).send().await.expect(200).json();
    assert_eq!(made["models"], json!(["gpt-4o"]), "what is not said is its maker's");
    let case = world.case();
    let call = client.post("/v1/chat/completions", &question("claude", &case.prompt("Hi")));
    call.key(made["key"].as_str().unwrap()).send().await.expect(403).error();
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
}

#[tokio::test]
async fn a_key_of_ones_own_is_taken_as_it_is() {
    let made = world().stack.generate_key(json!({ "key": "sk-of-ones-own-0123456789" })).await;
    assert_eq!(made["key"], "sk-of-ones-own-0123456789");
}

#[tokio::test]
async fn a_group_of_routes_opens_what_it_names() {
    let world = world();
    let made = world.stack.generate_key(json!({ "key_type": "llm_api" })).await;
    let (client, key) = (world.stack.client(), made["key"].as_str().unwrap());
    let body = question("gpt-4o", &world.case().prompt("Hello"));
    client.post("/v1/chat/completions", &body).key(key).send().await.expect(200);
    client.get("/v1/models").key(key).send().await.expect(200);
    client.get("/model/info").key(key).send().await.expect(403);
}

#[tokio::test]
async fn the_master_key_has_no_limits_and_no_spend() {
    let body = question("gpt-4o", &world().case().prompt("Hello"));
    for _ in 0..3 {
        let answer = world().as_master("/v1/chat/completions", &body).send().await.expect(200);
        assert!(answer.headers.get("x-litellm-key-spend").is_none());
    }
}

#[tokio::test]
async fn a_deleted_key_is_gone() {
    let world = world();
    let key = world.stack.key().await;
    let answer = world.as_master("/key/delete", &json!({ "keys": [key] })).send().await.expect(200).json();
    assert_eq!(answer["deleted_keys"], json!([key]), "{answer}");
    info(&key, MASTER_KEY).await.expect(404);
    world.as_master("/key/delete", &json!({ "keys": [key] })).send().await.expect(404);
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
