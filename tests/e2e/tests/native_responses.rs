//! Providers with the Responses API of their own: their responses pass, and belong to one deployment and one key.

use fake_provider::case::Wire;
use fake_provider::{Case, Provider, Step};
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Config, Setup, Stack, families};

fn stack(provider: &Provider) -> Stack {
    let model = |account: &str| {
        let base = format!("{}/scripted/{account}", provider.base());
        json!({ "model": "azure/blue", "api_base": base, "api_key": "key", "api_version": "v1" })
    };
    let config = Config::new().model("two", model("first")).model("two", model("second"));
    let config = config.model("one", model("only"));
    Setup::new(&config.section("router_settings", json!({ "num_retries": 0 }))).start()
}

fn answer(account: &str) -> Value {
    let encrypted = format!("secret-of-{account}");
    json!({ "id": format!("resp_{account}"), "object": "response", "status": "completed", "model": "blue-2026", "store": true,
        "output": [{ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted }],
        "usage": { "input_tokens": 10, "output_tokens": 5, "total_tokens": 15 } })
}

/// Every account answers in its own name.
fn script(case: &Case) {
    for account in ["first", "second", "only"] {
        case.then(Step::wire(Wire::json(200, answer(account).to_string().as_bytes())).at(account));
    }
}

#[tokio::test]
async fn every_turn_goes_to_the_deployment_that_keeps_the_conversation() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let (key, other) = (stack.key().await, stack.key().await);
    for _ in 0..6 {
        let case = provider.case();
        script(&case);
        let body = json!({ "model": "two", "input": case.prompt("One"), "tools": [{ "type": "file_search" }], "unknown": 1.5 });
        let first = stack.client().post("/v1/responses", &body).key(&key).send().await.expect(200).json();
        assert_eq!((&first["model"], &first["store"]), (&json!("two"), &json!(true)));
        let sent = case.request();
        let mut expected = body.clone();
        expected["model"] = json!("blue");
        assert_eq!(sent.json(), expected);
        assert_eq!(sent.target, format!("/scripted/{}/openai/v1/responses", sent.account));
        for input in [
            json!(case.prompt("Two")),
            json!([first["output"][0], { "role": "user", "content": case.prompt("Two") }]),
        ] {
            let is_item = input.is_array();
            let mut body = json!({ "model": "two", "input": input });
            if !is_item {
                body["previous_response_id"] = first["id"].clone();
            }
            stack.client().post("/v1/responses", &body).key(&key).send().await.expect(200);
            let next = case.requests().pop().expect("a request");
            assert_eq!(next.account, sent.account);
            if is_item {
                assert_eq!(
                    next.json()["input"][0]["encrypted_content"],
                    format!("secret-of-{}", sent.account)
                );
            } else {
                assert_eq!(next.json()["previous_response_id"], format!("resp_{}", sent.account));
            }
        }
        let body = json!({ "model": "two", "input": "Two", "previous_response_id": first["id"] });
        let error = stack.client().post("/v1/responses", &body).key(&other).send().await.expect(400).json();
        assert_eq!(error["error"]["code"], "previous_response_not_found");
    }
}

#[tokio::test]
async fn a_kept_response_is_asked_of_its_provider_by_its_key_alone() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let (key, other) = (stack.key().await, stack.key().await);
    let case = provider.case();
    script(&case);
    let body = json!({ "model": "one", "input": case.prompt("One") });
    let made = stack.client().post("/v1/responses", &body).key(&key).send().await.expect(200).json();
    let id = made["id"].as_str().expect("an id");
    for (method, below) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::POST, "/cancel"),
        (Method::GET, "/input_items?limit=2"),
    ] {
        let path = format!("/v1/responses/{id}{below}");
        // The provider answers POST alone; what matters is that the request arrives.
        let status = if method == Method::POST { 500 } else { 400 };
        stack.client().request(method.clone(), &path).key(&key).send().await.expect(status);
        let asked = provider.unclaimed().pop().expect("a request");
        let target = format!("/scripted/only/openai/v1/responses/resp_only{below}");
        assert_eq!((asked.method.clone(), &asked.target), (method.clone(), &target));
        assert_eq!(asked.header("api-key"), "key");
        let before = provider.unclaimed().len();
        stack.client().request(method, &path).key(&other).send().await.expect(404);
        assert_eq!(provider.unclaimed().len(), before);
    }
}

