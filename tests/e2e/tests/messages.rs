//! Anthropic's Messages API, in front of providers of both languages.

use fake_provider::faults::CutHow;
use fake_provider::{Fault, Reply, Step, Usage};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, world};

const MODELS: [&str; 2] = ["gpt-4o", "claude"];

async fn ask(body: &Value) -> Answer {
    let world = world();
    let key = world.key().await;
    world.stack.client().post("/v1/messages?beta=true", body).header("x-api-key", key).send().await
}

fn question(model: &str, prompt: &str) -> Value {
    json!({ "model": model, "max_tokens": 64, "messages": [{ "role": "user", "content": prompt }] })
}

/// The events of a stream: their types and data.
fn events(answer: &Answer) -> Vec<(String, Value)> {
    let text = answer.text();
    let event = |event: &str| {
        let (kind, data) = event.split_once('\n').expect("two lines");
        let kind = kind.strip_prefix("event: ").expect("a type").to_owned();
        (kind, serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON"))
    };
    text.split_terminator("\n\n").map(event).collect()
}

#[tokio::test]
async fn a_question_is_answered_as_a_message() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let usage = Usage { input: 10, cached: 5, cache_write: 0, output: 9, reasoning: 0 };
        case.then(Step::reply(Reply::text("Bonjour").usage(usage)));
        let answer = ask(&question(model, &case.prompt("Hello"))).await.expect(200);
        assert!(!answer.header("x-litellm-call-id").is_empty());
        let message = answer.json();
        assert_eq!(message["type"], "message", "{model}");
        assert_eq!(message["role"], "assistant", "{model}");
        assert_eq!(message["model"], model, "the client sees the name that it asked for");
        assert_eq!(message["content"], json!([{ "type": "text", "text": "Bonjour" }]), "{model}");
        assert_eq!(message["stop_reason"], "end_turn", "{model}");
        assert_eq!(message["usage"]["input_tokens"], 10, "without what was cached: {message}");
        assert_eq!(message["usage"]["cache_read_input_tokens"], 5, "{message}");
        assert_eq!(message["usage"]["output_tokens"], 9, "{message}");
    }
}

#[tokio::test]
async fn a_stream_has_every_event_in_its_place() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let mut body = question(model, &case.prompt("Count to three"));
        body["stream"] = json!(true);
        let answer = ask(&body).await.expect(200);
        assert!(answer.header("content-type").starts_with("text/event-stream"), "{model}");
        let events = events(&answer);
        let kinds: Vec<&str> = events.iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds[..3], ["message_start", "content_block_start", "ping"], "{model}");
        assert_eq!(
            kinds[kinds.len() - 3..],
            ["content_block_stop", "message_delta", "message_stop"],
            "{model}"
        );
        let said: String = events.iter().filter_map(|(_, data)| data["delta"]["text"].as_str()).collect();
        assert_eq!(said, format!("You said: {}", case.prompt("Count to three")), "{model}");
        let start = &events[0].1["message"];
        assert!(start["usage"]["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{start}");
        let (_, end) = &events[events.len() - 2];
        assert_eq!(end["delta"]["stop_reason"], "end_turn", "{end}");
        assert!(end["usage"]["output_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{end}");
    }
}

#[tokio::test]
async fn a_tool_is_called_and_its_result_comes_back() {
    let world = world();
    let schema = json!({
        "type": "object",
        "properties": { "city": { "type": "string" }, "unit": { "type": "string", "enum": ["C", "F"] } },
        "required": ["city"],
    });
    for model in MODELS {
        let case = world.case();
        let mut body = question(model, &case.prompt("How is the weather?"));
        body["tools"] =
            json!([{ "name": "weather", "description": "Tells the weather.", "input_schema": schema }]);
        let message = ask(&body).await.expect(200).json();
        assert_eq!(message["stop_reason"], "tool_use", "{message}");
        let call = &message["content"][0];
        assert_eq!(call["type"], "tool_use", "{message}");
        assert_eq!(call["input"], json!({ "city": "Paris", "unit": "C" }), "{message}");
        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(json!({ "role": "assistant", "content": message["content"] }));
        turns.push(json!({ "role": "user", "content": [
            { "type": "tool_result", "tool_use_id": call["id"], "content": "12 degrees" }] }));
        let message = ask(&body).await.expect(200).json();
        assert_eq!(message["content"][0]["text"], "The tool says: 12 degrees", "{message}");
        assert!(case.requests().iter().all(|request| request.refused.is_empty()), "{:#?}", case.requests());
    }
}

#[tokio::test]
async fn errors_are_anthropics() {
    let world = world();
    let case = world.case();
    let body = question("gpt-4o", &case.prompt("Hello"));
    let client = world.stack.client();
    let error = |answer: Answer, kind: &str| {
        let body = answer.json();
        assert_eq!(body["type"], "error", "{body}");
        assert_eq!(body["error"]["type"], kind, "{body}");
        assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{body}");
        body["error"]["message"].as_str().unwrap().to_owned()
    };
    error(client.post("/v1/messages", &body).send().await.expect(401), "authentication_error");
    let unknown = client.post("/v1/messages", &body).header("x-api-key", "sk-unknown").send().await;
    error(unknown.expect(401), "authentication_error");
    error(ask(&question("no-such-model", "Hello")).await.expect(400), "invalid_request_error");
    let told = error(ask(&json!({ "model": "gpt-4o" })).await.expect(400), "invalid_request_error");
    assert_eq!(told, "messages: Field required");
    error(ask(&question("wrong-key", "Hello")).await.expect(401), "authentication_error");
}

#[tokio::test]
async fn prompts_are_counted_and_models_listed() {
    let world = world();
    let key = world.key().await;
    let client = world.stack.client();
    let case = world.case();
    let prompt = case.prompt("How many tokens are in this?");
    let count = |model: &str| {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] });
        client.post("/v1/messages/count_tokens", &body).header("x-api-key", key).send()
    };
    // The provider has the same API, and counts.
    let counted = count("claude").await.expect(200);
    let asked = case.request();
    assert_eq!((&*asked.target, &*asked.refused), ("/v1/messages/count_tokens", ""));
    assert_eq!(asked.json()["model"], "claude-sonnet-4-5");
    assert_eq!(counted.json(), json!({ "input_tokens": asked.body.len() / 4 }));
    assert_eq!(counted.header("x-switchboard-token-count"), "");
    // Others do not.
    let estimated = count("gpt-4o").await.expect(200);
    let tokens = estimated.json()["input_tokens"].as_u64().unwrap();
    assert!((6..40).contains(&tokens), "{tokens}");
    assert_eq!(estimated.header("x-switchboard-token-count"), "estimate");
    assert_eq!(case.requests().len(), 1);
    let list = client.get("/v1/models?limit=1000").header("x-api-key", key);
    let list = list.header("anthropic-version", "2023-06-01").send().await.expect(200).json();
    assert_eq!(list["has_more"], false, "{list}");
    let models = list["data"].as_array().unwrap();
    assert!(models.iter().any(|model| model["id"] == "claude" && model["type"] == "model"), "{list}");
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_in_an_error() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        case.then(
            Step::reply(Reply::text("One two three four five six"))
                .with(Fault::Cut { after: 6, how: CutHow::Clean }),
        );
        let mut body = question(model, &case.prompt("Count"));
        body["stream"] = json!(true);
        let answer = ask(&body).await.expect(200);
        let events = events(&answer);
        let (kind, data) = events.last().unwrap();
        assert_eq!(kind, "error", "{model}: {}", answer.text());
        assert_eq!(data["error"]["type"], "api_error", "{data}");
    }
}
