//! What providers do wrong, and what clients are told beside the errors in `conformance/`.

use std::time::Instant;

use fake_provider::case::Wire;
use fake_provider::{Fault, Reply, Step};
use serde_json::json;
use switchboard_e2e::{Answer, languages, question, world};

const MODELS: [&str; 2] = ["gpt-4o", "claude"];

/// Sends a request to a provider at which this always goes wrong. Gives the answer, and how often it was asked.
async fn faulty(model: &str, stream: bool, fault: Fault) -> (Answer, usize) {
    let world = world();
    let case = world.case();
    case.then(Step::reply(Reply::text("never seen")).with(fault));
    let mut body = question(model, &case.prompt("Hello"));
    body["stream"] = json!(stream);
    let answer = world.post("/v1/chat/completions", &body).await.send().await;
    (answer, case.requests().len())
}

#[tokio::test]
async fn a_wrong_key_of_the_deployment_is_not_blamed_on_the_clients() {
    let world = world();
    let case = world.case();
    let error = world.chat("wrong-key", &case.prompt("Hello")).await.expect(401).error();
    assert_eq!(error["type"], "authentication_error");
    assert!(error["message"].to_string().contains("OpenAIException - Incorrect API key provided"), "{error}");
    assert!(!error.to_string().contains("sk-wrong-key"), "{error}");
}

