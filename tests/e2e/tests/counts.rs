//! How long a prompt is: a provider with the client's API says so, and Claude on Bedrock serves clients of its own API.

use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, families};

async fn post(path: &str, body: &Value) -> Answer {
    let all = families();
    let key = all.key().await.to_owned();
    let call = all.stack.client().request(Method::POST, path).header("content-type", "application/json");
    call.header("x-api-key", key).body(body.to_string()).send().await
}

#[tokio::test]
async fn a_provider_with_the_clients_api_counts_and_others_are_estimated() {
    let contents = json!([{ "role": "user", "parts": [{ "text": "How long is this?" }] }]);
    let whole = json!({ "generateContentRequest": { "model": "models/gemini", "contents": contents } });
    let messages = |model: &str| json!({ "model": model, "messages": [{ "role": "user", "content": "How long is this?" }] });
    let input = |model: &str| json!({ "model": model, "input": "How long is this?" });
    for (path, body, is_estimate) in [
        ("/v1beta/models/gemini:countTokens", json!({ "contents": contents }), false),
        ("/v1beta/models/gemini:countTokens", whole, false),
        ("/v1beta/models/openai:countTokens", json!({ "contents": contents }), true),
        ("/v1/messages/count_tokens", messages("anthropic"), false),
        ("/v1/messages/count_tokens", messages("bedrock"), false),
        ("/v1/messages/count_tokens", messages("gemini"), true),
        ("/v1/responses/input_tokens", input("responses"), false),
        ("/v1/responses/input_tokens", input("anthropic"), true),
    ] {
        let answer = post(path, &body).await.expect(200);
        let told = answer.header("x-switchboard-token-count");
        assert_eq!(told, if is_estimate { "estimate" } else { "" }, "{path} {body}");
        let counted = answer.json();
        let count = counted["totalTokens"].as_u64().or(counted["input_tokens"].as_u64());
        assert!(count.is_some_and(|count| count > 3), "{path}: {counted}");
    }
}

#[tokio::test]
async fn claude_on_bedrock_gets_the_clients_own_request_and_its_events_come_back() {
    let all = families();
    for stream in [false, true] {
        let case = all.provider.case();
        let body = json!({
            "model": "bedrock", "max_tokens": 4096, "stream": stream, "service_tier": "auto",
            "thinking": { "type": "enabled", "budget_tokens": 2048 },
            "system": [{ "type": "text", "text": "Be brief", "cache_control": { "type": "ephemeral", "scope": "global" } }],
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": case.prompt("Hello") }] }],
        });
        let answer = post("/v1/messages", &body).await.expect(200);
        let sent = case.request();
        let action = if stream { "invoke-with-response-stream" } else { "invoke" };
        assert_eq!((&*sent.refused, sent.dialect), ("", "bedrock"));
        assert_eq!(sent.target, format!("/model/us.anthropic.claude-sonnet-4-6/{action}"));
        let sent = sent.json();
        assert_eq!(sent["anthropic_version"], "bedrock-2023-05-31");
        assert_eq!(sent["system"][0]["cache_control"], json!({ "type": "ephemeral" }));
        assert!(sent.get("model").is_none() && sent.get("stream").is_none(), "{sent}");
        assert_eq!(sent["messages"], body["messages"]);
        let text = answer.text();
        if stream {
            assert!(answer.header("content-type").starts_with("text/event-stream"));
            assert!(
                text.contains("event: message_start\n") && text.contains("\"model\":\"bedrock\""),
                "{text}"
            );
            assert!(text.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"), "{text}");
        } else {
            let message: Value = serde_json::from_str(&text).unwrap();
            assert_eq!((&message["type"], &message["model"]), (&json!("message"), &json!("bedrock")));
        }
    }
}
