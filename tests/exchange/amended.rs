//! What a request or its deployment changes besides: `extra_body`, `extra_headers`, `additional_drop_params`,
//! `allowed_openai_params`.

use serde_json::{Value, json};
use switchboard::exchange::Outgoing;

use crate::support::{NOW_MS, attempt, call};

/// A chat with these members besides.
fn chat(with: &Value) -> String {
    let mut body = json!({"model": "fake", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
    body.to_string()
}

/// What the deployment's provider is sent: its headers and its body. An attempt that has the body from admission and one
/// that gets it from Envoy send the same.
fn sent(deployment: &str, with: &Value) -> Result<(Vec<(String, String)>, Value), String> {
    let body = chat(with);
    let read = |outgoing: Outgoing| match outgoing {
        Outgoing::Send { headers, body } => {
            let headers = headers.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            Ok((headers, serde_json::from_slice(&body).unwrap()))
        }
        Outgoing::Reply(reply) => Err(format!("{} {}", reply.status, String::from_utf8(reply.body).unwrap())),
        Outgoing::Resolve { path, .. } => panic!("asks {path}"),
    };
    let call = call(&body);
    let first = read(attempt(&call, deployment).request_kept(NOW_MS).unwrap());
    let second = read(attempt(&call, deployment).request(body.as_bytes(), NOW_MS));
    assert_eq!(first, second);
    second
}

fn body(deployment: &str, with: &Value) -> Value {
    sent(deployment, with).unwrap().1
}

fn refused(deployment: &str, with: &Value) -> String {
    let refused = sent(deployment, with).unwrap_err();
    assert!(refused.starts_with("400 "), "{refused}");
    refused
}

#[test]
fn extra_body_goes_over_what_the_provider_is_sent() {
    let with =
        json!({"temperature": 0.1, "extra_body": {"temperature": 0.9, "top_k": 5, "guided_choice": ["a"]}});
    let sent = body("gpt-1", &with);
    assert_eq!(sent["temperature"], 0.9);
    assert_eq!((&sent["top_k"], &sent["guided_choice"]), (&json!(5), &json!(["a"])));
    assert!(sent.get("extra_body").is_none());
    let claude = body("claude-1", &json!({"extra_body": {"container": "c1"}}));
    assert_eq!(claude["container"], "c1");
}

#[test]
fn extra_body_in_another_language_leaves_what_stands_beside_it() {
    let with =
        json!({"max_tokens": 7, "extra_body": {"generationConfig": {"topK": 3}, "labels": {"a": "b"}}});
    let sent = body("gemini", &with);
    assert_eq!(sent["generationConfig"], json!({"maxOutputTokens": 7, "topK": 3}));
    assert_eq!(sent["labels"], json!({"a": "b"}));
}

#[test]
fn what_converse_does_not_know_of_extra_body_is_the_models_own() {
    let with = json!({"max_tokens": 7, "top_k": 3, "extra_body": {
        "top_k": 9, "reasoning_config": {"type": "enabled"},
        "guardrailConfig": {"guardrailIdentifier": "g"},
        "inferenceConfig": {"topP": 0.5},
        "additionalModelRequestFields": {"a": 1, "reasoning_config": {"type": "disabled"}},
        "model": "other", "mock_response": "x",
    }});
    let sent = body("bearer", &with);
    assert_eq!(
        sent["additionalModelRequestFields"],
        json!({"inferenceConfig": {"topK": 3}, "a": 1, "reasoning_config": {"type": "disabled"}, "top_k": 9})
    );
    assert_eq!(sent["guardrailConfig"], json!({"guardrailIdentifier": "g"}));
    assert_eq!(sent["inferenceConfig"], json!({"maxTokens": 7, "topP": 0.5}));
    for name in ["top_k", "a", "reasoning_config", "model", "mock_response", "extra_body"] {
        assert!(sent.get(name).is_none(), "{name}: {sent}");
    }
    let alone = body("bearer", &json!({"extra_body": {"guardrailConfig": {"guardrailIdentifier": "g"}}}));
    assert!(alone.get("additionalModelRequestFields").is_none(), "{alone}");
    let whole = body("bearer", &json!({"extra_body": {"additionalModelRequestFields": {"a": 1}}}));
    assert_eq!(whole["additionalModelRequestFields"], json!({"a": 1}));
}

#[test]
fn extra_body_changes_neither_the_model_nor_what_was_admitted() {
    // Servers in Go read `Model`, too.
    for model in ["model", "Model"] {
        let with = json!({"extra_body": {model: "gpt-5.4-pro", "metadata_of_mine": 1, "mock_response": "x"}});
        let sent = body("gpt-1", &with);
        assert_eq!((&sent["model"], &sent["metadata_of_mine"]), (&json!("gpt-4o-mini"), &json!(1)));
        assert!(sent.get("mock_response").is_none() && sent.get("Model").is_none());
    }
    for (deployment, extra) in [
        ("gpt-1", json!({"stream": true})),
        ("gpt-1", json!({"n": 100})),
        ("gpt-1", json!({"Messages": []})),
        ("gpt-1", json!({"max_completion_tokens": 9})),
        ("gpt-1", json!({"messages": []})),
        ("gemini", json!({"generationConfig": {"candidateCount": 8}})),
        ("gemini", json!({"contents": [{"parts": [{"text": "another prompt"}]}]})),
    ] {
        let refused = refused(deployment, &json!({ "extra_body": extra }));
        assert!(refused.contains("cannot be set in extra_body"), "{refused}");
    }
    assert!(refused("gpt-1", &json!({"extra_body": 3})).contains("expected an object"));
}

#[test]
fn a_deployment_has_its_own_which_a_requests_takes_the_place_of() {
    let with = json!({"seed": 7, "tools": [{"type": "function", "function": {"name": "f", "strict": true}}]});
    let own = body("amended", &with);
    assert_eq!(own["chat_template_kwargs"], json!({"enable_thinking": false}));
    assert_eq!((&own["model"], own.get("seed")), (&json!("m"), None));
    assert_eq!(own["tools"], json!([{"type": "function", "function": {"name": "f"}}]));
    let asked = body("amended", &json!({"extra_body": {"top_k": 1}}));
    assert_eq!((asked.get("chat_template_kwargs"), &asked["top_k"]), (None, &json!(1)));
}

#[test]
fn what_is_dropped_is_gone_before_the_language_looks() {
    let with = json!({"seed": 7, "response_format": {"type": "json_object"}});
    assert!(refused("perplexity", &with).contains("does not support parameters: ['seed']"));
    let mut dropping = with.clone();
    dropping["additional_drop_params"] = json!(["seed", "response_format.type"]);
    let sent = body("perplexity", &dropping);
    assert_eq!((sent.get("seed"), &sent["response_format"]), (None, &json!({})));
    let refused = refused("perplexity", &json!({"max_tokens": 5, "additional_drop_params": ["max_tokens"]}));
    assert!(refused.contains("'max_tokens' cannot be dropped"), "{refused}");
}

#[test]
fn an_allowed_parameter_is_sent_although_the_provider_is_said_to_lack_it() {
    let sent = body("perplexity", &json!({"seed": 7, "allowed_openai_params": ["seed", "stop"]}));
    assert_eq!((&sent["seed"], sent.get("stop")), (&json!(7), None));
    let dropping = json!({"seed": 7, "n": 2, "drop_params": "True", "allowed_openai_params": ["seed"]});
    let sent = body("perplexity", &dropping);
    assert_eq!((&sent["seed"], sent.get("n")), (&json!(7), None));
    let claude = body("claude-1", &json!({"logit_bias": {"1": 2}, "allowed_openai_params": ["logit_bias"]}));
    assert_eq!(claude["logit_bias"], json!({"1": 2}));
}

#[test]
fn extra_headers_reach_the_provider_unless_they_are_the_gateways() {
    let header = |headers: &[(String, String)], name: &str| {
        headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.clone())
    };
    let with = json!({"extra_headers": {"X-Trace": "t-1", "X-Team": "red", "anthropic-beta": "context-1m"}});
    let (headers, sent) = sent("gpt-1", &with).unwrap();
    assert_eq!(header(&headers, "x-trace").as_deref(), Some("t-1"));
    assert_eq!(
        header(&headers, "x-team").as_deref(),
        Some("blue"),
        "the operator's goes before the client's"
    );
    assert!(sent.get("extra_headers").is_none());
    for name in ["Authorization", "x-api-key", "host", "content-length", "x-envoy-retry-on", "a b", ""] {
        refused("gpt-1", &json!({"extra_headers": {name: "x"}}));
    }
    refused("gpt-1", &json!({"extra_headers": {"x-a": "b\r\nx-c: d"}}));
}

#[test]
fn what_is_the_gateways_never_reaches_a_provider() {
    let ours = json!({
        "priority": 1, "prompt_id": "p", "mock_timeout": true, "model_info": {}, "proxy_server_request": {},
        "litellm_trace_id": "t", "tags": ["a"], "guardrails": [], "cache": {"no-cache": true}, "ttl": 4,
        "langfuse_public_key": "pk", "aws_access_key_id": "A", "prompt_variables": {}, "headers": {"a": "b"},
        "num_retries": 0, "custom_llm_provider": "x", "caching": true, "metadata": {"a": "b"},
    });
    let plain = body("gpt-1", &json!({}));
    assert_eq!(body("gpt-1", &ours), plain);
    for deployment in ["claude-1", "gemini", "bearer", "open"] {
        assert_eq!(
            body(deployment, &ours),
            body(deployment, &json!({"metadata": {"a": "b"}})),
            "{deployment}"
        );
    }
}

#[test]
fn the_prompt_is_not_in_a_request_twice() {
    let other = json!([{"parts": [{"text": "another prompt"}]}]);
    for name in ["contents", "systemInstruction", "system_instruction"] {
        let sent = body("gemini", &json!({name: other}));
        assert!(!sent.to_string().contains("another prompt"), "{name}: {sent}");
    }
}