#[tokio::test]
async fn html_instead_of_json_is_told_without_the_page() {
    for model in MODELS {
        for (status, told) in [(502, 502), (503, 503), (200, 502), (404, 404)] {
            for stream in [false, true] {
                let (answer, _) = faulty(model, stream, Fault::Html { status }).await;
                let what = format!("{model} {status} stream={stream}");
                assert_eq!(answer.status, told, "{what}: {}", answer.text());
                let error = answer.error();
                let message = error["message"].as_str().unwrap();
                assert!(message.contains("HTML"), "{what}: {message}");
                assert!(!message.contains("cloudflare"), "{what}: {message}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_inside_a_200_is_an_error() {
    for model in MODELS {
        for stream in [false, true] {
            let (answer, _) = faulty(model, stream, Fault::ErrorInside { after: 0, status: 529 }).await;
            let what = format!("{model} stream={stream}");
            if answer.status == 200 {
                let events = answer.events();
                assert!(stream && events.error().is_some() && !events.is_done(), "{what}: {events:?}");
            } else {
                let error = answer.error();
                assert!(answer.status >= 500, "{what}: {}", answer.text());
                assert!(error["message"].to_string().contains("out of sorts"), "{what}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_provider_that_resets_connections_is_asked_again_and_then_told() {
    for model in MODELS {
        let (answer, asked) = faulty(model, false, Fault::ResetBeforeHeaders).await;
        assert_eq!(answer.status, 503, "{model}: {}", answer.text());
        assert_eq!(answer.error()["type"], "internal_server_error", "{model}");
        assert_eq!(asked, 3, "{model}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_does_not_look_complete() {
    let world = world();
    for model in MODELS {
        for fault in
            [Fault::ResetAfterHeaders, Fault::Cut { after: 0, how: fake_provider::faults::CutHow::HalfEvent }]
        {
            let case = world.case();
            case.then(Step::reply(Reply::text("never seen")).with(fault.clone()));
            let call = world.post("/v1/chat/completions", &question(model, &case.prompt("Hello"))).await;
            if let Ok(answer) = call.try_send().await {
                assert!(answer.status >= 500, "{model} {fault:?}: {} {}", answer.status, answer.text());
                answer.error();
            }
        }
    }
}

#[tokio::test]
async fn a_slow_provider_is_waited_for() {
    let world = world();
    for model in MODELS {
        let case = world.case();
        case.then(Step::default().with(Fault::SlowFirstByte { ms: 800 }));
        let begun = Instant::now();
        world.chat(model, &case.prompt("Hello")).await.expect(200);
        assert!(begun.elapsed().as_millis() >= 800, "{model}");
        assert_eq!(case.requests().len(), 1, "{model}");
    }
}

#[tokio::test]
async fn headers_of_providers_are_passed_on_behind_a_prefix() {
    let world = world();
    let case = world.case();
    let step = Step::default()
        .with(Fault::Header { name: "x-ratelimit-reset-tokens".into(), value: "6ms".into() })
        .with(Fault::Header { name: "x-switchboard-retry".into(), value: "yes".into() })
        .with(Fault::Header { name: "set-cookie".into(), value: "session=1".into() })
        .with(Fault::Header { name: "x-envoy-upstream-service-time".into(), value: "1".into() });
    case.then(step);
    let answer = world.chat("gpt-4o", &case.prompt("Hello")).await.expect(200);
    assert_eq!(answer.header("x-ratelimit-reset-tokens"), "6ms");
    assert_eq!(answer.header("llm_provider-x-request-id"), "req_8f7d2c");
    assert_eq!(answer.header("set-cookie"), "");
    assert_eq!(case.requests().len(), 1, "a provider cannot make the gateway ask again");
    let text = format!("{:?}", answer.headers);
    assert!(!text.contains("x-switchboard") && !text.contains("x-envoy"), "{text}");
}

/// An answer of the provider, byte for byte.
fn raw(content_type: &str, body: &str) -> Step {
    Step::wire(Wire::stream(content_type, [body.as_bytes()]))
}

const CHUNK: &str = r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}"#;
const WHOLE: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"<think>Well.</think>Hello"},"finish_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

#[tokio::test]
async fn a_body_is_what_its_bytes_say_and_ends_in_openais_words() {
    let world = languages();
    for content_type in ["application/json", "text/plain", "text/event-stream"] {
        let stream = format!("data: {CHUNK}\n\ndata: [DONE]\n\n");
        for body in [stream.as_str(), WHOLE] {
            let case = world.case();
            case.then(raw(content_type, body));
            let mut asked = question("openai", &case.prompt("Hello"));
            asked["stream"] = json!(true);
            let answer = world.post("/v1/chat/completions", &asked).await.send().await.expect(200);
            assert_eq!(answer.header("content-type"), "text/event-stream; charset=utf-8", "{content_type}");
            let events = answer.events();
            assert!(events.is_done(), "{content_type}: {}", answer.text());
            assert_eq!(events.text(), "Hello", "{content_type}: {}", answer.text());
            assert!(answer.text().contains(r#""finish_reason":"stop""#), "{}", answer.text());
        }
        let case = world.case();
        case.then(raw(content_type, WHOLE));
        let asked = question("openai", &case.prompt("Hello"));
        let answer = world.post("/v1/chat/completions", &asked).await.send().await.expect(200).json();
        let choice = &answer["choices"][0];
        assert_eq!(choice["message"]["reasoning_content"], "Well.");
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&json!("Hello"), &json!("stop"))
        );

        let case = world.case();
        case.then(raw(content_type, &stream));
        let asked = question("openai", &case.prompt("Hello"));
        let error = world.post("/v1/chat/completions", &asked).await.send().await.expect(502).error();
        assert!(error["message"].to_string().contains("stream that was not requested"), "{error}");
    }
}

#[tokio::test]
async fn a_wait_is_kept_by_envoy_and_told_to_the_client_whatever_its_form() {
    let world = world();
    for (text, seconds, ms) in
        [("0.2", "1", "200"), ("1", "1", ""), ("Thu, 01 Jan 1970 00:00:00 GMT", "0", "")]
    {
        let case = world.case();
        case.then(Step::default().with(Fault::retry_after(429, text)))
            .then(Step::default().with(Fault::retry_after(429, text)))
            .then(Step::default().with(Fault::retry_after(429, text)));
        let begun = Instant::now();
        let answer = world.chat("gpt-4o", &case.prompt("Hello")).await.expect(429);
        assert_eq!(answer.header("retry-after"), seconds, "{text}");
        assert_eq!(answer.header("retry-after-ms"), ms, "{text}");
        if case.requests().len() > 1 && seconds == "1" {
            assert!(begun.elapsed().as_millis() >= 1000, "{text}: it was not waited for");
        }
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_by_the_name_of_its_field() {
    let world = world();
    for model in MODELS {
        for messages in [json!(null), json!("hi"), json!({}), json!([]), json!(7), json!(["hi"])] {
            let body = json!({ "model": model, "messages": messages });
            let error = world.post("/v1/chat/completions", &body).await.send().await.expect(400).error();
            assert!(error["param"].as_str().is_some_and(|param| param.starts_with("messages")), "{error}");
        }
        for (field, value) in [("n", json!(0)), ("tools", json!({}))] {
            let mut body = question(model, "hi");
            body[field] = value;
            let error = world.post("/v1/chat/completions", &body).await.send().await.expect(400).error();
            assert_eq!(error["param"], field, "{error}");
        }
    }
}
