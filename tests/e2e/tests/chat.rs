//! `/v1/chat/completions`, answered whole.

use fake_provider::{Finish, Recorded, Reply, Step, Usage};
use memchr::memmem;
use serde_json::{Value, json};
use switchboard_e2e::{ANTHROPIC_KEY, OPENAI_KEY, question, world};

#[tokio::test]
async fn a_question_to_openai_is_answered() {
    let world = world();
    let case = world.case();
    let answer = world.chat("gpt-4o", &case.prompt("Hello")).await.expect(200).json();
    assert_eq!(answer["choices"][0]["message"]["content"], format!("You said: {}", case.prompt("Hello")));
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["model"], "gpt-4o", "the client sees the name that it asked for");
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["usage"]["total_tokens"], 18);

    let request = case.request();
    assert_eq!(request.target, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), format!("Bearer {OPENAI_KEY}"));
    assert_eq!(request.json()["model"], "gpt-4o");
}

#[tokio::test]
async fn a_question_to_anthropic_is_answered_in_openais_words() {
    let world = world();
    let case = world.case();
    let usage = Usage { input: 10, cached: 5, cache_write: 2, output: 9, reasoning: 0 };
    case.then(Step::reply(Reply::text("Bonjour \u{1f1eb}\u{1f1f7} \"quoted\"\n").usage(usage)));
    let answer = world.chat("claude", &case.prompt("Hello")).await.expect(200).json();
    let choice = &answer["choices"][0];
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"], "Bonjour \u{1f1eb}\u{1f1f7} \"quoted\"\n");
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(answer["model"], "claude");
    assert_eq!(answer["object"], "chat.completion");
    assert!(answer["created"].as_u64().is_some_and(|created| created > 1_700_000_000), "{answer}");
    assert_eq!(answer["usage"]["prompt_tokens"], 17, "what was cached was prompted, too");
    assert_eq!(answer["usage"]["completion_tokens"], 9);
    assert_eq!(answer["usage"]["total_tokens"], 26);
    assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 5);

    let request = case.request();
    assert_eq!(request.target, "/v1/messages");
    assert_eq!(request.header("x-api-key"), ANTHROPIC_KEY);
    assert_eq!(request.header("anthropic-version"), "2023-06-01");
    assert_eq!(request.json()["model"], "claude-sonnet-4-5");
    assert!(request.json()["max_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{}", request.json());
}

#[tokio::test]
async fn many_turns_reach_anthropic_in_its_own_order() {
    let world = world();
    let case = world.case();
    let body = json!({
        "model": "claude",
        "max_tokens": 64,
        "temperature": 0.3,
        "stop": ["END"],
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "developer", "content": "Be kind." },
            { "role": "user", "content": "One" },
            { "role": "user", "content": [{ "type": "text", "text": "Two" }] },
            { "role": "assistant", "content": "Three" },
            { "role": "user", "content": case.prompt("Four") },
        ],
    });
    world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    let sent = case.request().json();
    assert!(sent["system"].to_string().contains("Be brief."), "{sent}");
    assert!(sent["system"].to_string().contains("Be kind."), "{sent}");
    let roles: Vec<&str> =
        sent["messages"].as_array().unwrap().iter().filter_map(|turn| turn["role"].as_str()).collect();
    assert_eq!(roles, ["user", "assistant", "user"], "{sent}");
    assert_eq!(sent["max_tokens"], 64);
    assert_eq!(sent["temperature"], 0.3);
    assert_eq!(sent["stop_sequences"], json!(["END"]));
}

#[tokio::test]
async fn images_reach_both_providers() {
    const PIXEL: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let world = world();
    for model in ["gpt-4o", "claude"] {
        let case = world.case();
        let url = format!("data:image/png;base64,{PIXEL}");
        let content = json!([
            { "type": "text", "text": case.prompt("What is this?") },
            { "type": "image_url", "image_url": { "url": url } },
            { "type": "image_url", "image_url": { "url": "https://example.com/cat.jpg", "detail": "low" } },
        ]);
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": content }] });
        world.post("/v1/chat/completions", &body).await.send().await.expect(200);
        let sent = case.request().json();
        let parts = &sent["messages"][0]["content"];
        if model == "claude" {
            assert_eq!(
                parts[1]["source"],
                json!({ "type": "base64", "media_type": "image/png", "data": PIXEL })
            );
            assert_eq!(parts[2]["source"], json!({ "type": "url", "url": "https://example.com/cat.jpg" }));
        } else {
            assert_eq!(*parts, content, "what OpenAI understands is not touched");
        }
    }
}

#[tokio::test]
async fn what_openai_is_sent_is_the_clients_bytes_with_another_model() {
    let world = world();
    let case = world.case();
    let body = format!(
        r#"{{ "model" : "gpt-alias", "seed": 12345678901234567890, "messages":[{{"role":"user","content":"caf\u00e9 {}"}}],"temperature": 1.0 }}"#,
        case.prompt("")
    );
    let call = world.post("/v1/chat/completions", &Value::Null).await.body(body.clone());
    call.send().await.expect(200);
    let sent = String::from_utf8(case.request().body.to_vec()).unwrap();
    assert_eq!(sent, body.replace("gpt-alias", "gpt-4o"));
}

