//! What clients of the Messages API send in every request, and other providers know otherwise: changes in the middle of a
//! conversation, tools that are loaded later, results that are not where they should be.

use serde_json::{Value, json};
use switchboard::exchange::{Streaming, translated};
use switchboard::inbound::MESSAGES;
use switchboard::providers::find;

use super::{sent, sent_and_noted};

const CHATS: [(&str, &str); 7] = [
    ("anthropic", "claude-sonnet-4-5"),
    ("bedrock", "us.anthropic.claude-sonnet-4-6"),
    ("cohere", "command-a-03-2025"),
    ("gemini", "gemini-3.1-pro-preview"),
    ("mistral", "mistral-large-latest"),
    ("ollama", "qwen3"),
    ("openai", "gpt-4.1"),
];

fn ask(provider: &str, model: &str, mut body: Value) -> Value {
    body["model"] = json!("m");
    if body["max_tokens"].is_null() {
        body["max_tokens"] = json!(99);
    }
    sent(&MESSAGES, provider, model, &body).unwrap_or_else(|error| panic!("{provider}: {}", error.message))
}

/// The conversation as a provider gets it: a role and the texts of each turn.
fn turns(sent: &Value) -> Vec<(String, String)> {
    let turns = sent["messages"].as_array().or(sent["contents"].as_array()).unwrap();
    turns.iter().map(|turn| (turn["role"].as_str().unwrap().to_owned(), turn.to_string())).collect()
}

#[test]
fn a_system_turn_stays_in_its_place_and_in_no_calls_way() {
    let body = json!({"system": "FIRST", "messages": [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "LATER"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
        {"role": "system", "content": [{"type": "text", "text": "BETWEEN"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "RESULT"}]},
        {"role": "assistant", "content": "ok"},
        {"role": "system", "content": "LAST"},
        {"role": "user", "content": "go"},
    ], "tools": [{"name": "f", "input_schema": {"type": "object"}}]});
    for (provider, model) in CHATS {
        let sent = ask(provider, model, body.clone());
        let turns = turns(&sent);
        let at = |word: &str| {
            let at = turns.iter().position(|(_, text)| text.contains(word));
            at.unwrap_or_else(|| panic!("{provider}: no {word} in {sent}"))
        };
        // The prompt cache begins with what comes before them.
        let lifted = sent["system"].to_string() + &sent["systemInstruction"].to_string();
        assert!(!lifted.contains("LATER") && !lifted.contains("LAST"), "{provider}: {lifted}");
        let call = turns.iter().position(|(role, _)| role == "assistant" || role == "model").unwrap();
        assert!(at("LATER") < call, "{provider}: {sent}");
        assert_eq!(at("RESULT"), call + 1, "{provider}: a result follows its call: {sent}");
        assert!(at("RESULT") <= at("BETWEEN") && at("BETWEEN") < at("LAST"), "{provider}: {sent}");
        let (role, _) = &turns[at("LATER")];
        let known: &[&str] = match provider {
            "openai" | "mistral" | "cohere" | "ollama" => &["system", "developer"],
            _ => &["user"],
        };
        assert!(known.contains(&role.as_str()), "{provider}: {role}");
    }
    // A model that knows such turns gets them as they are.
    let sent = ask("anthropic", "claude-opus-4-8", body);
    assert!(turns(&sent).iter().any(|(role, _)| role == "system"), "{sent}");
}

#[test]
fn the_effort_of_the_last_system_turn_counts_and_an_empty_turn_is_left_out() {
    let body = json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "messages": [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": "x", "output_config": {"effort": "medium"}},
        {"role": "system", "content": [], "output_config": {"effort": "high"}},
    ]});
    let sent = ask("openai", "gpt-5", body);
    assert_eq!(sent["reasoning_effort"], "high", "{sent}");
    assert_eq!(turns(&sent).len(), 2, "{sent}");
}

