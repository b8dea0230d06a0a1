//! What clients do wrong with their bodies, and what they are told.

use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{question, world};

async fn refused(path: &str, body: impl Into<bytes::Bytes>, status: u16) -> Value {
    let world = world();
    let call = world.stack.client().request(Method::POST, path).key(world.key().await);
    call.header("content-type", "application/json").body(body).send().await.expect(status).error()
}

async fn refused_chat(body: Value, status: u16) -> Value {
    refused("/v1/chat/completions", body.to_string(), status).await
}

#[tokio::test]
async fn an_unknown_model_is_told_where_to_look() {
    for (path, route) in [
        ("/v1/chat/completions", "/chat/completions"),
        ("/chat/completions", "/chat/completions"),
        ("/v1/embeddings", "/embeddings"),
    ] {
        let body = json!({ "model": "zzz", "messages": [], "input": "x" });
        let error = refused(path, body.to_string(), 400).await;
        assert_eq!(
            error["message"],
            format!(
                "{route}: Invalid model name passed in model=zzz. Call `/v1/models` to view available models for \
                 your key."
            )
        );
        assert_eq!(error["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_told_where_it_breaks() {
    for body in ["{\"model\":\"gpt-4o\"", "{", "nonsense", "{\"model\":\"gpt-4o\",}", "{\"a\":1} trailing"] {
        let error = refused("/v1/chat/completions", body, 400).await;
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Invalid JSON payload: "), "{body}: {message}");
        assert!(message.contains("line 1 column "), "{body}: {message}");
        assert_eq!(error["type"], "invalid_request_error", "{body}");
        assert_eq!(error["param"], "request_body", "{body}");
    }
}

#[tokio::test]
async fn json_that_is_no_object_is_refused() {
    for body in ["[]", "null", "\"text\"", "42", "true"] {
        let error = refused("/v1/chat/completions", body, 400).await;
        assert_eq!(error["message"], "Invalid JSON payload: expected an object", "{body}");
        assert_eq!(error["type"], "invalid_request_error", "{body}");
        assert_eq!(error["param"], "request_body", "{body}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_text_is_refused() {
    let error = refused("/v1/chat/completions", &b"{\"model\":\"\xff\xfe\"}"[..], 400).await;
    assert_eq!(error["type"], "invalid_request_error");
}

#[tokio::test]
async fn a_missing_model_is_told() {
    for body in [json!({ "messages": [] }), json!({ "model": null, "messages": [] })] {
        let error = refused_chat(body, 400).await;
        assert_eq!(
            error["message"],
            "litellm.BadRequestError: You passed in model=None. There are no healthy deployments for this model"
        );
        assert_eq!(error["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn a_model_that_is_no_string_is_told() {
    for model in [json!(42), json!(["gpt-4o"]), json!({ "name": "gpt-4o" }), json!(true)] {
        let error = refused_chat(json!({ "model": model, "messages": [] }), 400).await;
        assert_eq!(error["message"], "'model' must be a string.");
        assert_eq!(error["type"], "bad_request_error");
        assert_eq!(error["param"], "model");
    }
}

#[tokio::test]
async fn missing_messages_and_empty_bodies_are_told() {
    for model in ["gpt-4o", "claude", "demo"] {
        for body in [json!({ "model": model }), json!({ "model": model, "messages": null })] {
            let error = refused_chat(body, 400).await;
            assert_eq!(
                error["message"], "/chat/completions: Missing required parameter: 'messages'.",
                "{model}"
            );
            assert_eq!(error["type"], "invalid_request_error", "{model}");
            assert_eq!(error["param"], "messages", "{model}");
        }
    }
    for body in ["", "  \n"] {
        let error = refused("/v1/chat/completions", body, 400).await;
        assert_eq!(error["message"], "/chat/completions: Missing required parameter: 'messages'.");
    }
}

#[tokio::test]
async fn messages_that_are_no_list_are_told_without_asking_anybody() {
    let error = refused_chat(json!({ "model": "claude", "messages": "Hello" }), 400).await;
    assert_eq!(error["type"], "invalid_request_error");
    assert!(error["message"].as_str().unwrap().contains("messages"), "{error}");
}

#[tokio::test]
async fn a_field_that_stands_twice_is_refused() {
    let body = r#"{"model":"gpt-4o","model":"claude","messages":[]}"#;
    let error = refused("/v1/chat/completions", body, 400).await;
    assert_eq!(error["param"], "request_body");
}

#[tokio::test]
async fn a_client_cannot_choose_where_its_request_goes() {
    let world = world();
    for name in ["api_base", "base_url"] {
        let case = world.case();
        let mut body = question("gpt-4o", &case.prompt("Hello"));
        body[name] = json!("http://127.0.0.1:1/v1");
        let error = refused_chat(body, 401).await;
        assert_eq!(error["type"], "auth_error");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!(
                "Authentication Error, Rejected Request: {name} is not allowed in request body."
            )),
            "{message}"
        );
        assert!(case.requests().is_empty());
    }
}

#[tokio::test]
async fn a_clients_own_provider_key_does_not_replace_the_deployments() {
    let world = world();
    let case = world.case();
    let mut body = question("gpt-4o", &case.prompt("Hello"));
    body["api_key"] = json!("sk-openai-of-the-client");
    world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    let sent = case.request();
    assert_eq!(sent.header("authorization"), format!("Bearer {}", switchboard_e2e::OPENAI_KEY));
    assert!(sent.json().get("api_key").is_none(), "{}", sent.json());
}

#[tokio::test]
async fn a_parameter_that_a_provider_lacks_is_named() {
    let world = world();
    let case = world.case();
    let mut body = question("claude", &case.prompt("Hello"));
    body["frequency_penalty"] = json!(0.5);
    let error = refused_chat(body.clone(), 400).await;
    assert_eq!(error["type"], "invalid_request_error");
    let message = error["message"].as_str().unwrap();
    let beginning = "litellm.UnsupportedParamsError: anthropic does not support parameters: ['frequency_penalty'], for model=";
    assert!(message.starts_with(beginning), "{message}");
    assert!(case.requests().is_empty());
    body["drop_params"] = json!(true);
    world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    let sent = case.request().json();
    assert!(sent.get("frequency_penalty").is_none() && sent.get("drop_params").is_none(), "{sent}");
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let world = world();
    let case = world.case();
    let body = question("gpt-4o", &case.prompt("Hello")).to_string();
    let call = world.stack.client().request(Method::POST, "/v1/chat/completions").key(world.key().await);
    call.header("content-type", "text/plain").body(body).send().await.expect(200);
    assert_eq!(case.request().header("content-type"), "application/json");
}
