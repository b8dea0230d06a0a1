//! Tools: the call, and the way back.

use fake_provider::{Reply, Step};
use serde_json::{Value, json};
use switchboard_e2e::world;

const MODELS: [&str; 2] = ["gpt-4o", "claude"];

fn tools() -> Value {
    let parameters = json!({
        "type": "object",
        "properties": { "city": { "type": "string" }, "unit": { "type": "string", "enum": ["C", "F"] } },
        "required": ["city"],
    });
    json!([
        { "type": "function", "function": {
            "name": "weather", "description": "Tells the weather.", "parameters": parameters } },
        { "type": "function", "function": { "name": "now" } },
    ])
}

fn request(model: &str, prompt: &str, more: &Value) -> Value {
    let mut body =
        json!({ "model": model, "tools": tools(), "messages": [{ "role": "user", "content": prompt }] });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

#[tokio::test]
async fn a_model_calls_a_tool_and_is_told_its_result() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let mut body = request(model, &case.prompt("How is the weather?"), &json!({}));
        let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200).json();
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{model}");
        assert_eq!(choice["message"]["content"], Value::Null, "{model}");
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(call["type"], "function", "{model}");
        assert_eq!(call["function"]["name"], "weather", "{model}");
        let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(arguments, json!({ "city": "Paris", "unit": "C" }), "{model}");

        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(choice["message"].clone());
        turns.push(json!({ "role": "tool", "tool_call_id": call["id"], "content": "12 degrees" }));
        let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200).json();
        assert_eq!(answer["choices"][0]["message"]["content"], "The tool says: 12 degrees", "{model}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{model}");
        assert!(case.requests().iter().all(|request| request.refused.is_empty()), "{:#?}", case.requests());
    }
}

#[tokio::test]
async fn parallel_calls_keep_their_order_and_their_results() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let reply = Reply::text("Let me see.")
            .and_call("weather", &json!({ "city": "Z\u{fc}rich" }))
            .and_call("now", &json!({}));
        case.then(Step::reply(reply)).then(Step::default());
        let mut body = request(model, &case.prompt("Weather and time?"), &json!({}));
        let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200).json();
        let message = &answer["choices"][0]["message"];
        assert_eq!(message["content"], "Let me see.", "{model}");
        let names: Vec<&Value> =
            message["tool_calls"].as_array().unwrap().iter().map(|call| &call["function"]["name"]).collect();
        assert_eq!(names, ["weather", "now"], "{model}");
        assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{}", "{model}");

        let ids: Vec<Value> =
            message["tool_calls"].as_array().unwrap().iter().map(|call| call["id"].clone()).collect();
        let turns = body["messages"].as_array_mut().unwrap();
        turns.push(message.clone());
        turns.push(json!({ "role": "tool", "tool_call_id": ids[0], "content": "rain" }));
        turns.push(json!({ "role": "tool", "tool_call_id": ids[1], "content": "noon" }));
        turns.push(json!({ "role": "user", "content": "Go on." }));
        world.post("/v1/chat/completions", &body).await.send().await.expect(200);
        let sent = case.requests().pop().unwrap();
        assert_eq!(sent.refused, "", "{model}: {}", sent.json());
        if model == "claude" {
            let turn = &sent.json()["messages"][2]["content"];
            assert_eq!((&turn[0]["type"], &turn[1]["type"]), (&json!("tool_result"), &json!("tool_result")));
            assert_eq!(turn[2]["text"], "Go on.", "results come first, and the next turn joins them");
        }
    }
}

#[tokio::test]
async fn a_streamed_call_comes_in_pieces_that_make_the_whole() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let arguments = json!({ "city": "a \"quoted\" caf\u{e9}", "unit": "C" });
        let reply = Reply::text("Well, ").and_call("weather", &arguments).and_call("now", &json!({}));
        case.then(Step::reply(reply));
        let body = request(model, &case.prompt("Weather?"), &json!({ "stream": true }));
        let events = world.post("/v1/chat/completions", &body).await.send().await.expect(200).events();
        assert_eq!(events.text(), "Well, ", "{model}");
        let calls = events.tool_calls();
        assert_eq!(calls.len(), 2, "{model}: {events:?}");
        assert_eq!((calls[0].1.as_str(), calls[1].1.as_str()), ("weather", "now"), "{model}");
        assert_eq!(serde_json::from_str::<Value>(&calls[0].2).unwrap(), arguments, "{model}");
        assert_eq!(calls[1].2, "{}", "{model}: a call without arguments has an empty object");
        assert!(!calls[0].0.is_empty() && calls[0].0 != calls[1].0, "{model}: {calls:?}");
        assert_eq!(events.finish_reasons(), ["tool_calls"], "{model}");
        assert!(events.is_done(), "{model}");
    }
}