#[test]
fn a_tool_that_is_loaded_later_is_sent_like_any_other_and_the_search_for_it_is_text() {
    let body = json!({"messages": [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "ToolSearch", "input": {"query": "web"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
            "content": [{"type": "tool_reference", "tool_name": "WebFetch"}]}, {"type": "text", "text": "Tool loaded."}]},
    ], "tools": [
        {"name": "ToolSearch", "input_schema": {"type": "object", "properties": {}}},
        {"name": "DeferredToolPlaceholder", "input_schema": {"type": "object", "properties": {}}, "defer_loading": true},
        {"name": "WebFetch", "input_schema": {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": {}, "required": null}, "defer_loading": true, "eager_input_streaming": true, "input_examples": [{}],
            "allowed_callers": ["direct"]},
    ]});
    for (provider, model) in CHATS {
        let sent = ask(provider, model, body.clone());
        let tools = [&sent["tools"], &sent["toolConfig"]["tools"]].map(Value::to_string).concat();
        assert!(tools.contains("WebFetch") && tools.contains("ToolSearch"), "{provider}: {tools}");
        for word in
            ["Placeholder", "defer_loading", "eager_input", "$schema", "input_examples", "allowed_callers"]
        {
            assert!(!tools.contains(word), "{provider}: {word} in {tools}");
        }
        let said = turns(&sent).iter().map(|(_, text)| text.as_str()).collect::<String>();
        assert!(said.contains("Tool WebFetch is now available"), "{provider}: {said}");
    }
}

#[test]
fn a_text_that_differs_from_request_to_request_is_not_in_front_of_the_prompt() {
    let body = json!({"system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.332; cch=1a2b3;"},
        {"type": "text", "text": "You are Claude Code."},
    ], "messages": [{"role": "user", "content": "hi"}]});
    for (provider, model) in CHATS {
        let sent = ask(provider, model, body.clone()).to_string();
        assert!(!sent.contains("billing") && sent.contains("You are Claude Code."), "{provider}: {sent}");
    }
}

#[test]
fn a_call_has_one_result_and_a_result_without_its_call_is_the_users_text() {
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
    let result = |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": text});
    let body = json!({"messages": [
        {"role": "user", "content": [result("gone", "ORPHAN")]},
        {"role": "assistant", "content": [call("a"), call("b")]},
        {"role": "user", "content": [result("a", "OLD"), result("a", "NEW")]},
    ], "tools": [{"name": "f", "input_schema": {"type": "object"}}]});
    for (provider, model) in CHATS {
        let said = ask(provider, model, body.clone()).to_string();
        assert!(said.contains("NEW") && !said.contains("OLD"), "{provider}: {said}");
        assert!(said.contains("ORPHAN") && said.contains("(no result)"), "{provider}: {said}");
    }
    let sent = ask("openai", "gpt-4.1", body);
    let roles: Vec<String> = turns(&sent).into_iter().map(|(role, _)| role).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool"], "{sent}");
}

#[test]
fn a_choice_without_tools_is_left_out() {
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "tools": [], "tool_choice": {"type": "auto"}});
    for (provider, model) in CHATS {
        let sent = ask(provider, model, body.clone());
        for name in ["tools", "tool_choice", "toolConfig"] {
            assert!(sent[name].is_null(), "{provider}: {sent}");
        }
    }
}

#[test]
fn no_cache_mark_is_added() {
    let mark = json!({"type": "ephemeral"});
    let text = |text: &str| json!({"type": "text", "text": text, "cache_control": mark});
    let body = json!({"system": [text("a")], "messages": [{"role": "user", "content": [text("b"), text("c")]}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": mark}]});
    for (provider, model, word) in [
        ("anthropic", "claude-sonnet-4-5", "cache_control"),
        ("bedrock", "us.anthropic.claude-sonnet-4-6", "cachePoint"),
    ] {
        let sent = ask(provider, model, body.clone()).to_string();
        assert_eq!(sent.matches(word).count(), 4, "{sent}");
    }
    for provider in ["openai", "gemini", "mistral"] {
        let model = CHATS.iter().find(|(name, _)| *name == provider).unwrap().1;
        assert!(!ask(provider, model, body.clone()).to_string().contains("cache"), "{provider}");
    }
}

#[test]
fn what_a_model_cannot_see_is_refused_and_not_left_out() {
    let document = json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}});
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}});
    let file = json!({"type": "image", "source": {"type": "file", "file_id": "file_1"}});
    for (provider, model) in CHATS {
        for block in [&document, &image, &file] {
            let content = json!([{"type": "text", "text": "see"}, block]);
            let body =
                json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]});
            match sent(&MESSAGES, provider, model, &body) {
                Ok(sent) => {
                    let sent = sent.to_string();
                    assert!(sent.contains("JVBE") || sent.contains("iVBO"), "{provider}: {sent}");
                }
                Err(error) => assert_eq!(error.status, 400, "{provider}: {}", error.message),
            }
        }
        let body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [file]}]});
        let error = sent(&MESSAGES, provider, model, &body).unwrap_err();
        assert!(error.status == 400 && error.message.contains("file"), "{provider}: {}", error.message);
    }
}

