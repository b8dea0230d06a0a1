//! Ids of requests, and in which order a request's mistakes are told.

use http::Method;
use serde_json::json;
use switchboard_e2e::{Config, MASTER_KEY, Setup, openai, question, world};

#[tokio::test]
async fn an_anonymous_client_is_told_of_its_missing_key_before_wrong_headers() {
    let client = world().stack.client();
    let ask = || {
        let call = client.post("/v1/chat/completions", &question("gpt-4o", "Hello"));
        call.header("x-litellm-timeout", "soon").header("x-litellm-num-retries", "-1")
    };
    assert_eq!(ask().send().await.expect(401).error()["type"], "auth_error");
    let unknown = ask().key("sk-nobody-nobody-nobody-0").send().await.expect(401).error();
    assert_eq!(unknown["type"], "token_not_found_in_db");
    let known = ask().key(world().key().await).send().await.expect(400).error();
    assert_eq!(known["param"], "x-litellm-num-retries");
}

#[tokio::test]
async fn a_call_id_of_the_clients_own_comes_back_with_refusals_too() {
    let client = world().stack.client();
    for path in ["/v1/chat/completions", "/v1/nothing", "/key/info"] {
        let answer = client.get(path).header("x-litellm-call-id", "my-own-id").send().await;
        assert_eq!(answer.header("x-litellm-call-id"), "my-own-id", "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_refusal_by_a_limit_has_a_call_id() {
    let made = world().stack.generate_key(json!({ "rpm_limit": 1 })).await;
    let key = made["key"].as_str().unwrap();
    let ask = || world().stack.client().post("/v1/chat/completions", &question("demo", "Hello")).key(key);
    ask().send().await.expect(200);
    let refused = ask().send().await.expect(429);
    assert!(!refused.header("x-litellm-call-id").is_empty());
    assert_eq!(refused.header("x-litellm-call-id"), refused.header("x-request-id"));
}

#[tokio::test]
async fn a_path_with_too_much_in_it_is_told_which_was_meant() {
    let client = world().stack.client();
    for (path, meant) in [
        ("/v1/v1/chat/completions", "Did you mean /v1/chat/completions?"),
        ("/v1/chat/completions/embeddings", "Did you mean /v1/embeddings?"),
        ("/v1/audio/voices", "This API is not supported"),
    ] {
        let error = client.post(path, &json!({})).send().await.expect(404).error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(path) && message.contains(meant), "{message}");
    }
}

#[tokio::test]
async fn the_base_url_of_azures_v1_serves_the_same() {
    let world = world();
    let key = world.key().await;
    let client = world.stack.client();
    for base in ["/openai/v1", "/openai"] {
        let models = client.get(&format!("{base}/models")).key(key).send().await.expect(200).json();
        assert_eq!(models["object"], "list");
        let path = format!("{base}/chat/completions?api-version=preview");
        let call = client.post(&path, &question("demo", "Hello")).header("api-key", key);
        assert_eq!(call.send().await.expect(200).json()["object"], "chat.completion");
    }
}

#[tokio::test]
async fn every_path_of_the_key_service_is_reached_through_the_gateway() {
    let config = Config::new().model("gpt-4o", openai("gpt-4o", "http://127.0.0.1:1", "sk-x"));
    let stack = Setup::new(&config).start();
    let client = stack.client();
    let described = client.get("/openapi.json").send().await.expect(200).json();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let call = client.request(method.clone(), &path.replace("{key}", "sk-none"));
            let answer =
                call.header("content-type", "application/json").key(MASTER_KEY).body("{}").send().await;
            let message = answer.text();
            let unrouted = answer.status == 405 || message.contains("no route");
            assert!(!unrouted, "{method} {path} is described and not served: {} {message}", answer.status);
        }
    }
}
