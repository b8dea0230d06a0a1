//! What providers do wrong, and what clients are told beside the errors in `conformance/`.

use std::time::Instant;

use fake_provider::{Fault, Reply, Step};
use serde_json::json;
use switchboard_e2e::{Answer, question, world};

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
