//! Stored responses (`general_settings.store_responses`): conversations that go on with the id of the last response.

use std::time::Duration;

use fake_provider::Provider;
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{ANTHROPIC_KEY, Answer, Config, OPENAI_KEY, Setup, Stack, anthropic, openai};

use crate::sdk::run_with;

fn stack(provider: &Provider) -> Stack {
    let config = Config::new()
        .model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY))
        .model("claude", anthropic("claude-sonnet-4-5", &provider.base(), ANTHROPIC_KEY))
        .section("general_settings", json!({ "store_responses": true }));
    Setup::new(&config).start()
}

async fn create(stack: &Stack, key: &str, body: Value) -> Answer {
    stack.client().post("/v1/responses", &body).key(key).send().await
}

/// The response that a stream ends in.
fn last(answer: &Answer) -> Value {
    let text = answer.text();
    let (_, data) = text.trim_end().rsplit_once("\ndata: ").expect("an event");
    serde_json::from_str::<Value>(data).expect("JSON")["response"].take()
}

#[tokio::test]
async fn the_provider_gets_the_whole_conversation_of_this_key_and_of_no_other() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let (key, other) = (stack.key().await, stack.key().await);
    for model in ["gpt-4o", "claude"] {
        let case = provider.case();
        let first = create(&stack, &key, json!({ "model": model, "input": case.prompt("One") })).await;
        let first = first.expect(200).json();
        assert_eq!(first["store"], true, "{first}");
        let mut body =
            json!({ "model": model, "input": "Two", "stream": true, "previous_response_id": first["id"] });
        let second = last(&create(&stack, &key, body.clone()).await.expect(200));
        assert_eq!((&second["status"], &second["store"]), (&json!("completed"), &json!(true)));
        assert_eq!(second["previous_response_id"], first["id"]);
        // Written before the end went out: the client may go on at once.
        body["previous_response_id"] = second["id"].clone();
        body["input"] = json!([{ "role": "user", "content": "Three" }]);
        last(&create(&stack, &key, body.clone()).await.expect(200));
        let sent = case.requests().last().expect("a request").json();
        let roles: Vec<&str> = sent["messages"]
            .as_array()
            .expect("messages")
            .iter()
            .map(|it| it["role"].as_str().expect("a role"))
            .collect();
        assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"], "{model}: {sent}");

        let error = create(&stack, &other, body).await.expect(400).json();
        assert_eq!(error["error"]["code"], "previous_response_not_found");
        let path = format!("/v1/responses/{}", second["id"].as_str().expect("an id"));
        let ask =
            async |method: Method, key: &str| stack.client().request(method, &path).key(key).send().await;
        ask(Method::GET, &other).await.expect(404);
        ask(Method::DELETE, &other).await.expect(404);
        assert_eq!(ask(Method::GET, &key).await.expect(200).json(), second);
        ask(Method::DELETE, &key).await.expect(200);
        let error = ask(Method::GET, &key).await.expect(404).error();
        assert!(error["message"].as_str().expect("a message").ends_with("not found."), "{error}");
    }
}

#[tokio::test]
async fn a_stream_that_comes_in_small_pieces_is_stored_whole() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let key = stack.key().await;
    let case = provider.case();
    case.then(fake_provider::Step::fault(fake_provider::Fault::Shred { size: 7 }));
    let body = json!({ "model": "claude", "input": case.prompt("Hello"), "stream": true });
    let response = last(&create(&stack, &key, body).await.expect(200));
    assert_eq!(response["store"], true);
    let path = format!("/v1/responses/{}", response["id"].as_str().expect("an id"));
    assert_eq!(stack.client().get(&path).key(&key).send().await.expect(200).json(), response);
}

#[tokio::test]
async fn without_the_key_service_responses_say_that_they_are_not_stored() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let key = stack.key().await;
    let first = create(&stack, &key, json!({ "model": "gpt-4o", "input": "One" })).await.expect(200).json();
    let pid = stack.keys_pid().expect("a key service");
    stack.freeze(pid);
    for stream in [false, true] {
        let begun = std::time::Instant::now();
        let answer =
            create(&stack, &key, json!({ "model": "gpt-4o", "input": "Two", "stream": stream })).await;
        let answer = answer.expect(200);
        let response = if stream { last(&answer) } else { answer.json() };
        assert_eq!((&response["status"], &response["store"]), (&json!("completed"), &json!(false)));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
    let next = json!({ "model": "gpt-4o", "input": "Two", "previous_response_id": first["id"] });
    let answer = create(&stack, &key, next.clone()).await.expect(503);
    assert_eq!(answer.header("retry-after"), "1");
    stack.thaw(pid);
    let response = create(&stack, &key, next).await.expect(200).json();
    assert_eq!(response["store"], true);
}

#[tokio::test]
async fn the_sdk_for_python_uses_the_store() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let key = stack.key().await;
    run_with("python3", &[], "python/responses.py", &stack.base(), &key, &provider.base());
}
