//! Whom a request is for: each API has a field of its own for that.

use serde_json::{Value, json};
use switchboard::inbound::{CHAT, Language, MESSAGES, RESPONSES};

use super::sent;

#[test]
fn the_user_is_named_in_the_providers_field() {
    let messages = json!([{"role": "user", "content": "hi"}]);
    let claude = |user: &str| json!({"model": "m", "max_tokens": 9, "messages": messages, "metadata": {"user_id": user}});
    let responses = |name: &str| json!({"model": "m", "input": "hi", name: "u-1"});
    let chat = |name: &str| json!({"model": "m", "messages": messages, name: "u-1"});
    let sent_to = |language, provider, model, body: &Value| sent(language, provider, model, body).unwrap();
    for (language, body) in [
        (&MESSAGES as &'static dyn Language, claude("u-1")),
        (&RESPONSES, responses("user")),
        (&RESPONSES, responses("safety_identifier")),
        (&CHAT, chat("user")),
        (&CHAT, chat("safety_identifier")),
    ] {
        let to_claude = sent_to(language, "anthropic", "claude-sonnet-4-5", &body);
        assert!(to_claude["metadata"]["user_id"].is_string(), "{body}: {to_claude}");
        let to_openai = sent_to(language, "openai", "gpt-4o", &body);
        assert!(
            to_openai["user"].is_string() != to_openai["safety_identifier"].is_string(),
            "{body}: {to_openai}"
        );
        let to_google = sent_to(language, "gemini", "gemini-3-pro", &body).to_string();
        assert!(!to_google.contains("u-1"), "{body}: {to_google}");
    }
    // Claude Code's has 150 characters, and OpenAI accepts 64.
    let long = json!({"device_id": "d".repeat(64), "session_id": "s-1"}).to_string();
    let to_openai = sent_to(&MESSAGES, "openai", "gpt-4o", &claude(&long));
    let id = to_openai["user"].as_str().unwrap();
    assert!(id.len() <= 64 && !id.contains("ddd"), "{to_openai}");
    assert_eq!(to_openai["prompt_cache_key"], "s-1", "{to_openai}");
    // Vendors reject what they do not know.
    for (provider, model, is_known) in
        [("groq", "llama", false), ("deepseek", "chat", false), ("moonshot", "kimi", true)]
    {
        let sent = sent_to(&MESSAGES, provider, model, &claude(&long));
        assert_eq!(sent["prompt_cache_key"].is_string(), is_known, "{provider}: {sent}");
    }
}
