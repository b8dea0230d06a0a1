//! What the design stands on: facts about Envoy that are none of our doing, and would change our design if they
//! changed.

use std::time::{Duration, Instant};

use fake_provider::{Provider, Reply, Step};
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{
    ANTHROPIC_KEY, Answer, Config, MASTER_KEY, OPENAI_KEY, Rendered, Setup, Stack, anthropic, is_native,
    openai, panicking_filter, process, question, world,
};
use tokio::time::timeout;

use crate::secrets::{become_loud, check_after_panics};

const PATIENCE: Duration = Duration::from_secs(3);

/// Without this line a filter that waits in the headers never gets the body.
const STOP_ITERATION: &str = "allow_on_headers_stop_iteration: true";

async fn rendered(provider: &Provider, change: impl FnOnce(String) -> String) -> Rendered {
    let host = if is_native() { "native" } else { "wasm" };
    rendered_on(host, provider, change).await
}

async fn rendered_on(host: &str, provider: &Provider, change: impl FnOnce(String) -> String) -> Rendered {
    let environment = [("OPENAI_API_KEY", OPENAI_KEY), ("ANTHROPIC_API_KEY", ANTHROPIC_KEY)];
    let config = Config::new()
        .model("gpt-4o", openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY"))
        .model("claude", anthropic("claude-sonnet-4-5", &provider.base(), "os.environ/ANTHROPIC_API_KEY"));
    Rendered::start_on(host, &config, &environment, change).await
}

async fn ask(running: &Rendered, key: &str, prompt: &str) -> Option<Answer> {
    let call = running.client().post("/v1/chat/completions", &question("claude", prompt)).key(key);
    timeout(PATIENCE, call.try_send()).await.ok()?.ok()
}

#[tokio::test]
async fn what_is_rendered_works_in_an_envoy_that_somebody_else_starts() {
    let provider = Provider::start().unwrap();
    let case = provider.case();
    let running = rendered(&provider, |text| text).await;
    let made =
        running.client().post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(200).json();
    for key in [made["key"].as_str().unwrap(), MASTER_KEY] {
        let answer = ask(&running, key, &case.prompt("Hello")).await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

/// A rendered configuration without the filter that tells an attempt what it is for.
fn untold(text: &str) -> String {
    let mut out = text.to_owned();
    while let Some(start) = out.find("- name: envoy.filters.http.header_mutation") {
        let next = |name: &str| out[start..].find(&format!("- name: envoy.filters.http.{name}"));
        let length =
            next("wasm").into_iter().chain(next("dynamic_modules")).min().expect("the filter follows");
        out.replace_range(start..start + length, "");
    }
    assert_ne!(out, text, "there is such a filter");
    out
}

#[tokio::test]
async fn an_envoy_that_does_not_tell_an_attempt_what_it_is_for_is_asked() {
    let provider = Provider::start().unwrap();
    let case = provider.case();
    let running = rendered(&provider, |text| untold(&text)).await;
    for model in ["claude", "gpt-4o"] {
        let call = running.client().post("/v1/chat/completions", &question(model, &case.prompt("Hello")));
        let answer = call.key(MASTER_KEY).send().await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let told: Vec<_> = case.requests().iter().map(|request| request.target.clone()).collect();
    assert_eq!(told, ["/v1/messages", "/v1/chat/completions"]);
}

#[tokio::test]
async fn a_client_cannot_say_which_request_and_deployment_an_attempt_is_for() {
    let provider = Provider::start().unwrap();
    let case = provider.case();
    for change in [untold, str::to_owned] {
        let running = rendered(&provider, |text| change(&text)).await;
        for number in 0..4 {
            let call = running
                .client()
                .post("/v1/chat/completions", &question("claude", &case.prompt("Hello")))
                .header("x-switchboard-attempt", format!("{number} switchboard:nobody"));
            let answer = call.key(MASTER_KEY).send().await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    }
    for request in case.requests() {
        assert_eq!(request.target, "/v1/messages");
        assert!(request.headers.keys().all(|name| !name.as_str().starts_with("x-switchboard-")));
    }
    assert_eq!(case.requests().len(), 8);
}

#[tokio::test]
async fn without_the_stop_iteration_flag_of_the_listener_a_new_key_gets_no_answer() {
    let provider = Provider::start().unwrap();
    let case = provider.case();
    let running = rendered_on("wasm", &provider, |text| {
        // The listener's filter stands first.
        assert!(text.contains(STOP_ITERATION), "{text}");
        text.replacen(STOP_ITERATION, "allow_on_headers_stop_iteration: false", 1)
    })
    .await;
    let made =
        running.client().post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(200).json();
    let answer = ask(&running, made["key"].as_str().unwrap(), &case.prompt("Hello")).await;
    assert!(answer.as_ref().is_none_or(|answer| answer.status >= 400), "{answer:?}");
    assert!(case.requests().is_empty(), "nobody may be let in");
}

#[tokio::test]
async fn without_the_stop_iteration_flag_of_the_clusters_no_request_is_translated() {
    let provider = Provider::start().unwrap();
    let case = provider.case();
    let running = rendered_on("wasm", &provider, |text| {
        let (first, rest) = text.split_once(STOP_ITERATION).expect("the flag of the listener");
        assert!(rest.contains(STOP_ITERATION), "{text}");
        format!(
            "{first}{STOP_ITERATION}{}",
            rest.replace(STOP_ITERATION, "allow_on_headers_stop_iteration: false")
        )
    })
    .await;
    let answer = ask(&running, MASTER_KEY, &case.prompt("Hello")).await;
    assert!(answer.as_ref().is_none_or(|answer| answer.status >= 400), "{answer:?}");
}

#[tokio::test]
async fn a_panic_costs_one_request_lets_nobody_in_and_tells_no_secret() {
    const INLINE: &str = "sk-openai-planted-for-a-panic-6711";
    const STRANGER: &str = "sk-planted-key-of-a-stranger-6712";
    const PROMPT: &str = "planted-words-of-a-prompt-6713";
    let provider = Provider::start().unwrap();
    let config = Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), INLINE));
    let setup = Setup::new(&config).filter(panicking_filter()).env("RUST_LOG", "debug").access_log();
    let stack = setup.start();
    become_loud(&stack).await;
    let key = stack.key().await;
    let ask = |key: &str, prompt: String, panics: Option<&str>| {
        let body = question("gpt-4o", &format!("{PROMPT} {prompt}"));
        let mut call = stack.client().post("/v1/chat/completions", &body).key(key);
        if let Some(header) = panics {
            call = call.header(header, "1");
        }
        call.send()
    };
    let case = provider.case();
    ask(&key, case.prompt("Hello"), None).await.expect(200);
    for (round, header) in
        ["x-switchboard-panic", "x-panic-in-attempt", "x-switchboard-panic"].iter().enumerate()
    {
        let shut = provider.case();
        let answer = ask(&key, shut.prompt("Hello"), Some(header)).await;
        assert!(answer.status >= 500, "round {round}: {} {}", answer.status, answer.text());
        answer.error();
        let broken = Instant::now();
        loop {
            // Envoy waits up to a second between two starts of a VM. Until then nobody is let in, and then again
            // only those who may.
            let stranger = ask(STRANGER, shut.prompt("Hello"), None).await;
            assert!(matches!(stranger.status, 401 | 500..), "round {round}: {}", stranger.text());
            stranger.error();
            let answer = ask(&key, case.prompt("Hello"), None).await;
            if answer.status == 200 {
                break;
            }
            answer.error();
            assert!(broken.elapsed() < PATIENCE, "round {round}: {} {}", answer.status, answer.text());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(shut.requests().is_empty(), "round {round}: somebody was let in");
    }
    // A key in a query, which the filter has not removed yet when it panics.
    let path = format!("/v1beta/models/gpt-4o:generateContent?key={key}");
    let content = json!({ "contents": [{ "parts": [{ "text": PROMPT }] }] });
    let call = stack.client().post(&path, &content).header("x-switchboard-panic", "1");
    assert!(call.send().await.status >= 500);
    check_after_panics(stack, &[INLINE, STRANGER, PROMPT, &key, MASTER_KEY]).await;
}

#[tokio::test]
async fn the_filter_that_is_shipped_has_no_panic_trigger() {
    let world = world();
    let case = world.case();
    let call = world.post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hello"))).await;
    call.header("x-switchboard-panic", "1").send().await.expect(200);
}

#[tokio::test]
async fn three_hundred_groups_start_and_serve_in_little_memory() {
    let provider = Provider::start().unwrap();
    let mut config = Config::new();
    for number in 0..300 {
        let name = format!("model-{number}");
        config = if number % 2 == 0 {
            config.model(&name, openai(&name, &provider.base(), OPENAI_KEY))
        } else {
            config.model(&name, anthropic(&name, &provider.base(), ANTHROPIC_KEY))
        };
    }
    let stack = Setup::new(&config).start();
    // How long that takes is a figure for the bench, not for a test on a machine that does something else besides.
    let memory = process::resident_kib(stack.envoy_pid()).unwrap();
    assert!(memory < 200 * 1024, "{memory} KiB");
    for number in [0, 1, 299] {
        let case = provider.case();
        let body = question(&format!("model-{number}"), &case.prompt("Hello"));
        let call = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY);
        call.send().await.expect(200);
        assert_eq!(case.request().json()["model"], format!("model-{number}"));
    }
}

#[tokio::test]
async fn a_body_of_twenty_megabytes_passes_both_roles_quickly() {
    let world = world();
    let case = world.case();
    let text = format!("{} {}", "word ".repeat(4 * 1024 * 1024), case.prompt(""));
    case.then(Step::reply(Reply::text("Long")));
    let key = world.key().await;
    let body = question("gpt-4o", &text).to_string();
    let call = world.stack.client().request(Method::POST, "/v1/chat/completions").key(key).body(body);
    let begun = Instant::now();
    call.send().await.expect(200);
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert!(case.request().body.len() > 20 * 1024 * 1024);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_a_413_in_json() {
    let provider = Provider::start().unwrap();
    let config = Config::new()
        .model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY))
        .section("general_settings", json!({ "max_request_size_mb": 1 }));
    let stack = Setup::new(&config).start();
    let send = |size: usize| {
        let case = provider.case();
        let body = question("gpt-4o", &format!("{} {}", "x".repeat(size), case.prompt("")));
        let call = stack.client().post("/v1/chat/completions", &body).key(MASTER_KEY);
        async move { (call.send().await, case) }
    };
    send(1024 * 1024 - 4096).await.0.expect(200);
    let (answer, case) = send(2 * 1024 * 1024).await;
    let error = answer.expect(413).error();
    assert_eq!(error["type"], "invalid_request_error");
    assert!(error["message"].to_string().contains("max_request_size_mb"), "{error}");
    assert!(case.requests().is_empty());
}

#[tokio::test]
async fn a_header_that_is_no_utf8_does_no_harm() {
    let world = world();
    let case = world.case();
    for name in ["x-custom", "user-agent", "x-litellm-call-id", "cookie", "accept"] {
        let call = world.post("/v1/chat/completions", &question("claude", &case.prompt("Hello"))).await;
        let answer = call.header(name, b"caf\xe9 \xff\xfe").send().await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }
    assert_eq!(case.requests().len(), 5);
}

#[tokio::test]
async fn envoys_and_our_own_headers_from_clients_have_no_effect() {
    let world = world();
    let case = world.case();
    case.then(Step::status(503));
    let headers = [
        ("x-envoy-max-retries", "9"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-upstream-alt-stat-name", "stolen"),
        ("x-envoy-decorator-operation", "stolen"),
        ("x-envoy-expected-rq-timeout-ms", "1"),
        ("x-envoy-internal", "true"),
        ("x-switchboard-cluster", "group:claude"),
        ("x-switchboard-call", "1"),
        ("x-switchboard-retry", "1"),
    ];
    let mut call = world.post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hello"))).await;
    for (name, value) in headers {
        call = call.header(name, value);
    }
    let answer = call.send().await;
    let requests = case.requests();
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(requests.len(), 3, "two retries, as configured");
    for request in &requests {
        assert_eq!(request.dialect, "openai", "the client has chosen the cluster");
        let text = request.head_text();
        assert!(!text.contains("x-envoy") && !text.contains("x-switchboard"), "{text}");
    }
}

#[tokio::test]
async fn the_key_services_inner_port_is_not_reached_through_the_listener() {
    let world = world();
    for path in ["/internal/verify", "/internal/sync", "/key/../internal/verify", "/key/%2e%2e/internal/sync"]
    {
        let call = world.stack.client().post(path, &json!({ "token": "0".repeat(64) })).key(MASTER_KEY);
        let answer = call.send().await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test]
async fn envoys_own_refusals_are_json_too() {
    let stack: &Stack = &world().stack;
    let call = stack.client().post("/v1/chat/completions", &question("gpt-4o", "Hello"));
    let answer = call.header("x-long", "x".repeat(100 * 1024)).send().await;
    assert_eq!(answer.status, 431, "{}", answer.text());
    assert_eq!(answer.error()["type"], "invalid_request_error");
}

#[tokio::test]
async fn several_workers_share_nothing_that_matters() {
    let provider = Provider::start().unwrap();
    let config = Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).workers(2).start();
    let key = stack.key().await;
    let case = provider.case();
    // Each client has its own connection, and with it a worker.
    let mut answers = Vec::new();
    for _ in 0..16 {
        let call =
            stack.client().post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hi"))).key(&key);
        answers.push(tokio::spawn(call.send()));
    }
    for answer in answers {
        assert_eq!(answer.await.unwrap().status, 200);
    }
    let block = stack.client().post("/key/block", &json!({ "key": key })).key(MASTER_KEY);
    block.send().await.expect(200);
    tokio::time::sleep(Duration::from_millis(1250)).await;
    for _ in 0..16 {
        let call =
            stack.client().post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hi"))).key(&key);
        assert_eq!(call.send().await.status, 401);
    }
    assert_eq!(case.requests().len(), 16);
    assert_ne!(case.requests()[0].json(), Value::Null);
}
