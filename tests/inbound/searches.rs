//! Searches of the web by a provider: clients of every API see what was searched for, and no provider answers without a
//! search to a request that needs one.

use std::borrow::Cow;

use serde_json::{Value, json};
use switchboard::exchange::translated;
use switchboard::inbound::{GENERATE, Language, MESSAGES, RESPONSES};
use switchboard::openai::Memo;
use switchboard::providers::find;

use super::fixtures::Kind;
use super::{chats, sent};

#[test]
fn a_request_that_needs_a_search_is_refused_where_there_is_none() {
    let input = json!([{"role": "user", "content": "hi"}]);
    let function = json!({"type": "function", "name": "f", "parameters": {}});
    let search = json!({"type": "web_search"});
    let alone = json!({"model": "m", "input": input, "tools": [search]});
    let beside = json!({"model": "m", "input": input, "tools": [search, function]});
    let chosen = json!({"model": "m", "input": input, "tools": [search, function], "tool_choice": search});
    let claude = |tools: Value, choice: Value| json!({"model": "m", "max_tokens": 9, "messages": input, "tools": tools, "tool_choice": choice});
    let own = json!({"type": "web_search_20250305", "name": "web_search", "max_uses": 8});
    let named = json!({"type": "tool", "name": "web_search"});
    let local = json!({"name": "f", "input_schema": {"type": "object"}});
    let google =
        json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "tools": [{"googleSearch": {}}]});
    for (provider, model, searches) in [
        ("anthropic", "claude-sonnet-4-5", true),
        ("gemini", "gemini-3-pro", true),
        ("openai", "gpt-4o-search-preview", true),
        ("perplexity", "sonar", true),
        ("openai", "gpt-4o", false),
        ("groq", "llama-3.3-70b", false),
        ("mistral", "mistral-large", false),
        ("deepseek", "deepseek-chat", false),
        ("hosted_vllm", "qwen3", false),
        ("bedrock", "anthropic.claude-sonnet-4-5-v1:0", false),
        ("cohere", "command-a", false),
        ("ollama", "qwen3", false),
    ] {
        for (name, language, body) in [
            ("alone", &RESPONSES as &dyn Language, &alone),
            ("chosen", &RESPONSES, &chosen),
            ("Claude's alone", &MESSAGES, &claude(json!([own]), json!({"type": "auto"}))),
            ("Claude's chosen", &MESSAGES, &claude(json!([own, local]), named.clone())),
            ("google", &GENERATE, &google),
        ] {
            match sent(language, provider, model, body) {
                Ok(_) => assert!(searches, "{name}: {provider}/{model}"),
                // Perplexity has no functions.
                Err(error) => {
                    assert!(!searches, "{name}: {provider}/{model}: {}", error.message);
                    assert_eq!(error.status, 400);
                    assert!(error.message.contains("web search"), "{}", error.message);
                }
            }
        }
        let claude = claude(json!([own, local]), json!({"type": "auto"}));
        sent(&MESSAGES, provider, model, &claude)
            .unwrap_or_else(|error| panic!("{provider}: {}", error.message));
        sent(&RESPONSES, provider, model, &beside)
            .unwrap_or_else(|error| panic!("{provider}: {}", error.message));
    }
}

const FAILED: &str = r#"{"id":"msg_1","content":[
    {"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"é"}},
    {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}},
    {"type":"server_tool_use","id":"srvtoolu_2","name":"web_search","input":{"query":"b"}},
    {"type":"web_search_tool_result","tool_use_id":"srvtoolu_2","content":[{"type":"web_search_result","url":"https://b","title":"B"}]},
    {"type":"text","text":"So."}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;

fn told(language: &'static dyn Language, request: &Value) -> Value {
    let echo = language.request(Cow::Owned(request.to_string().into_bytes())).unwrap().echo;
    let memo = Memo { echo, ..chats(Kind::Response)[0].memo() };
    let answer = translated(find("anthropic").unwrap().dialect, language, FAILED.as_bytes(), &memo).unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn a_search_that_failed_has_failed_and_sources_are_shown_if_they_are_asked_for() {
    let request = json!({"model": "m", "input": "hi", "include": ["web_search_call.action.sources"]});
    let output = told(&RESPONSES, &request)["output"].clone();
    assert_eq!((&output[0]["status"], &output[0]["action"]["query"]), (&json!("failed"), &json!("é")));
    assert_eq!(
        output[1]["action"],
        json!({"type": "search", "query": "b", "queries": ["b"], "sources": [{"type": "url", "url": "https://b"}]})
    );
    assert_eq!((&output[2]["type"], output.as_array().unwrap().len()), (&json!("message"), 3));
    let output = told(&RESPONSES, &json!({"model": "m", "input": "hi"}))["output"].clone();
    assert_eq!(output[1]["action"]["sources"], Value::Null);

    let content = told(&MESSAGES, &json!({"max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}))
        ["content"]
        .clone();
    let kinds: Vec<&str> =
        content.as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    let call = ["server_tool_use", "web_search_tool_result"];
    assert_eq!(kinds, [call[0], call[1], call[0], call[1], "text"]);
    assert_eq!(content[1]["content"]["error_code"], "unavailable");
    assert_eq!(content[2]["id"], content[3]["tool_use_id"]);
    assert_ne!(content[0]["id"], content[2]["id"]);

    let google = told(&GENERATE, &json!({"contents": [{"parts": [{"text": "hi"}]}]}));
    assert_eq!(google["candidates"][0]["groundingMetadata"]["webSearchQueries"], json!(["é", "b"]));
}