const LONG: &str = "mcp__a_server_with_a_long_name__a_tool_with_a_name_that_is_longer_than_others_accept";

#[test]
fn a_name_that_is_too_long_for_others_is_shorter_there_and_comes_back() {
    let tool = |name: &str| json!({"name": name, "input_schema": {"type": "object", "properties": {}}});
    let other = LONG.replace("others", "anyone");
    let body = json!({"model": "m", "max_tokens": 9, "tools": [tool(LONG), tool(&other), tool("f")], "tool_choice": {"type": "tool", "name": LONG},
        "messages": [{"role": "user", "content": "hi"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": LONG, "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "ok"}]}]});
    let (sent, memo) = sent_and_noted(&MESSAGES, "openai", "gpt-4.1", &body).unwrap();
    let names: Vec<&str> = sent["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap())
        .collect();
    assert!(
        names.iter().all(|name| name.len() <= 64) && names[0] != names[1] && names[2] == "f",
        "{names:?}"
    );
    let short = names[0];
    assert_eq!(sent["tool_choice"]["function"]["name"], short);
    assert_eq!(sent["messages"][1]["tool_calls"][0]["function"]["name"], short);
    let dialect = find("openai").unwrap().dialect;
    let answer = json!({"id": "c", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"tool_calls": [
        {"id": "b", "type": "function", "function": {"name": short, "arguments": "{}"}}]}}]});
    let whole = translated(dialect, &MESSAGES, answer.to_string().as_bytes(), &memo).unwrap().body;
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(whole["content"][0]["name"], LONG, "{whole}");
    let chunk = json!({"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 0, "id": "b", "type": "function", "function": {"name": short, "arguments": "{}"}}]}}]});
    let mut streaming = Streaming::new(dialect, &MESSAGES, &memo, "openai");
    let events = streaming.feed(format!("data: {chunk}\n\ndata: [DONE]\n\n").as_bytes(), true);
    let events = String::from_utf8(events.to_vec()).unwrap();
    assert!(events.contains(&format!("\"name\":\"{LONG}\"")), "{events}");
}

#[test]
fn patterns_that_openais_validator_rejects_are_left_out_and_others_stay() {
    let patterns = json!({
        "lookahead": {"type": "string", "pattern": "^(?!__)x$"},
        "property": {"anyOf": [{"type": "string", "pattern": r"^[^\p{Cc}]{1,9}$"}, {"type": "null"}]},
        "named": {"type": "array", "items": {"pattern": "(?<year>x)"}},
        "fine": {"type": "string", "pattern": r"^(?:a|\\d)+$"},
        "pattern": {"type": "string", "description": "(?=a text)"},
        "keys": {"type": "object", "patternProperties": {"^(?=x)": {"type": "string"}, "^y": {"pattern": "(?=z)"}}},
    });
    let body = json!({"messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "Artifact", "input_schema": {"type": "object", "properties": patterns}}]});
    let schema = |sent: &Value| sent["tools"][0]["function"]["parameters"]["properties"].clone();
    let cleaned = schema(&ask("openai", "gpt-4.1", body.clone()));
    assert_eq!(
        cleaned,
        json!({
            "lookahead": {"type": "string"},
            "property": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "named": {"type": "array", "items": {}},
            "fine": patterns["fine"],
            "pattern": patterns["pattern"],
            "keys": {"type": "object", "patternProperties": {"^y": {}}},
        })
    );
    assert_eq!(
        schema(&ask("deepseek", "deepseek-chat", body)),
        patterns,
        "other vendors compile them, or ignore them"
    );
}

#[test]
fn a_schema_reaches_gemini_in_the_field_that_knows_all_of_json_schema() {
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "tools": [{"name": "f", "input_schema": {
        "type": "object", "properties": {"n": {"type": "integer", "exclusiveMinimum": 0}}, "propertyNames": {"pattern": "^a"}}}]});
    let sent = ask("gemini", "gemini-3.1-pro-preview", body);
    let function = &sent["tools"][0]["functionDeclarations"][0];
    // `parameters` has Google's own dialect; `parametersJsonSchema` has all of JSON Schema.
    assert!(function["parameters"].is_null() && function["parametersJsonSchema"].is_object(), "{sent}");
}
