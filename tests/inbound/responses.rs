//! `OpenAI`'s Responses API.

use std::borrow::Cow;
use std::fs;

use serde_json::{Value, json};
use switchboard::dialects::{Body, Target};
use switchboard::exchange::{Streaming, translated};
use switchboard::inbound::{COMPACT, Language as _, Place, RESPONSES};
use switchboard::json;
use switchboard::openai::{Memo, Request, Resolved};
use switchboard::providers::find;

use super::fixtures::{Case, Kind};
use super::{answer, chats, cut_anywhere, folder, golden, stream, streams};

#[test]
fn requests_become_chats() {
    let folder = folder(&RESPONSES).join("request");
    let mut count = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        let Some(name) =
            file.file_name().unwrap().to_str().unwrap().strip_suffix(".in.json").map(str::to_owned)
        else {
            continue;
        };
        count += 1;
        let chat = chat(&fs::read(&file).unwrap());
        serde_json::from_slice::<Value>(&chat).unwrap();
        golden(&folder.join(format!("{name}.out.json")), &chat);
    }
    assert!(count > 5);
}

#[test]
fn what_needs_a_store_or_runs_at_openai_only_is_refused_by_its_field() {
    let hosted = json!([{"type": "file_search", "vector_store_ids": ["v"]}]);
    for (member, value, param, code, word) in [
        (
            "previous_response_id",
            json!("resp_1"),
            "previous_response_id",
            "previous_response_not_found",
            "whole",
        ),
        ("conversation", json!("conv_1"), "conversation", "400", "whole"),
        ("background", json!(true), "background", "400", "stream"),
        ("prompt", json!({"id": "pmpt_1"}), "prompt", "400", "instructions"),
        ("input", json!([{"type": "item_reference", "id": "msg_1"}]), "input[0]", "400", "item itself"),
        ("input", json!([{"type": "compaction", "encrypted_content": "x"}]), "input[0]", "400", "provider"),
        ("input", json!(7), "input", "400", "array of items"),
        ("input", Value::Null, "input", "400", "Missing"),
        (
            "input",
            json!([{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]),
            "input[0].content[0].file_id",
            "400",
            "image_url",
        ),
        ("tools", hosted.clone(), "tools[0].type", "400", "file_search"),
        ("tools", json!("all"), "tools", "400", "array"),
        ("tool_choice", json!({"type": "file_search"}), "tool_choice.type", "400", "OpenAI only"),
        ("tool_choice", json!({"type": "function", "name": "none"}), "tool_choice", "400", "not in `tools`"),
        ("tool_choice", json!("any"), "tool_choice", "400", "required"),
        ("text", json!({"format": {"type": "xml"}}), "text.format.type", "400", "json_schema"),
    ] {
        let mut body = json!({"model": "m", "input": "hi", "tools": [{"type": "function", "name": "f"}]});
        body[member] = value;
        let error = RESPONSES.request(Cow::Owned(body.to_string().into_bytes())).map(|_| ()).unwrap_err();
        assert_eq!(RESPONSES.status(&error), 400, "{body}");
        let written: Value = serde_json::from_slice(&RESPONSES.error(&error, "").unwrap()).unwrap();
        let error = &written["error"];
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{body}");
        assert!(error["message"].as_str().unwrap().contains(word), "{written}");
    }
    // Beside other tools they are left out: clients send them always.
    let body = json!({"input": "hi", "tools": [hosted[0], {"type": "function", "name": "f"}]});
    let chat: Value = serde_json::from_slice(&chat(body.to_string().as_bytes())).unwrap();
    assert_eq!(chat["tools"].as_array().unwrap().len(), 1);
}

#[test]
fn two_tools_of_one_name_stay_two() {
    let long = "x".repeat(60);
    let member = |name: &str| json!({"type": "function", "name": name});
    let body = json!({"input": "hi", "tools": [
        member("a__b"),
        {"type": "namespace", "name": "a", "tools": [member("b"), member(&long)]},
        {"type": "namespace", "name": "c", "tools": [member(&long)]},
        member("a__b"),
    ]});
    let chat: Value = serde_json::from_slice(&chat(body.to_string().as_bytes())).unwrap();
    let mut names: Vec<&str> = chat["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap())
        .collect();
    assert!(names.iter().all(|name| name.len() <= 64), "{names:?}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn no_depth_and_no_number_of_tools_exhausts_a_worker() {
    for (open, close) in
        [(r#"{"type":"namespace","name":"a","tools":["#, "]}"), (r#"{"type":"function","function":"#, "}")]
    {
        let deep = [open.repeat(50_000), "1".to_owned(), close.repeat(50_000)].concat();
        let body = format!(r#"{{"model":"m","input":"hi","tools":[{deep}]}}"#);
        let written: Value = serde_json::from_slice(&chat(body.as_bytes())).unwrap();
        assert!(written["messages"].is_array() || written["error"]["param"].is_string(), "{written}");
    }
    let tools: Vec<Value> = (0..30_000).map(|n| json!({"type": "custom", "name": format!("t{n}")})).collect();
    let body = json!({"model": "m", "input": "hi", "tools": tools}).to_string();
    let written: Value = serde_json::from_slice(&chat(body.as_bytes())).unwrap();
    assert_eq!(written["error"]["param"], "tools[2000]");
}

#[test]
fn answers_of_every_provider_are_responses() {
    for case in chats(Kind::Response) {
        let body = answer(&case, &RESPONSES);
        let response: Value = parse(&String::from_utf8(body.clone()).unwrap());
        assert!(
            response["object"] == "response" || response["error"]["message"].is_string(),
            "{}",
            case.path()
        );
        golden(&folder(&RESPONSES).join(format!("{}.json", case.path())), &body);
    }
}

#[test]
fn streams_of_every_provider_are_events_in_order() {
    streams(&RESPONSES, in_order);
}

#[test]
fn a_stream_is_the_same_however_it_is_cut() {
    cut_anywhere(&RESPONSES);
}

#[test]
fn a_stream_that_dies_never_looks_complete() {
    for case in chats(Kind::Stream) {
        let whole = String::from_utf8(stream(&case, &RESPONSES, &[&case.input])).unwrap();
        for part in 1..8 {
            let end = case.input.len() * part / 8;
            let text = String::from_utf8(stream(&case, &RESPONSES, &[&case.input[..end]])).unwrap();
            in_order(&text, &case.path());
            let failed = text.contains("event: response.failed");
            assert!(failed || last_output(&text) == last_output(&whole), "{}: {text}", case.path());
        }
    }
}

/// The last event's output.
fn last_output(text: &str) -> Value {
    let event = text.trim_end().rsplit("\n\n").next().unwrap();
    parse(event.split_once("\ndata: ").unwrap().1)["response"]["output"].clone()
}

#[test]
fn calls_have_the_kind_of_their_tool() {
    let folder = folder(&RESPONSES);
    for name in ["codex", "codex-lite", "built-in-tools"] {
        let request = fs::read(folder.join(format!("request/{name}.in.json"))).unwrap();
        let file = folder.join(format!("calls/{name}.in.sse"));
        let sent = fs::read(&file).unwrap();
        let memo = memo(&request);
        let mut streaming = Streaming::new(find("openai").unwrap().dialect, &RESPONSES, &memo, "openai");
        let mut out = streaming.feed(&sent, false).to_vec();
        out.extend_from_slice(streaming.feed(b"", true));
        golden(&folder.join(format!("calls/{name}.out.sse")), &out);
        in_order(&String::from_utf8(out).unwrap(), name);
    }
}

#[test]
fn opaque_state_returns_to_its_family_and_to_no_other() {
    let signed = |case: &&Case| {
        ["anthropic", "bedrock", "gemini"].contains(&case.provider.name)
            && memchr::memmem::find(&case.input, b"ignature").is_some()
    };
    let mut count = 0;
    for case in chats(Kind::Response).iter().filter(signed) {
        let response: Value = serde_json::from_slice(&answer(case, &RESPONSES)).unwrap();
        let mut input = vec![json!({"role": "user", "content": "hi"})];
        for item in response["output"].as_array().unwrap() {
            input.push(item.clone());
            if item["type"] == "function_call" {
                input.push(
                    json!({"type": "function_call_output", "call_id": item["call_id"], "output": "ok"}),
                );
            }
        }
        input.push(json!({"role": "user", "content": "go on"}));
        let next = json!({"model": "m", "input": input, "reasoning": {"effort": "low"}}).to_string();
        let given: Value = serde_json::from_slice(&case.input).unwrap();
        let signatures = signatures(&given);
        assert!(!signatures.is_empty(), "{}", case.path());
        let has = |body: &str, signature: &str| body.contains(signature);
        for (provider, model) in [
            ("anthropic", "claude-sonnet-4-5"),
            ("bedrock", "anthropic.claude-sonnet-4-5-v1:0"),
            ("gemini", "gemini-3-pro"),
            ("openai", "gpt-4o"),
            ("cohere", "command-a"),
            ("ollama", "qwen3"),
        ] {
            let body = outbound(provider, model, next.as_bytes());
            let is_claude = |name: &str| name == "anthropic" || name == "bedrock";
            let same = provider == case.provider.name || is_claude(provider) && is_claude(case.provider.name);
            for signature in &signatures {
                assert_eq!(has(&body, signature), same, "{} to {provider}: {body}", case.path());
            }
            assert!(!body.contains("sb1."), "{body}");
        }
        count += 1;
    }
    assert!(count > 3, "{count}");
}

/// The texts of signatures and of encrypted blocks in an answer.
fn signatures(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(signatures).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("signature" | "thoughtSignature" | "redactedContent", Value::String(text)) => {
                    vec![text.clone()]
                }
                _ => signatures(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn an_idle_stream_ends_in_a_failed_response_with_its_id_and_the_next_number() {
    let error = switchboard::openai::ErrorBody::new(408, "timeout_error", "idle");
    let place = Place {
        request: "r".into(),
        answer: "resp_1".into(),
        model: "m".into(),
        created: 5,
        events: std::rc::Rc::new(7.into()),
    };
    let mut out = Vec::new();
    RESPONSES.error_event(&error, &place, &mut out);
    let text = String::from_utf8(out).unwrap();
    let event = parse(text.trim_end().split_once("\ndata: ").unwrap().1);
    assert_eq!((&event["type"], &event["sequence_number"]), (&json!("response.failed"), &json!(7)));
    assert_eq!(
        (&event["response"]["id"], &event["response"]["status"]),
        (&json!("resp_1"), &json!("failed"))
    );
    assert_eq!(event["response"]["error"], json!({"code": "server_error", "message": "idle"}));
}

#[test]
fn errors_have_the_status_and_the_code_that_clients_act_on() {
    use switchboard::facts::{Class, Fault};
    use switchboard::openai::ErrorBody;
    let of_class = |class| Fault::new(class, "x").to_body("openai");
    for (error, status, code) in [
        (ErrorBody::new(422, "budget_exceeded", "x"), 429, "insufficient_quota"),
        (of_class(Class::PaymentRequired), 429, "insufficient_quota"),
        (of_class(Class::RateLimit), 429, "rate_limit_exceeded"),
        (of_class(Class::ContextWindowExceeded), 400, "context_length_exceeded"),
        (of_class(Class::UnprocessableEntity), 400, "422"),
        (of_class(Class::ServiceUnavailable), 503, "503"),
        (ErrorBody::new(401, "auth_error", "x"), 401, "401"),
    ] {
        let body: Value = serde_json::from_slice(&RESPONSES.error(&error, "").unwrap()).unwrap();
        assert_eq!((RESPONSES.status(&error), &body["error"]["code"]), (status, &json!(code)), "{body}");
    }
}

#[test]
fn a_failed_response_has_a_code_by_which_clients_know_whether_to_repeat_it() {
    use switchboard::facts::{Class, Fault};
    for (class, code) in [
        (Class::ContextWindowExceeded, "context_length_exceeded"),
        (Class::PaymentRequired, "insufficient_quota"),
        (Class::RateLimit, "rate_limit_exceeded"),
        (Class::ContentPolicyViolation, "invalid_prompt"),
        (Class::Authentication, "invalid_prompt"),
        (Class::ServiceUnavailable, "server_error"),
        (Class::Timeout, "server_error"),
    ] {
        let mut events = RESPONSES.events(&chats(Kind::Stream).first().unwrap().memo());
        events.fail(&Fault::new(class, "x").to_body("openai"));
        let text = String::from_utf8(events.pending().to_vec()).unwrap();
        let last = parse(text.trim_end().rsplit_once("\ndata: ").unwrap().1);
        assert_eq!(last["response"]["error"]["code"], code, "{class:?}");
    }
}

#[test]
fn calls_and_results_find_each_other_whatever_ids_a_client_has() {
    let long = "c".repeat(80);
    let body = json!({"input": [
        {"role": "user", "content": "hi"},
        {"type": "function_call", "call_id": "call_1|fc_1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": long, "name": "f", "arguments": ""},
        {"type": "local_shell_call", "id": "lsh_1", "call_id": "call_3", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "function_call_output", "call_id": long, "output": "two"},
        {"type": "function_call_output", "call_id": "call_1|fc_1", "output": "one"},
        {"type": "local_shell_call_output", "id": "lsh_1", "output": "three"},
        {"type": "shell_call_output", "call_id": "gone", "output": [{"stdout": "four"}]},
    ]});
    let chat: Value = serde_json::from_slice(&chat(body.to_string().as_bytes())).unwrap();
    let messages = chat["messages"].as_array().unwrap();
    let calls = messages[1]["tool_calls"].as_array().unwrap();
    for (call, (result, text)) in calls.iter().zip(messages[2..].iter().zip(["one", "two", "three"])) {
        assert_eq!((&result["tool_call_id"], &result["content"]), (&call["id"], &json!(text)));
        let id = call["id"].as_str().unwrap();
        assert!(
            id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        );
    }
    assert_eq!((calls.len(), messages.len()), (3, 6));
    assert!(messages[5]["content"].as_str().unwrap().contains("four"), "a result without its call");
}

#[test]
fn tools_that_are_left_out_are_named_and_their_choice_goes_with_them() {
    let tools = json!([{"type": "function", "name": "f"}, {"type": "mcp"}, {"type": "new_kind"}, {"type": "bad kind"}]);
    let request = |choice: Value| json!({"input": "hi", "tools": tools, "tool_choice": choice}).to_string();
    let chosen = |choice| {
        let chat: Value = serde_json::from_slice(&chat(request(choice).as_bytes())).unwrap();
        chat["tool_choice"].clone()
    };
    assert_eq!(chosen(json!({"type": "new_kind"})), Value::Null);
    let allowed = json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "mcp"}]});
    assert_eq!(chosen(allowed), "none");
    let headers = RESPONSES.headers(&memo(request(json!("auto")).as_bytes()));
    assert_eq!(headers, [("x-switchboard-dropped-tools", "mcp, new_kind".to_owned())]);
    assert_eq!(RESPONSES.headers(&memo(br#"{"input":"hi","tools":[{"type":"function","name":"f"}]}"#)), []);
}

/// What a model that was asked for a summary says, with reasoning and a call that nobody wants.
const SUMMARY: &str = r#"data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","reasoning_content":"hm"}}]}

data: {"choices":[{"index":0,"delta":{"content":"All \"is\" well \ud83d"}}]}

data: {"choices":[{"index":0,"delta":{"content":"\ude00."}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"x","function":{"name":"f","arguments":"{}"}}]}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}

data: [DONE]

"#;

#[test]
fn a_conversation_is_compacted_to_one_item_that_every_model_reads() {
    let tools = json!([{"type": "function", "name": "f"}]);
    let request = json!({"model": "m", "stream": true, "tools": tools, "text": {"format": {"type": "json_object"}}, "input": [
        {"role": "user", "content": "hi"}, {"type": "compaction_trigger"}]})
    .to_string();
    let asked: Value = serde_json::from_slice(&chat(request.as_bytes())).unwrap();
    assert!(asked["messages"][1]["content"].as_str().unwrap().starts_with("Summarize"), "{asked}");
    assert_eq!((&asked["tool_choice"], &asked["response_format"]), (&json!("none"), &Value::Null));
    let memo = memo(request.as_bytes());
    let dialect = find("openai").unwrap().dialect;
    let stream = |cut: usize| {
        let mut streaming = Streaming::new(dialect, &RESPONSES, &memo, "openai");
        let (before, after) = SUMMARY.split_at(cut);
        [streaming.feed(before.as_bytes(), false).to_vec(), streaming.feed(after.as_bytes(), true).to_vec()]
            .concat()
    };
    let whole = stream(0);
    for cut in (0..SUMMARY.len()).filter(|cut| SUMMARY.is_char_boundary(*cut)) {
        assert!(stream(cut) == whole, "cut at {cut}");
    }
    let text = String::from_utf8(whole).unwrap();
    in_order(&text, "compaction");
    let output = last_output(&text);
    assert_eq!((output.as_array().unwrap().len(), &output[0]["type"]), (1, &json!("compaction")));

    let next = json!({"input": [output[0], {"role": "user", "content": "go on"}]}).to_string();
    let sent = String::from_utf8(chat(next.as_bytes())).unwrap();
    assert!(sent.contains(r#"All \"is\" well \ud83d\ude00."#), "{sent}");
    assert!(sent.contains("go on"), "{sent}");
}

#[test]
fn compact_answers_with_the_item_alone() {
    let body = json!({"model": "m", "stream": true, "instructions": "Be brief", "input": "hi"}).to_string();
    let common = COMPACT.request(Cow::Borrowed(body.as_bytes())).unwrap();
    let asked: Value = serde_json::from_slice(&common.body).unwrap();
    assert_eq!(asked["stream"], Value::Null, "{asked}");
    let memo = Memo { echo: common.echo, stream: false, ..chats(Kind::Stream).first().unwrap().memo() };
    let answer =
        br#"{"id":"c","choices":[{"index":0,"message":{"content":"All is well."},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#;
    let answer = translated(find("openai").unwrap().dialect, &COMPACT, answer, &memo).unwrap();
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&answer["object"], &answer["usage"]["total_tokens"]),
        (&json!("response.compaction"), &json!(7))
    );
    assert_eq!(answer["output"][0]["type"], "compaction");
    assert!(answer["id"].as_str().unwrap().starts_with("resp_") && answer["created_at"].is_u64(), "{answer}");
}

/// A request as the chat that it becomes.
fn chat(body: &[u8]) -> Vec<u8> {
    match RESPONSES.request(Cow::Borrowed(body)) {
        Ok(chat) => chat.body.into_owned(),
        Err(error) => RESPONSES.error(&error, "fixture").unwrap(),
    }
}

/// What is kept of a request.
fn memo(body: &[u8]) -> Memo {
    let echo = RESPONSES.request(Cow::Borrowed(body)).unwrap().echo;
    Memo { echo, ..chats(Kind::Stream).first().unwrap().memo() }
}

/// A provider's request.
fn outbound(provider: &str, model: &str, body: &[u8]) -> String {
    let chat = chat(body);
    let deployment = json!({"id": "d", "group": "g", "provider": provider, "model": model, "api_base": ""});
    let deployment = json::read(&*deployment.to_string()).unwrap();
    let provider = find(provider).unwrap();
    let request = Request::parse(RESPONSES.operation(), &chat).unwrap();
    let resolved = Resolved::read(&[]);
    let request = request.with_resolved(&resolved);
    let target = Target {
        provider,
        deployment: &deployment,
        model,
        drop_params: true,
        features: "",
        version: "",
        is_fallback: false,
        allowed: None,
        lacks_search: None,
    };
    let outbound = provider.dialect.request(&request, &target, &mut memo(body)).unwrap();
    match outbound.body {
        Body::Bytes(body) => String::from_utf8(body).unwrap(),
        Body::Edited(edits) => String::from_utf8(edits.write(&chat)).unwrap(),
        _ => panic!("a body"),
    }
}

/// JSON, in which a delta may end in the middle of a surrogate pair, which is no text.
fn parse(json: &str) -> Value {
    let json = json.replace("\\ud8", "\\\\ud8").replace("\\ude", "\\\\ude");
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

/// The rules of the official SDKs and of Codex.
pub(crate) fn in_order(text: &str, path: &str) {
    let mut items: Vec<Value> = Vec::new();
    let mut stream = Order::default();
    for (number, event) in text.split_terminator("\n\n").enumerate() {
        let (head, data) = event.split_once('\n').unwrap_or_else(|| panic!("{path}: {event}"));
        assert_eq!(event.lines().count(), 2, "{path}: {event}");
        let kind = head.strip_prefix("event: ").unwrap();
        let data = parse(data.strip_prefix("data: ").unwrap());
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(kind), &json!(number)), "{path}");
        assert!(!stream.ended, "{path}: {event} comes after the end");
        stream.event(kind.strip_prefix("response.").unwrap(), &data, number, &mut items, path);
    }
    assert!(stream.ended, "{path}: {text}");
}

#[derive(Default)]
struct Order {
    id: String,
    /// The open item.
    item: Option<Value>,
    /// Its open part: what its texts are called, and the text so far.
    part: Option<(String, String)>,
    parts: u64,
    ended: bool,
}

impl Order {
    fn event(&mut self, kind: &str, data: &Value, number: usize, items: &mut Vec<Value>, path: &str) {
        let at = |name: &str| data[name].as_u64();
        if let Some(response) = data.get("response") {
            match kind {
                "created" => {
                    assert_eq!(number, 0, "{path}");
                    response["id"].as_str().unwrap().clone_into(&mut self.id);
                }
                "in_progress" => assert_eq!(number, 1, "{path}"),
                "completed" | "incomplete" | "failed" => self.ended = true,
                other => panic!("{path}: {other}"),
            }
            assert_eq!(response["id"], self.id, "{path}");
            if kind == "failed" {
                let so_far = response["output"].as_array().unwrap();
                assert_eq!(
                    so_far.iter().take(items.len()).collect::<Vec<_>>(),
                    items.iter().collect::<Vec<_>>()
                );
                assert!(response["error"]["message"].is_string() && response["status"] == "failed", "{path}");
            } else {
                assert_eq!(response["output"], json!(items), "{path}");
                assert!(response["status"] == kind.replace("created", "in_progress"), "{path}");
                assert!(self.item.is_none() && self.part.is_none(), "{path}");
                assert_eq!(response["usage"].is_null(), !self.ended, "{path}");
            }
            return;
        }
        assert!(number > 1, "{path}");
        assert_eq!(at("output_index"), Some(items.len() as u64), "{path}: {data}");
        match kind {
            "output_item.added" => {
                assert!(self.item.is_none(), "{path}: {data}");
                let id = data["item"]["id"].as_str().unwrap();
                assert!(id.len() <= 64 && items.iter().all(|item| item["id"] != id), "{path}: {id}");
                (self.item, self.parts) = (Some(data["item"].clone()), 0);
            }
            "output_item.done" => {
                let added = self.item.take().unwrap_or_else(|| panic!("{path}: {data}"));
                assert!(self.part.is_none(), "{path}: {data}");
                for name in ["id", "type", "call_id", "name", "namespace"] {
                    assert_eq!(added[name], data["item"][name], "{path}");
                }
                items.push(data["item"].clone());
            }
            _ => self.part_event(kind, data, path),
        }
    }

    fn part_event(&mut self, kind: &str, data: &Value, path: &str) {
        let item = self.item.as_ref().unwrap_or_else(|| panic!("{path}: {data}"));
        assert_eq!(data["item_id"], item["id"], "{path}");
        let index = data["content_index"].as_u64().or(data["summary_index"].as_u64());
        match kind {
            "content_part.added" | "reasoning_summary_part.added" => {
                assert_eq!((index, self.part.is_none()), (Some(self.parts), true), "{path}: {data}");
                self.part = Some((data["part"]["type"].as_str().unwrap().to_owned(), String::new()));
            }
            "content_part.done" | "reasoning_summary_part.done" => {
                let (kind, text) = self.part.take().unwrap();
                let name = if kind == "refusal" { "refusal" } else { "text" };
                assert_eq!(
                    (&data["part"]["type"], &data["part"][name]),
                    (&json!(kind), &json!(text)),
                    "{path}"
                );
                self.parts += 1;
            }
            "web_search_call.in_progress" | "web_search_call.searching" | "web_search_call.completed" => {
                assert_eq!((&item["type"], self.part.is_none()), (&json!("web_search_call"), true), "{path}");
            }
            "output_text.annotation.added" => assert!(self.part.is_some(), "{path}"),
            "function_call_arguments.delta" | "custom_tool_call_input.delta" => {
                let (_, text) = self.part.get_or_insert_with(Default::default);
                text.push_str(data["delta"].as_str().unwrap());
            }
            "function_call_arguments.done" | "custom_tool_call_input.done" => {
                let (_, text) = self.part.take().unwrap_or_default();
                let said = data["arguments"].as_str().or(data["input"].as_str()).unwrap();
                assert_eq!(said, text, "{path}");
            }
            _ => {
                let (word, step) = kind.rsplit_once('.').unwrap();
                let (part, text) = self.part.as_mut().unwrap_or_else(|| panic!("{path}: {data}"));
                assert_eq!(word.replace("reasoning_summary_text", "summary_text"), *part, "{path}: {data}");
                assert_eq!(index, Some(self.parts), "{path}");
                match step {
                    "delta" => text.push_str(data["delta"].as_str().unwrap()),
                    _ => assert_eq!(
                        data["text"].as_str().or(data["refusal"].as_str()),
                        Some(&**text),
                        "{path}"
                    ),
                }
            }
        }
    }
}
