//! The Responses API refuses what the real one refuses, and keeps its state to the account that made it.

use fake_provider::dialects::{Asked, of_path};
use fake_provider::{Finish, Reply};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

const ONE: &str = "Bearer sk-openai-one";
const OTHER: &str = "Bearer sk-openai-other";

/// The status and the text of an answer.
fn ask(method: &Method, path: &str, key: &'static str, body: &Value, reply: Option<&Reply>) -> (u16, String) {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static(key));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (dialect, _) = of_path(path).expect("a path of a dialect");
    assert!(dialect.name() == "responses" && dialect.takes(method));
    let body = body.to_string();
    let asked =
        Asked { method, path, query, headers: &headers, body: body.as_bytes(), scripted: reply, rounds: &[] };
    let script = dialect.answer(&asked).unwrap_or_else(|refusal| dialect.error(&refusal));
    let (status, _) = script.head.as_ref().expect("a head");
    (status.as_u16(), String::from_utf8(script.bytes()).expect("text"))
}

fn create(key: &'static str, body: &Value) -> (u16, Value) {
    let (status, text) = ask(&Method::POST, "/v1/responses", key, body, None);
    (status, serde_json::from_str(&text).expect("JSON"))
}

fn at(method: &Method, key: &'static str, path: &str) -> (u16, Value) {
    let (status, text) = ask(method, &format!("/v1/responses/{path}"), key, &Value::Null, None);
    (status, serde_json::from_str(&text).expect("JSON"))
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[name] = value;
    body
}

fn good() -> Value {
    json!({ "model": "gpt-5.5", "input": "Hi" })
}

fn function() -> Value {
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } } });
    json!({ "type": "function", "name": "weather", "parameters": schema, "strict": false })
}

