//! Another attempt: at another account, at another provider, in another language.

use fake_provider::{Fault, Recorded, Reply, Step};
use serde_json::json;
use switchboard_e2e::{ANTHROPIC_KEY, OPENAI_KEY, question, world};

/// Headers by which providers are told who asks, and their versions. Nothing of one may reach another.
const OF_ANTHROPIC: [&str; 3] = ["x-api-key", "anthropic-version", "anthropic-beta"];
const OF_OPENAI: [&str; 4] = ["authorization", "openai-organization", "openai-project", "openai-beta"];

/// Checks every header of every attempt against the provider that it went to.
fn check_strangers(requests: &[Recorded]) {
    for request in requests {
        let text = request.head_text();
        let (own, foreign_headers, foreign_key, target): (_, &[&str], _, _) = match request.dialect {
            "anthropic" => (ANTHROPIC_KEY, &OF_OPENAI, OPENAI_KEY, "/v1/messages"),
            "openai" => (OPENAI_KEY, &OF_ANTHROPIC, ANTHROPIC_KEY, "/v1/chat/completions"),
            other => panic!("nobody speaks {other:?}: {text}"),
        };
        assert_eq!(request.target, target, "{text}");
        assert!(text.contains(own), "{text}");
        assert!(!text.contains(foreign_key), "{text}");
        for name in foreign_headers {
            assert!(
                !request.headers.contains_key(*name),
                "{name} in an attempt at {}:\n{text}",
                request.dialect
            );
        }
        for word in ["x-switchboard", "x-envoy", "x-litellm", "sk-master"] {
            assert!(!text.contains(word), "{word} in\n{text}");
        }
        let length = request.header("content-length");
        assert!(length.is_empty() || length == request.body.len().to_string(), "{text}");
        assert_eq!(request.refused, "", "the request is not what {} takes", request.dialect);
    }
}

#[tokio::test]
async fn a_fallback_carries_nothing_of_the_first_attempt() {
    let world = world();
    for (model, first, second) in
        [("claude-first", "anthropic", "openai"), ("gpt-first", "openai", "anthropic")]
    {
        for (stream, status) in [(false, 503), (false, 429), (false, 529), (true, 500), (true, 429)] {
            let case = world.case();
            case.then(Step::status(status).at(first)).then(Step::reply(Reply::text("Rescued")).at(second));
            let mut body = question(model, &case.prompt("Hello"));
            body["stream"] = json!(stream);
            body["max_tokens"] = json!(17);
            let answer = world.post("/v1/chat/completions", &body).await.send().await.expect(200);
            let what = format!("{model} {status} stream={stream}");
            let text = if stream {
                assert!(answer.events().is_done(), "{what}");
                answer.events().text()
            } else {
                answer.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
            };
            assert_eq!(text, "Rescued", "{what}");
            let requests = case.requests();
            assert_eq!(requests[0].dialect, first, "{what}");
            assert_eq!(requests.last().unwrap().dialect, second, "{what}");
            check_strangers(&requests);
            for request in &requests {
                assert_eq!(request.json()["max_tokens"], 17, "{what}: the body is translated anew");
            }
            assert_eq!(answer.header("x-litellm-attempted-fallbacks"), "1", "{what}");
        }
    }
}

#[tokio::test]
async fn a_group_of_two_providers_rescues_itself() {
    let world = world();
    for (failing, healthy) in [("anthropic", "openai"), ("openai", "anthropic")] {
        for _ in 0..4 {
            let case = world.case();
            case.then(Step::status(503).at(failing)).then(Step::reply(Reply::text("Rescued")).at(healthy));
            let answer = world.chat("mixed", &case.prompt("Hello")).await.expect(200).json();
            assert_eq!(answer["choices"][0]["message"]["content"], "Rescued");
            assert_eq!(answer["model"], "mixed");
            let requests = case.requests();
            assert!(requests.len() <= 2, "the failed one is not asked twice: {}", requests.len());
            check_strangers(&requests);
        }
    }
}

#[tokio::test]
async fn a_reset_and_a_refusal_to_authenticate_lead_to_the_other_deployment() {
    let world = world();
    for fault in
        [Fault::ResetBeforeHeaders, Fault::status(401), Fault::status(403), Fault::Html { status: 502 }]
    {
        for _ in 0..2 {
            let case = world.case();
            case.then(Step::fault(fault.clone()).at("anthropic"))
                .then(Step::reply(Reply::text("Rescued")).at("openai"));
            let answer = world.chat("mixed", &case.prompt("Hello")).await;
            assert_eq!(answer.status, 200, "{fault:?}: {}", answer.text());
            check_strangers(&case.requests());
        }
    }
}

#[tokio::test]
async fn an_attempt_that_fails_leaves_no_trace_in_the_answer() {
    let world = world();
    let case = world.case();
    let failing = Step::status(500).with(Fault::Header { name: "x-first".into(), value: "1".into() });
    case.then(failing.at("anthropic")).then(Step::reply(Reply::text("Rescued")).at("openai"));
    let answer = world.chat("claude-first", &case.prompt("Hello")).await.expect(200);
    let text = format!("{:?}", answer.headers);
    assert!(!text.contains("x-first") && !text.contains("x-switchboard"), "{text}");
    assert_eq!(answer.header("x-litellm-model-name"), "openai/gpt-4o");
    assert_eq!(answer.header("x-litellm-model-group"), "gpt-4o");
}

#[tokio::test]
async fn a_wrong_request_is_not_sent_to_anybody_else() {
    let world = world();
    for model in ["claude-first", "gpt-first", "mixed"] {
        let case = world.case();
        case.then(Step::status(400));
        world.chat(model, &case.prompt("Hello")).await.expect(400).error();
        assert_eq!(case.requests().len(), 1, "{model}");
    }
}

#[tokio::test]
async fn when_all_fail_the_last_ones_error_is_told() {
    let world = world();
    let case = world.case();
    case.then(Step::status(503).at("anthropic")).then(Step::status(429).at("openai"));
    let answer = world.chat("claude-first", &case.prompt("Hello")).await;
    let requests = case.requests();
    check_strangers(&requests);
    assert!(requests.len() >= 2, "{}", requests.len());
    let last = requests.last().unwrap().dialect;
    let error = answer.error();
    assert_eq!(answer.status, if last == "openai" { 429 } else { 503 }, "{error}");
    let exception = if last == "openai" { "OpenAIException" } else { "AnthropicException" };
    assert!(error["message"].to_string().contains(exception), "{error}");
}

#[tokio::test]
async fn two_accounts_at_one_host_share_the_load_and_stand_in_for_each_other() {
    let world = world();
    let case = world.case();
    for _ in 0..20 {
        world.chat("pair", &case.prompt("Hello")).await.expect(200);
    }
    let requests = case.requests();
    let first = requests.iter().filter(|request| request.header("authorization").ends_with("-first")).count();
    assert!((5..=15).contains(&first), "{first} of 20 went to the first account");

    for _ in 0..4 {
        let case = world.case();
        case.then(Step::status(503)).then(Step::reply(Reply::text("Rescued")));
        world.chat("pair", &case.prompt("Hello")).await.expect(200);
        let keys: Vec<String> =
            case.requests().iter().map(|request| request.header("authorization")).collect();
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0], keys[1], "the second attempt is at the other account");
    }
}
