//! `OpenAI`'s Responses API, through the gateway to providers with other APIs.

use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::world;

const MODELS: [&str; 2] = ["gpt-4o", "claude"];

#[tokio::test]
async fn a_model_calls_a_tool_and_its_items_are_the_next_input() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let mut input = vec![json!({ "role": "user", "content": case.prompt("How is the weather?") })];
        let parameters = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
        let tools = json!([
            { "type": "namespace", "name": "outside", "tools": [
                { "type": "function", "name": "weather", "parameters": parameters } ] },
            { "type": "image_generation" },
        ]);
        let mut response = Value::Null;
        for (turn, kind) in [(0, "function_call"), (1, "message")] {
            let body = json!({ "model": model, "input": input, "tools": tools });
            response = world.post("/v1/responses", &body).await.send().await.expect(200).json();
            assert_eq!(
                (&response["status"], &response["store"]),
                (&json!("completed"), &json!(false)),
                "{model}"
            );
            assert!(response["usage"]["input_tokens"].as_u64() > Some(0), "{model}");
            let item = response["output"].as_array().unwrap().last().unwrap().clone();
            assert_eq!(item["type"], kind, "{model}: {response}");
            if turn == 0 {
                assert_eq!(
                    (&item["name"], &item["namespace"]),
                    (&json!("weather"), &json!("outside")),
                    "{model}"
                );
                input.extend(response["output"].as_array().unwrap().clone());
                input.push(json!({
                    "type": "function_call_output", "call_id": item["call_id"], "output": "12 degrees" }));
            }
        }
        assert_eq!(response["output"][0]["content"][0]["text"], "The tool says: 12 degrees", "{model}");
        assert!(case.requests().iter().all(|request| request.refused.is_empty()), "{:#?}", case.requests());
    }
}

#[tokio::test]
async fn a_stream_leads_to_the_response_that_ends_it() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let body = json!({ "model": model, "input": case.prompt("Hi"), "stream": true });
        let answer = world.post("/openai/v1/responses", &body).await.send().await.expect(200);
        assert!(answer.header("content-type").starts_with("text/event-stream"), "{model}");
        let text = answer.text();
        let events: Vec<Value> = text
            .split_terminator("\n\n")
            .map(|event| serde_json::from_str(event.split_once("\ndata: ").expect("data").1).expect("JSON"))
            .collect();
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number, "{model}");
        }
        let deltas: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
        let last = events.last().expect("events");
        assert_eq!(last["type"], "response.completed", "{model}: {text}");
        assert_eq!(last["response"]["output"][0]["content"][0]["text"], deltas, "{model}");
        assert!(!deltas.is_empty(), "{model}");
    }
}

#[tokio::test]
async fn nothing_is_stored_and_the_client_is_told_so() {
    let world = world();
    for (method, path) in [
        (Method::GET, "/v1/responses/resp_1"),
        (Method::DELETE, "/responses/resp_1"),
        (Method::POST, "/v1/responses/resp_1/cancel"),
        (Method::GET, "/openai/v1/responses/resp_1/input_items?limit=2"),
    ] {
        let call = world.stack.client().request(method, path).key(world.key().await);
        let error = call.send().await.expect(404).error();
        assert!(error["message"].as_str().unwrap().contains("'resp_1' not found"), "{path}: {error}");
    }
    let body = json!({ "model": "gpt-4o", "input": "Hi", "previous_response_id": "resp_1" });
    let error = world.post("/v1/responses", &body).await.send().await.expect(400).json();
    assert_eq!(error["error"]["code"], "previous_response_not_found");
    let body = json!({ "model": "gpt-4o", "input": "Hi there" });
    let count = world.post("/v1/responses/input_tokens", &body).await.send().await.expect(200).json();
    assert!(count["input_tokens"].as_u64() > Some(0), "{count}");
}

#[tokio::test]
async fn a_client_that_tries_a_websocket_is_sent_to_http() {
    let world = world();
    let call = world.stack.client().get("/v1/responses").key(world.key().await);
    let call = call.header("connection", "upgrade").header("upgrade", "websocket");
    let call =
        call.header("sec-websocket-version", "13").header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(call.send().await.expect(426).error()["code"], "426");
}