#[tokio::test]
async fn the_choice_of_tools_is_said_in_anthropics_words() {
    let world = world();
    for (choice, said) in [
        (json!({ "tool_choice": "auto" }), json!({ "type": "auto" })),
        (json!({ "tool_choice": "required" }), json!({ "type": "any" })),
        (json!({ "tool_choice": "none" }), json!({ "type": "none" })),
        (
            json!({ "tool_choice": { "type": "function", "function": { "name": "now" } } }),
            json!({ "type": "tool", "name": "now" }),
        ),
        (
            json!({ "parallel_tool_calls": false }),
            json!({ "type": "auto", "disable_parallel_tool_use": true }),
        ),
        (
            json!({ "tool_choice": "required", "parallel_tool_calls": false }),
            json!({ "type": "any", "disable_parallel_tool_use": true }),
        ),
    ] {
        let case = world.case();
        let body = request("claude", &case.prompt("Weather?"), &choice);
        world.post("/v1/chat/completions", &body).await.send().await.expect(200);
        assert_eq!(case.request().json()["tool_choice"], said, "{choice}");
    }
}

#[tokio::test]
async fn a_client_of_the_deprecated_functions_is_answered_in_their_form() {
    let world = world();
    let function = json!({
        "name": "weather",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } } },
    });
    let reply = || Reply::call("weather", &json!({ "city": "Paris" })).and_call("weather", &json!({}));
    let case = world.case();
    case.then(Step::reply(reply())).then(Step::reply(reply())).then(Step::default());
    let mut body = json!({
        "model": "claude", "functions": [function], "function_call": "auto",
        "messages": [{ "role": "user", "content": case.prompt("How is the weather?") }],
    });
    let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200).json();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "function_call", "{answer}");
    assert_eq!(choice["message"]["function_call"]["name"], "weather");
    assert_eq!(choice["message"]["function_call"]["arguments"], r#"{"city":"Paris"}"#);
    assert!(choice["message"].get("tool_calls").is_none(), "{answer}");
    let called = choice["message"].clone();

    body["stream"] = json!(true);
    let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    let events = answer.events();
    assert!(events.is_done(), "{}", answer.text());
    let mut said = (String::new(), String::new(), Value::Null);
    for chunk in events.chunks() {
        let choice = &chunk["choices"][0];
        let call = &choice["delta"]["function_call"];
        said.0 += call["name"].as_str().unwrap_or_default();
        said.1 += call["arguments"].as_str().unwrap_or_default();
        if choice["finish_reason"].is_string() {
            said.2 = choice["finish_reason"].clone();
        }
        assert!(choice["delta"].get("tool_calls").is_none(), "{chunk}");
    }
    assert_eq!(said, ("weather".into(), r#"{"city":"Paris"}"#.into(), json!("function_call")));

    body["stream"] = json!(false);
    let turns = body["messages"].as_array_mut().unwrap();
    turns.push(called);
    turns.push(json!({ "role": "function", "name": "weather", "content": "12 degrees" }));
    let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "The tool says: 12 degrees", "{answer}");
    assert!(case.requests().iter().all(|request| request.refused.is_empty()), "{:#?}", case.requests());
}

#[tokio::test]
async fn a_union_at_the_root_of_a_tool_is_no_error() {
    let world = world();
    let case = world.case();
    let parameters = json!({
        "anyOf": [
            { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] },
            { "$ref": "#/$defs/place" },
        ],
        "$defs": { "place": { "type": "object", "properties": { "lat": { "type": "number" } } } },
    });
    let body = json!({
        "model": "claude", "messages": [{ "role": "user", "content": case.prompt("How is the weather?") }],
        "tools": [{ "type": "function", "function": { "name": "weather", "parameters": parameters } }],
        "parallel_tool_calls": false,
    });
    let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200).json();
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls", "{answer}");
    let sent = case.request().json();
    let schema = &sent["tools"][0]["input_schema"];
    assert_eq!(schema["properties"]["city"]["type"], "string", "{sent}");
    assert_eq!(schema["properties"]["lat"]["type"], "number", "{sent}");
}

#[tokio::test]
async fn features_of_claude_that_a_client_asks_for_reach_it() {
    let world = world();
    let case = world.case();
    let body = json!({
        "model": "claude", "messages": [{ "role": "user", "content": case.prompt("Hi") }],
        "extra_headers": { "anthropic-beta": "interleaved-thinking-2025-05-14" },
    });
    let call = world.post("/v1/chat/completions", &body).await;
    call.header("anthropic-beta", "context-1m-2025-08-07, interleaved-thinking-2025-05-14")
        .send()
        .await
        .expect(200);
    let request = case.request();
    assert_eq!(
        request.header("anthropic-beta"),
        "context-1m-2025-08-07,interleaved-thinking-2025-05-14",
        "{}",
        request.head_text()
    );
    assert!(request.json().get("extra_headers").is_none());
}

#[tokio::test]
async fn an_empty_list_of_tools_is_left_out_for_everybody() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        let body = json!({
            "model": model, "messages": [{ "role": "user", "content": case.prompt("Hi") }],
            "tools": [], "tool_choice": "auto", "parallel_tool_calls": false, "stop": null, "user": null,
        });
        world.post("/v1/chat/completions", &body).await.send().await.expect(200);
        let sent = case.request().json();
        for name in ["tools", "tool_choice", "parallel_tool_calls", "stop", "user"] {
            assert!(sent.get(name).is_none(), "{model}: {sent}");
        }
    }
}