#[test]
fn what_is_wrong_is_named() {
    let good = good();
    assert_eq!(create(ONE, &good).0, 200);
    let items = |items: Value| with(&good, "input", items);
    let user = json!({ "role": "user", "content": "Hi" });
    let call = json!({ "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}" });
    for (bad, status, param, code) in [
        (with(&good, "num_retries", json!(3)), 400, "num_retries", "unknown_parameter"),
        (with(&good, "messages", json!([])), 400, "messages", "unknown_parameter"),
        (with(&good, "model", Value::Null), 400, "model", "missing_required_parameter"),
        (with(&good, "input", json!(7)), 400, "input", "invalid_type"),
        (with(&good, "temperature", json!(0.5)), 400, "temperature", "unsupported_parameter"),
        (with(&good, "max_output_tokens", json!(5)), 400, "max_output_tokens", "integer_below_min_value"),
        (with(&good, "include", json!(["x"])), 400, "include[0]", "invalid_value"),
        (with(&good, "reasoning", json!({ "effort": "huge" })), 400, "reasoning.effort", "invalid_value"),
        (with(&good, "stream_options", json!({})), 400, "stream_options", ""),
        (with(&good, "tools", json!([{ "type": "new" }])), 400, "tools[0].type", "invalid_value"),
        (
            with(&good, "tools", json!([{ "type": "function", "function": {} }])),
            400,
            "tools[0].function",
            "unknown_parameter",
        ),
        (with(&good, "tool_choice", json!({ "type": "function", "name": "f" })), 400, "tool_choice", ""),
        (
            with(&good, "previous_response_id", json!("resp_1")),
            400,
            "previous_response_id",
            "previous_response_not_found",
        ),
        (items(json!([{ "type": "new" }])), 400, "input[0].type", "invalid_value"),
        (items(json!([{ "role": "robot", "content": "Hi" }])), 400, "input[0].role", "invalid_value"),
        (
            items(json!([{ "role": "user", "content": "Hi", "name": "x" }])),
            400,
            "input[0].name",
            "unknown_parameter",
        ),
        (
            items(json!([{ "role": "assistant", "content": [{ "type": "input_text", "text": "Hi" }] }])),
            400,
            "input[0].content[0].type",
            "invalid_value",
        ),
        (
            items(json!([{ "type": "message", "id": "x", "role": "user", "content": "Hi" }])),
            400,
            "input[0].id",
            "invalid_value",
        ),
        (
            items(json!([{ "role": "user", "content": "Hi", "id": format!("msg_{}", "x".repeat(61)) }])),
            400,
            "input[0].id",
            "string_above_max_length",
        ),
        (items(json!([user, call])), 400, "input", ""),
        (
            items(json!([{ "type": "function_call_output", "call_id": "c1", "output": "x" }])),
            400,
            "input",
            "",
        ),
        (items(json!([{ "type": "item_reference", "id": "msg_1" }])), 404, "input", ""),
        (items(json!([{ "type": "reasoning", "id": "rs_1", "summary": [] }, user])), 404, "input", ""),
        (
            items(
                json!([{ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA" }, user]),
            ),
            400,
            "",
            "invalid_encrypted_content",
        ),
    ] {
        let (found, answer) = create(ONE, &bad);
        let error = &answer["error"];
        assert_eq!(found, status, "{bad}: {answer}");
        let told = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        assert_eq!((told("param").as_str(), told("code").as_str()), (param, code), "{bad}: {answer}");
        assert_eq!(error["type"], "invalid_request_error");
    }
    assert_eq!(create("Bearer sk-ant-x", &good).0, 401);
}

#[test]
fn a_response_is_kept_for_its_account_until_it_is_deleted() {
    let (_, first) = create(ONE, &good());
    let id = first["id"].as_str().expect("an id").to_owned();
    assert_eq!(at(&Method::GET, ONE, &id), (200, first.clone()));
    assert_eq!(at(&Method::GET, OTHER, &id).0, 404);
    let next = with(&good(), "previous_response_id", json!(id));
    assert_eq!(create(OTHER, &next).0, 400);
    let (status, second) = create(ONE, &next);
    assert_eq!((status, &second["previous_response_id"]), (200, &json!(id)));
    let (_, items) = at(&Method::GET, ONE, &format!("{id}/input_items?limit=1&order=asc"));
    assert_eq!((&items["has_more"], &items["data"][0]["content"][0]["text"]), (&json!(false), &json!("Hi")));
    let item = items["first_id"].as_str().expect("an id");
    let (_, rest) = at(&Method::GET, ONE, &format!("{id}/input_items?after={item}"));
    assert_eq!(rest["data"], json!([]));
    assert_eq!(at(&Method::POST, ONE, &format!("{id}/cancel")).0, 400, "it is not in the background");
    assert_eq!(at(&Method::DELETE, ONE, &id).0, 200);
    assert_eq!(at(&Method::GET, ONE, &id).0, 404);
    let later = with(&good(), "previous_response_id", second["id"].clone());
    assert_eq!(create(ONE, &later).0, 400, "a deleted link cuts the chain");
    let (_, unkept) = create(ONE, &with(&good(), "store", json!(false)));
    assert_eq!(at(&Method::GET, ONE, unkept["id"].as_str().expect("an id")).0, 404);
    let (_, background) = create(ONE, &with(&good(), "background", json!(true)));
    let id = background["id"].as_str().expect("an id");
    assert_eq!(at(&Method::POST, ONE, &format!("{id}/cancel")).1["status"], "cancelled");
}

#[test]
fn items_come_back_whole_or_by_their_ids_and_together_with_their_thought() {
    let mut reply = Reply::call("weather", &json!({ "city": "Paris" }));
    reply.reasoning = Some("Which city?".to_owned());
    let tools = json!([function()]);
    let body = with(&good(), "tools", tools);
    let body = with(&body, "include", json!(["reasoning.encrypted_content"]));
    let made = |store: bool| {
        let body = with(&body, "store", json!(store));
        let (status, text) = ask(&Method::POST, "/v1/responses", ONE, &body, Some(&reply));
        assert_eq!(status, 200, "{text}");
        let output = serde_json::from_str::<Value>(&text).expect("JSON")["output"].take();
        serde_json::from_value::<Vec<Value>>(output).expect("items")
    };
    let after = |items: &[Value], call: &Value| {
        let result = json!({ "type": "function_call_output", "call_id": call["call_id"], "output": "12" });
        let user = json!({ "role": "user", "content": "Hi" });
        let items: Vec<&Value> = [&user].into_iter().chain(items).chain([&result]).collect();
        with(&body, "input", json!(items))
    };
    for kept in [true, false] {
        let output = made(kept);
        let [thought, call] = &output[..] else { panic!("{output:?}") };
        assert_eq!(create(ONE, &after(&output, call)).0, 200);
        assert_eq!(create(OTHER, &after(&output, call)).1["error"]["code"], "invalid_encrypted_content");
        let references: Vec<Value> =
            output.iter().map(|item| json!({ "type": "item_reference", "id": item["id"] })).collect();
        assert_eq!(create(ONE, &after(&references, call)).0, if kept { 200 } else { 404 });
        assert_eq!(create(OTHER, &after(&references, call)).0, 404);
        let (status, answer) = create(ONE, &after(std::slice::from_ref(call), call));
        assert_eq!(status, if kept { 400 } else { 200 }, "{answer}");
        let bare = with(thought, "encrypted_content", Value::Null);
        assert_eq!(create(ONE, &after(&[bare, call.clone()], call)).0, if kept { 200 } else { 404 });
    }
}

#[test]
fn the_kind_of_a_call_is_the_kind_of_its_tool() {
    let tools = json!([
        { "type": "custom", "name": "patch", "description": "Patches" },
        { "type": "namespace", "name": "functions", "description": "All", "tools": [function()] },
        { "type": "tool_search", "execution": "client", "parameters": { "type": "object" } },
    ]);
    let reply = Reply::call("patch", &json!({ "input": "*** Begin" }))
        .and_call("weather", &json!({ "city": "Paris" }))
        .and_call("tool_search", &json!({ "query": "x" }));
    let body = with(&good(), "tools", tools);
    let (_, text) = ask(&Method::POST, "/v1/responses", ONE, &body, Some(&reply));
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let of = |index: usize, name: &str| answer["output"][index][name].clone();
    assert_eq!((of(0, "type"), of(0, "input")), (json!("custom_tool_call"), json!("*** Begin")));
    assert_eq!((of(1, "type"), of(1, "namespace")), (json!("function_call"), json!("functions")));
    assert_eq!((of(2, "type"), of(2, "arguments")), (json!("tool_search_call"), json!({ "query": "x" })));
}

#[test]
fn a_stream_numbers_its_events_and_adds_up_to_the_response() {
    let mut reply = Reply::text("One two").and_call("weather", &json!({ "city": "Paris" }));
    reply.reasoning = Some("Which city?".to_owned());
    for finish in [Finish::Tools, Finish::Length, Finish::Refusal] {
        let body = json!({ "model": "gpt-5.5", "input": "Hi", "stream": true, "tools": [function()],
            "reasoning": { "effort": "low", "summary": "auto" } });
        let (_, text) = ask(&Method::POST, "/v1/responses", ONE, &body, Some(&reply.clone().finish(finish)));
        let mut items = Vec::new();
        let mut last = Value::Null;
        for (number, event) in text.split_terminator("\n\n").enumerate() {
            let (name, data) = event.split_once("\ndata: ").expect("data");
            let data: Value = serde_json::from_str(data).expect("JSON");
            assert_eq!(data["sequence_number"], number);
            assert_eq!(name, format!("event: {}", data["type"].as_str().expect("a type")));
            if data["type"] == "response.output_item.done" {
                items.push(data["item"].clone());
            }
            last = data;
        }
        assert_eq!(last["response"]["output"], json!(items));
        let expected = if finish == Finish::Length { "incomplete" } else { "completed" };
        assert_eq!(last["response"]["status"], expected);
        assert_eq!(items.len(), 3);
    }
}