/// The filter's vectors are there in WebAssembly alone, where no unit test runs.
#[tokio::test]
async fn strings_end_where_they_end_at_every_distance_from_their_beginning() {
    let world = world();
    let case = world.case();
    let fillings = ["a", " ", "!", "#", "[", "]", "\u{7f}", "é", "😀"];
    let strings = fillings.iter().flat_map(|filling| {
        (0..40).flat_map(move |length| {
            let begins = filling.repeat(length);
            [format!("\"{begins}\""), format!(r#""{begins}\"{filling}\\""#)]
        })
    });
    let parts: Vec<String> = strings.map(|string| format!(r#"{{"type":"text","text":{string}}}"#)).collect();
    let asked = |parts: &str| {
        let first = format!(r#"{{"type":"text","text":"{}"}}"#, case.prompt(""));
        format!(r#"{{"model":"gpt-alias","messages":[{{"role":"user","content":[{first},{parts}]}}]}}"#)
    };
    let body = asked(&parts.join(","));
    let call = world.post("/v1/chat/completions", &Value::Null).await.body(body.clone());
    call.send().await.expect(200);
    let sent = String::from_utf8(case.request().body.to_vec()).unwrap();
    assert_eq!(sent, body.replace("gpt-alias", "gpt-4o"));

    for length in 0..40 {
        for control in ['\0', '\n', '\u{1f}'] {
            let body = asked(&format!(r#"{{"text":"{}{control}"}}"#, "a".repeat(length)));
            let call = world.post("/v1/chat/completions", &Value::Null).await.body(body);
            let error = call.send().await.expect(400).error();
            assert_eq!(error["param"], "request_body", "{control:?} after {length}");
        }
    }
}

#[tokio::test]
async fn reasons_to_stop_are_told_in_openais_words() {
    let world = world();
    for model in ["gpt-4o", "claude"] {
        for (finish, told) in [(Finish::Length, "length"), (Finish::Refusal, "content_filter")] {
            let case = world.case();
            case.then(Step::reply(Reply::text("Enough").finish(finish)));
            let answer = world.chat(model, &case.prompt("Go on")).await.expect(200).json();
            assert_eq!(answer["choices"][0]["finish_reason"], told, "{model}");
        }
    }
}

#[tokio::test]
async fn every_form_of_the_path_leads_to_the_model() {
    let world = world();
    for path in [
        "/chat/completions",
        "/v1/chat/completions",
        "/engines/gpt-4o/chat/completions",
        "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        "/v1/chat/completions?model=gpt-4o",
    ] {
        let case = world.case();
        let mut body = question("gpt-4o", &case.prompt("Hello"));
        if path.contains("gpt-4o") {
            body.as_object_mut().unwrap().remove("model");
        }
        let answer = world.post(path, &body).await.send().await.expect(200).json();
        assert_eq!(answer["choices"][0]["message"]["role"], "assistant", "{path}");
        assert_eq!(case.request().json()["model"], "gpt-4o", "{path}");
    }
}

#[tokio::test]
async fn aliases_are_models_too() {
    let world = world();
    for model in ["gpt-alias", "gpt-hidden"] {
        let case = world.case();
        let answer = world.chat(model, &case.prompt("Hello")).await.expect(200).json();
        assert_eq!(answer["model"], model);
        assert_eq!(case.request().json()["model"], "gpt-4o");
    }
}

#[tokio::test]
async fn a_deployments_parameters_hold_where_the_client_gives_none() {
    let world = world();
    let case = world.case();
    world.chat("terse", &case.prompt("Hello")).await.expect(200);
    let mut body = question("terse", &case.prompt("Hello"));
    body["temperature"] = json!(1.5);
    world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    let sent: Vec<Value> = case.requests().iter().map(Recorded::json).collect();
    assert_eq!((&sent[0]["max_tokens"], &sent[0]["temperature"]), (&json!(5), &json!(0.5)));
    assert_eq!((&sent[1]["max_tokens"], &sent[1]["temperature"]), (&json!(5), &json!(1.5)));
}

#[tokio::test]
async fn the_provider_gets_the_deployments_headers_and_none_of_the_clients() {
    let world = world();
    let case = world.case();
    let call = world.post("/v1/chat/completions", &question("vip", &case.prompt("Hello"))).await;
    call.header("x-team", "red")
        .header("cookie", "session=1")
        .header("openai-organization", "org-of-the-client")
        .header("user-agent", "client/1.0")
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-custom", "private")
        .send()
        .await
        .expect(200);
    let request = case.request();
    assert_eq!(request.header("x-team"), "blue");
    for name in ["cookie", "openai-organization", "x-forwarded-for", "x-custom", "x-request-id"] {
        assert_eq!(request.header(name), "", "{}", request.head_text());
    }
    let text = request.head_text();
    for word in ["x-envoy", "x-switchboard", "x-litellm", "client/1.0", world.key().await] {
        assert!(!text.contains(word), "{word} is in\n{text}");
    }
}

#[tokio::test]
async fn the_answers_headers_tell_who_answered_and_what_it_cost() {
    let world = world();
    let case = world.case();
    let usage = Usage { input: 600, cached: 400, cache_write: 0, output: 100, reasoning: 0 };
    case.then(Step::reply(Reply::text("Hi").usage(usage)));
    let call = world.post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hello"))).await;
    let answer = call.header("x-litellm-call-id", "call-of-the-client").send().await.expect(200);
    assert_eq!(answer.header("x-litellm-call-id"), "call-of-the-client");
    assert_eq!(answer.header("x-litellm-model-id"), "gpt-4o-at-home");
    assert_eq!(answer.header("x-litellm-model-name"), "openai/gpt-4o");
    assert_eq!(answer.header("x-litellm-model-group"), "gpt-4o");
    assert_eq!(answer.header("x-litellm-model-api-base"), format!("{}/v1", world.provider.base()));
    assert_eq!(answer.header("x-litellm-response-cost"), "0.003");
    assert_eq!(answer.header("x-litellm-attempted-retries"), "0");
    assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "0");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), "9999");
    assert_eq!(answer.header("llm_provider-openai-processing-ms"), "12");
    let own = world.chat("gpt-4o", &case.prompt("Hello")).await;
    assert!(own.header("x-litellm-call-id").len() >= 32, "{:?}", own.headers);
    let text = format!("{:?}", answer.headers);
    for word in ["x-envoy", "x-switchboard", OPENAI_KEY] {
        assert!(!text.contains(word), "{word} is in\n{text}");
    }
}

#[tokio::test]
async fn a_mock_answers_without_a_provider() {
    let answer = world().chat("demo", "Hello").await.expect(200).json();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello from the demo model.");
    assert_eq!(answer["model"], "demo");
}

#[tokio::test]
async fn completions_are_answered_by_openai() {
    let world = world();
    let case = world.case();
    let body = json!({ "model": "instruct", "prompt": case.prompt("Once upon"), "max_tokens": 9 });
    let answer = world.post("/v1/completions", &body).await.send().await.expect(200).json();
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["model"], "instruct");
    assert_eq!(answer["choices"][0]["text"], format!("You said: {}", case.prompt("Once upon")));
    assert_eq!(case.request().target, "/v1/completions");
}

#[tokio::test]
async fn an_image_of_ten_megabytes_passes_both_providers() {
    let world = world();
    for model in ["gpt-4o", "claude"] {
        let case = world.case();
        let data = "QUJD".repeat(10 * 1024 * 1024 / 4);
        let content = json!([
            { "type": "text", "text": case.prompt("What is this?") },
            { "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{data}") } },
        ]);
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": content }] });
        world.post("/v1/chat/completions", &body).await.send().await.expect(200);
        let sent = case.request();
        assert!(sent.body.len() > data.len(), "{model}: {}", sent.body.len());
        assert!(memmem::find(&sent.body, data.as_bytes()).is_some(), "{model}: the image has changed");
    }
}

#[tokio::test]
async fn a_body_that_is_no_text_is_refused() {
    let call = world().post("/v1/chat/completions", &Value::Null).await;
    let error = call.body(&b"{\"model\":\"\xff\xfe\"}"[..]).send().await.expect(400).error();
    assert_eq!(error["type"], "invalid_request_error");
}

#[tokio::test]
async fn a_clients_own_provider_key_does_not_replace_the_deployments() {
    let world = world();
    let case = world.case();
    let mut body = question("gpt-4o", &case.prompt("Hello"));
    body["api_key"] = json!("sk-openai-of-the-client");
    world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    let sent = case.request();
    assert_eq!(sent.header("authorization"), format!("Bearer {OPENAI_KEY}"));
    assert!(sent.json().get("api_key").is_none(), "{}", sent.json());
}

#[tokio::test]
async fn a_parameter_that_a_provider_lacks_is_dropped_where_that_is_wished() {
    let world = world();
    let case = world.case();
    let mut body = question("claude", &case.prompt("Hello"));
    body["frequency_penalty"] = json!(0.5);
    body["drop_params"] = json!(true);
    world.post("/v1/chat/completions", &body).await.send().await.expect(200);
    let sent = case.request().json();
    assert!(sent.get("frequency_penalty").is_none() && sent.get("drop_params").is_none(), "{sent}");
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let world = world();
    let case = world.case();
    let call = world.post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hello"))).await;
    call.header("content-type", "text/plain").send().await.expect(200);
    assert_eq!(case.request().header("content-type"), "application/json");
}
