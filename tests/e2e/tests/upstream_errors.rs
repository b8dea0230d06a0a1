//! What providers do wrong, and what clients are told.

use std::time::Instant;

use fake_provider::{Fault, Reply, Step};
use serde_json::{Value, json};
use switchboard_e2e::{Answer, question, world};

const MODELS: [(&str, &str); 2] = [("gpt-4o", "OpenAIException"), ("claude", "AnthropicException")];

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
async fn errors_of_providers_are_told_in_litellms_words() {
    // Status of the provider, status of the answer, type, class, how often it is asked.
    let table = [
        (400, 400, "invalid_request_error", "litellm.BadRequestError: ", 1),
        (401, 401, "authentication_error", "litellm.AuthenticationError: AuthenticationError: ", 1),
        (403, 403, "permission_error", "litellm.PermissionDeniedError: PermissionDeniedError: ", 1),
        (404, 404, "invalid_request_error", "litellm.NotFoundError: NotFoundError: ", 1),
        (
            422,
            422,
            "invalid_request_error",
            "litellm.UnprocessableEntityError: UnprocessableEntityError: ",
            1,
        ),
        (429, 429, "throttling_error", "litellm.RateLimitError: RateLimitError: ", 3),
        (500, 500, "internal_server_error", "litellm.InternalServerError: InternalServerError: ", 3),
        (502, 502, "internal_server_error", "litellm.BadGatewayError: BadGatewayError: ", 3),
        (503, 503, "internal_server_error", "litellm.ServiceUnavailableError: ServiceUnavailableError: ", 3),
        (529, 503, "internal_server_error", "litellm.ServiceUnavailableError: ServiceUnavailableError: ", 3),
    ];
    for (model, exception) in MODELS {
        for (status, told, kind, class, attempts) in table {
            // Anthropic has no 422, and says the same of a 422 and a 400.
            if (model, status) == ("claude", 422) {
                continue;
            }
            for stream in [false, true] {
                let (answer, asked) = faulty(model, stream, Fault::status(status)).await;
                let what = format!("{model} {status} stream={stream}");
                assert_eq!(answer.status, told, "{what}: {}", answer.text());
                let error = answer.error();
                assert_eq!(error["type"], kind, "{what}");
                let message = format!("{class}{exception} - the provider is out of sorts");
                assert!(
                    error["message"].as_str().is_some_and(|text| text.starts_with(&message)),
                    "{what}: {error}"
                );
                assert_eq!(error["param"], Value::Null, "{what}");
                assert_eq!(asked, attempts, "{what}");
                assert_eq!(
                    answer.header("x-litellm-attempted-retries"),
                    (attempts - 1).to_string(),
                    "{what}"
                );
            }
        }
    }
}

#[tokio::test]
async fn retry_after_is_passed_on() {
    let world = world();
    for (model, _) in MODELS {
        let case = world.case();
        case.then(Step::fault(Fault::retry_after(429, "7")));
        let mut body = question(model, &case.prompt("Hello"));
        // Each retry would wait those seven seconds.
        body["num_retries"] = json!(0);
        let answer = world.post("/v1/chat/completions", &body).await.send().await;
        assert_eq!(answer.status, 429);
        assert_eq!(answer.header("retry-after"), "7", "{model}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_told_by_its_class() {
    let words = "This model's maximum context length is 8192 tokens.";
    let fault = Fault::coded(400, "context_length_exceeded", words);
    let (answer, _) = faulty("gpt-4o", false, fault).await;
    let error = answer.expect(400).error();
    let message = error["message"].as_str().unwrap();
    let beginning = "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: \
                     OpenAIException - This model's maximum context length";
    assert!(message.starts_with(beginning), "{message}");
    let fault = Fault::coded(400, "", "prompt is too long: 210000 tokens > 200000 maximum");
    let (answer, _) = faulty("claude", false, fault).await;
    let error = answer.expect(400).error();
    assert!(error["message"].to_string().contains("litellm.ContextWindowExceededError"), "{error}");
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
    for (model, _) in MODELS {
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
    for (model, _) in MODELS {
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
async fn a_provider_that_refuses_connections_is_told() {
    let error = world().chat("refused", "Hello").await.expect(503).error();
    assert_eq!(error["type"], "internal_server_error");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("litellm.ServiceUnavailableError: "), "{message}");
    assert!(message.contains("Connection error"), "{message}");
}

#[tokio::test]
async fn a_provider_that_resets_connections_is_asked_again_and_then_told() {
    for (model, _) in MODELS {
        let (answer, asked) = faulty(model, false, Fault::ResetBeforeHeaders).await;
        assert_eq!(answer.status, 503, "{model}: {}", answer.text());
        assert_eq!(answer.error()["type"], "internal_server_error", "{model}");
        assert_eq!(asked, 3, "{model}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_does_not_look_complete() {
    let world = world();
    for (model, _) in MODELS {
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
async fn a_compressed_answer_that_nobody_asked_for_is_an_error_and_not_garbage() {
    let world = world();
    for (model, _) in MODELS {
        for stream in [false, true] {
            let case = world.case();
            case.then(Step::default().with(Fault::Gzip));
            let mut body = question(model, &case.prompt("Hello"));
            body["stream"] = json!(stream);
            // The client's own wish is not passed on, for the filter has to read the answer.
            let call = world.post("/v1/chat/completions", &body).await;
            let answer = call.header("accept-encoding", "gzip, br").send().await;
            let accepted = case.requests()[0].header("accept-encoding");
            assert!(matches!(accepted.as_str(), "" | "identity"), "{model}: {accepted}");
            assert_eq!(answer.header("content-encoding"), "", "{model} stream={stream}");
            if answer.status == 200 {
                assert!(answer.events().error().is_some(), "{model} stream={stream}: {}", answer.text());
            } else {
                answer.expect(502).error();
            }
        }
    }
}

#[tokio::test]
async fn a_slow_provider_is_waited_for() {
    let world = world();
    for (model, _) in MODELS {
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
