//! What a model must get back unchanged, and no other model may see: in every client's API, through what its clients send back.

use serde_json::{Value, json};
use switchboard::inbound::{CHAT, GENERATE, Language, MESSAGES, RESPONSES};

use super::fixtures::{Case, Kind};
use super::{answer, chats, parsed, sent};

const MODELS: [(&str, &str); 6] = [
    ("anthropic", "claude-sonnet-4-5"),
    ("bedrock", "anthropic.claude-sonnet-4-5-v1:0"),
    ("gemini", "gemini-3-pro"),
    ("openai", "gpt-4o"),
    ("cohere", "command-a"),
    ("ollama", "qwen3"),
];

/// Whether two providers' models read each other's state.
fn is_family(one: &str, other: &str) -> bool {
    let is_claude = |name: &str| name == "anthropic" || name == "bedrock";
    one == other || is_claude(one) && is_claude(other)
}

/// The signatures that a client of every API sends back: those of a turn that calls a tool.
fn signatures(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(signatures).collect(),
        Value::Object(members)
            if members.contains_key("thoughtSignature") && !members.contains_key("functionCall") =>
        {
            Vec::new()
        }
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

/// Chat answers whose calls come with signatures.
fn signed() -> Vec<Case> {
    let is_signed = |case: &Case| {
        ["anthropic", "bedrock", "gemini"].contains(&case.provider.name)
            && !case.memo().function_call
            && case.memo().json_tool.is_none()
            && serde_json::from_slice(&case.input).is_ok_and(|answer: Value| !signatures(&answer).is_empty())
    };
    let cases: Vec<Case> = chats(Kind::Response).into_iter().filter(is_signed).collect();
    assert!(cases.len() > 2, "{}", cases.len());
    cases
}

/// The next turn, as clients of an API write it.
fn next(language: &dyn Language, answer: &Value) -> Value {
    match language.name() {
        "messages" => {
            let blocks = answer["content"].as_array().unwrap();
            let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
            let mut results: Vec<Value> = calls
                .map(|call| json!({"type": "tool_result", "tool_use_id": call["id"], "content": "ok"}))
                .collect();
            results.push(json!({"type": "text", "text": "go on"}));
            json!({"model": "m", "max_tokens": 9000, "thinking": {"type": "enabled", "budget_tokens": 1024}, "messages": [
                {"role": "user", "content": "hi"}, {"role": "assistant", "content": blocks}, {"role": "user", "content": results}
            ]})
        }
        "responses" => {
            let mut input = vec![json!({"role": "user", "content": "hi"})];
            for item in answer["output"].as_array().unwrap() {
                input.push(item.clone());
                if item["type"] == "function_call" {
                    let output =
                        json!({"type": "function_call_output", "call_id": item["call_id"], "output": "ok"});
                    input.push(output);
                }
            }
            json!({"model": "m", "reasoning": {"effort": "low"}, "input": input})
        }
        "chat" => {
            let message = answer["choices"][0]["message"].clone();
            let mut messages = vec![json!({"role": "user", "content": "hi"}), message.clone()];
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": "ok"}));
            }
            json!({"model": "m", "reasoning_effort": "low", "drop_params": true, "messages": messages})
        }
        _ => {
            // Clients drop thoughts.
            let parts = answer["candidates"][0]["content"]["parts"].as_array().unwrap().iter();
            let parts: Vec<&Value> = parts.filter(|part| part["thought"] != true).collect();
            let calls = parts.iter().filter(|part| part["functionCall"].is_object());
            let results: Vec<Value> = calls
                .map(|part| {
                    let call = &part["functionCall"];
                    json!({"functionResponse": {"id": call["id"], "name": call["name"], "response": {"output": "ok"}}})
                })
                .collect();
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": parts},
                {"role": "user", "parts": results}], "generationConfig": {"thinkingConfig": {"thinkingBudget": 1024}}})
        }
    }
}

#[test]
fn state_of_a_turn_with_calls_returns_to_its_family_and_to_no_other() {
    for language in [&CHAT as &'static dyn Language, &MESSAGES, &RESPONSES, &GENERATE] {
        for case in signed() {
            let told = parsed(&String::from_utf8(answer(&case, language)).unwrap());
            let calls = told.to_string();
            if !["tool_calls", "tool_use", "function_call\"", "functionCall"]
                .iter()
                .any(|word| calls.contains(word))
            {
                continue;
            }
            let next = next(language, &told);
            let signatures = signatures(&serde_json::from_slice(&case.input).unwrap());
            for (provider, model) in MODELS {
                let which = format!("{} as {} to {provider}", case.path(), language.name());
                let body = match sent(language, provider, model, &next) {
                    Ok(body) => body.to_string(),
                    Err(error) => panic!("{which}: {}", error.message),
                };
                for signature in &signatures {
                    assert_eq!(
                        body.contains(signature),
                        is_family(provider, case.provider.name),
                        "{which}: {body}"
                    );
                }
                assert!(!body.contains("sb1."), "{which}: {body}");
            }
        }
    }
}

#[test]
fn reasoning_that_nobody_signed_returns_to_models_that_want_its_text_and_reaches_claude_in_no_block() {
    let case = chats(Kind::Response).into_iter().find(|case| case.path() == "response/ollama/full").unwrap();
    for language in [&CHAT as &'static dyn Language, &MESSAGES, &RESPONSES, &GENERATE] {
        let told = parsed(&String::from_utf8(answer(&case, language)).unwrap());
        let next = next(language, &told);
        let which = language.name();
        let claude = sent(language, "anthropic", "claude-sonnet-4-5", &next).unwrap().to_string();
        assert!(!claude.contains(r#""type":"thinking""#) && !claude.contains("sb1."), "{which}: {claude}");
        let deepseek = sent(language, "deepseek", "deepseek-reasoner", &next).unwrap();
        let message =
            deepseek["messages"].as_array().unwrap().iter().find(|message| message["role"] == "assistant");
        assert!(
            message.unwrap()["reasoning_content"].as_str().is_some_and(|text| !text.is_empty()),
            "{which}: {deepseek}"
        );
    }
}
