//! Errors that no provider has written, by Envoy and by the gateway: each client receives its own API's words.

use std::time::{Duration, Instant};

use fake_provider::{Case, Fault, Provider, Reply, Step, refusing_port};
use serde_json::json;
use switchboard_e2e::{Client, Config, Format, MASTER_KEY, OPENAI_KEY, Rendered, Setup, Stack, openai};

/// Status and kind of an error: for chat completions, Messages, Responses, and Gemini's API.
type Expected = [(u16, &'static str); 4];

fn expected(all: &Expected, format: Format) -> (u16, &'static str) {
    match format {
        Format::Chat => all[0],
        Format::Messages => all[1],
        Format::Responses => all[2],
        Format::Gemini | Format::GeminiArray => all[3],
    }
}

const UNREACHABLE: Expected = [
    (503, "internal_server_error"),
    (529, "overloaded_error"),
    (503, "internal_server_error"),
    (503, "UNAVAILABLE"),
];
const TIMEOUT: Expected = [
    (408, "invalid_request_error"),
    (408, "timeout_error"),
    (408, "invalid_request_error"),
    (408, "DEADLINE_EXCEEDED"),
];
const TOO_LARGE: Expected = [
    (413, "invalid_request_error"),
    (413, "request_too_large"),
    (413, "invalid_request_error"),
    (413, "INVALID_ARGUMENT"),
];
const BAD_GATEWAY: Expected = [
    (502, "internal_server_error"),
    (502, "api_error"),
    (502, "internal_server_error"),
    (502, "UNAVAILABLE"),
];

fn start(provider: &Provider) -> Stack {
    let (refusing, refused) = refusing_port().expect("a port");
    std::mem::forget(refusing);
    let at = |base: &str| openai("gpt-4o", base, OPENAI_KEY);
    let mut hurried = at(&provider.base());
    hurried["timeout"] = json!(0.5);
    let config = Config::new()
        .model("gpt-4o", at(&provider.base()))
        .model("hurried", hurried)
        .model("refused", at(&format!("http://127.0.0.1:{refused}")))
        .section("general_settings", json!({ "max_request_size_mb": 1 }))
        .section("router_settings", json!({ "timeout": 1, "num_retries": 0, "disable_cooldowns": true }));
    Setup::new(&config).start()
}

#[tokio::test]
async fn envoys_own_errors_are_in_the_words_of_each_api() {
    let provider = Provider::start().expect("a provider");
    let stack = start(&provider);
    let slow = || Step::default().with(Fault::SlowFirstByte { ms: 5_000 });
    let large = || Step::reply(Reply::text("word ".repeat(400_000)));
    let said = |case: &Case| case.prompt("Hello");
    for format in Format::ALL {
        for streamed in [false, true] {
            for (model, step, prompt, all) in [
                ("refused", Step::default(), &said as &dyn Fn(&Case) -> String, &UNREACHABLE),
                ("gpt-4o", Step::default().with(Fault::ResetBeforeHeaders), &said, &UNREACHABLE),
                ("gpt-4o", Step::default().with(Fault::ResetAfterHeaders), &said, &UNREACHABLE),
                ("gpt-4o", slow(), &said, &TIMEOUT),
                ("hurried", slow(), &said, &TIMEOUT),
                ("gpt-4o", Step::default(), &|case| case.prompt(&"x".repeat(2 << 20)), &TOO_LARGE),
                ("gpt-4o", large(), &said, &BAD_GATEWAY),
            ] {
                if streamed && all == &BAD_GATEWAY {
                    // A stream is never held as a whole.
                    continue;
                }
                let case = provider.case();
                case.then(step);
                let call = format.ask(&stack.client(), MASTER_KEY, model, &prompt(&case), streamed);
                let answer = call.header("x-litellm-call-id", "the-call").send().await;
                let (kind, message) = format.error(&answer);
                let told = format!("{format:?}, {model}, streamed={streamed}: {}", answer.text());
                assert_eq!((answer.status, kind.as_str()), expected(all, format), "{told}");
                assert!(message.len() > 10, "{told}");
                assert_eq!(answer.header("x-litellm-call-id"), "the-call", "{told}");
                assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{told}");
                if format == Format::Messages {
                    assert_eq!(answer.json()["request_id"], "the-call", "{told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_gateways_own_errors_are_in_the_words_of_each_api() {
    let provider = Provider::start().expect("a provider");
    let stack = start(&provider);
    let key = async |fields| {
        let made = stack.generate_key(fields).await;
        made["key"].as_str().expect("a key").to_owned()
    };
    let spent = key(json!({ "max_budget": 0 })).await;
    let other = key(json!({ "models": ["other"] })).await;
    let busy = key(json!({ "rpm_limit": 0 })).await;
    for format in Format::ALL {
        for (key, model, all) in [
            (
                "sk-unknown",
                "gpt-4o",
                [
                    (401, "token_not_found_in_db"),
                    (401, "authentication_error"),
                    (401, "token_not_found_in_db"),
                    (401, "UNAUTHENTICATED"),
                ],
            ),
            (
                &spent,
                "gpt-4o",
                [
                    (422, "budget_exceeded"),
                    (402, "billing_error"),
                    (429, "insufficient_quota"),
                    (402, "FAILED_PRECONDITION"),
                ],
            ),
            (
                &other,
                "gpt-4o",
                [
                    (403, "key_model_access_denied"),
                    (403, "permission_error"),
                    (403, "key_model_access_denied"),
                    (403, "PERMISSION_DENIED"),
                ],
            ),
            (
                &busy,
                "gpt-4o",
                [
                    (429, "throttling_error"),
                    (429, "rate_limit_error"),
                    (429, "throttling_error"),
                    (429, "RESOURCE_EXHAUSTED"),
                ],
            ),
            (
                MASTER_KEY,
                "no-such-model",
                [
                    (400, "invalid_request_error"),
                    (400, "invalid_request_error"),
                    (400, "invalid_request_error"),
                    (400, "INVALID_ARGUMENT"),
                ],
            ),
        ] {
            let answer = format.ask(&stack.client(), key, model, "Hello", false).send().await;
            let (kind, _) = format.error(&answer);
            let told = format!("{format:?}: {} {}", answer.status, answer.text());
            assert_eq!((answer.status, kind.as_str()), expected(&all, format), "{told}");
        }
    }
}

#[tokio::test]
async fn a_gateway_short_of_memory_says_so_in_the_words_of_each_api() {
    let config =
        Config::new().model("gpt-4o", openai("gpt-4o", "http://127.0.0.1:1", "os.environ/OPENAI_API_KEY"));
    let running = Rendered::start_with(&config, &[("OPENAI_API_KEY", OPENAI_KEY)], 1, |text| {
        // Memory is short from the beginning.
        let changed = text.replace("        value: 0.5\n", "        value: 0.0\n");
        assert_ne!(changed, text, "the threshold is not where it was");
        changed
    })
    .await;
    let admin = Client::new(format!("http://127.0.0.1:{}", running.admin));
    let begun = Instant::now();
    loop {
        let active = admin.get("/stats?filter=stop_accepting_requests.active").send().await.text();
        if active.trim_end().ends_with(": 1") {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "{active}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let all = [
        (503, "service_unavailable_error"),
        (529, "overloaded_error"),
        (503, "service_unavailable_error"),
        (503, "UNAVAILABLE"),
    ];
    for format in Format::ALL {
        for streamed in [false, true] {
            let call = format.ask(&running.client(), MASTER_KEY, "gpt-4o", "Hello", streamed);
            let answer = call.send().await;
            let (kind, message) = format.error(&answer);
            let told = format!("{format:?}: {} {}", answer.status, answer.text());
            assert_eq!((answer.status, kind.as_str()), expected(&all, format), "{told}");
            assert!(message.contains("--memory-limit"), "{told}");
            assert_eq!(answer.header("retry-after"), "1", "{told}");
        }
    }
}