#[tokio::test]
async fn a_stream_passes_event_by_event() {
    let provider = Provider::start().expect("a provider");
    let stack = stack(&provider);
    let key = stack.key().await;
    let case = provider.case();
    let event = |kind: &str, number: u64, more: Value| {
        let mut data = json!({ "type": kind, "sequence_number": number });
        data.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        format!("event: {kind}\ndata: {data}\n\n")
    };
    let pieces = [
        event(
            "response.created",
            0,
            json!({ "response": { "id": "resp_only", "model": "blue", "status": "in_progress" } }),
        ),
        event("response.new_kind", 1, json!({ "delta": "Hello", "unknown": [1.5] })),
        event("response.completed", 2, json!({ "response": answer("only") })),
    ];
    let wire = Wire::stream("text/event-stream", pieces.iter().map(String::as_bytes));
    case.then(Step::wire(wire));
    let body = json!({ "model": "one", "input": case.prompt("One"), "stream": true });
    let told = stack.client().post("/v1/responses", &body).key(&key).send().await.expect(200);
    let text = told.text();
    let named =
        |prefix: &str| text.split('"').find(|text| text.starts_with(prefix)).expect("an id").to_owned();
    let (id, item) = (named("resp_"), named("rs_"));
    let expected =
        pieces.concat().replace("resp_only", &id).replace("rs_1", &item).replace("\"blue\"", "\"one\"");
    assert_eq!(text, expected.replace("\"blue-2026\"", "\"one\""));
}

#[tokio::test]
async fn a_provider_with_the_api_compacts_conversations_itself_and_continues_them() {
    let all = families();
    let key = all.key().await.to_owned();
    let post = async |path: &str, body: &Value| all.stack.client().post(path, body).key(&key).send().await;
    let body = json!({ "model": "responses", "input": "A long conversation" });
    let compacted = post("/v1/responses/compact", &body).await.expect(200).json();
    assert_eq!(compacted["object"], "response.compaction");
    let item = &compacted["output"][0];
    assert_eq!(item["type"], "compaction");
    assert!(!item["encrypted_content"].as_str().expect("a text").starts_with("sb1."), "{item}");
    let case = all.provider.case();
    let input = json!([item, { "role": "user", "content": case.prompt("Go on") }]);
    post("/v1/responses", &json!({ "model": "responses", "input": input })).await.expect(200);
    assert_eq!(case.request().json()["input"][0]["type"], "compaction");
    let refused = post("/v1/responses", &json!({ "model": "anthropic", "input": input })).await.expect(400);
    assert!(refused.text().contains("only by the provider that made it"), "{}", refused.text());
    // Another provider's model writes a summary that every model reads.
    let body = json!({ "model": "anthropic", "input": "A long conversation" });
    let summary = post("/v1/responses/compact", &body).await.expect(200).json();
    let input = json!([summary["output"][0], { "role": "user", "content": "Go on" }]);
    post("/v1/responses", &json!({ "model": "openai", "input": input })).await.expect(200);
}

#[tokio::test]
async fn a_search_that_no_provider_can_make_is_refused() {
    let all = families();
    let key = all.key().await.to_owned();
    let body = |model: &str| json!({ "model": model, "input": "News?", "tools": [{ "type": "web_search" }] });
    for (model, status) in [("deepseek", 400), ("bedrock", 400), ("anthropic", 200), ("gemini", 200)] {
        let answer = all.stack.client().post("/v1/responses", &body(model)).key(&key).send().await;
        let answer = answer.expect(status);
        assert_eq!(answer.text().contains("the request needs a web search"), status == 400, "{model}");
    }
}
