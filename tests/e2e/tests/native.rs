//! What the native filter has that the one in wasm has not, and what must not happen inside of Envoy. These tests run the
//! module, whatever `$SWITCHBOARD_HOST` says.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fake_provider::faults::CutHow;
use fake_provider::{Fault, Provider, Reply, Step, Usage};
use serde_json::{Value, json};
use switchboard_e2e::{
    Child, Config, MASTER_KEY, OPENAI_KEY, Setup, Stack, launcher, module, openai, panicking_module, question,
};

use crate::secrets::{become_loud, check_after_panics};

fn streamed(model: &str, prompt: &str) -> Value {
    let mut body = question(model, prompt);
    body["stream"] = json!(true);
    body
}

/// Envoy's statistics, once they have all of these beginnings of lines.
async fn statistics(stack: &Stack, awaited: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let text = stack.admin().get("/stats/prometheus").send().await.expect(200).text();
        let missing: Vec<_> =
            awaited.iter().filter(|start| !text.lines().any(|line| line.starts_with(**start))).collect();
        if missing.is_empty() {
            return text;
        }
        let own: Vec<_> =
            text.lines().filter(|line| line.contains("gen_ai") || line.contains("switchboard_")).collect();
        assert!(begun.elapsed() < Duration::from_secs(20), "{missing:?} are not in {own:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn envoys_own_statistics_have_the_usage_and_the_refusals() {
    let provider = Provider::start().unwrap();
    let config = |callbacks: Value| {
        Config::new()
            .model("group", openai("gpt-4o", &provider.base(), OPENAI_KEY))
            .section("litellm_settings", json!({ "callbacks": callbacks }))
    };
    let stack = Setup::new(&config(json!(["prometheus"]))).native(true).start();
    let limited = stack.generate_key(json!({ "rpm_limit": 1 })).await;
    let limited = limited["key"].as_str().unwrap();
    let ask = |body: Value, key: &str| stack.client().post("/v1/chat/completions", &body).key(key).send();
    let case = provider.case();
    let usage = Usage { input: 30, cached: 0, cache_write: 0, output: 12, reasoning: 0 };
    case.then(Step::reply(Reply::text("Hello to you, too").usage(usage)));
    ask(question("group", &case.prompt("Hello")), limited).await.expect(200);
    ask(question("group", &case.prompt("Hello")), limited).await.expect(429);
    ask(streamed("group", &case.prompt("Hello")), MASTER_KEY).await.expect(200);
    ask(question("group", "Hello"), "sk-0123456789abcdef012345").await.expect(401);
    ask(question("another", "Hello"), MASTER_KEY).await.expect(400);

    let labels = r#"gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="group",gen_ai_response_model="gpt-4o""#;
    let tokens = |kind: &str| {
        format!(
            "envoy_dynamicmodulescustom_gen_ai_client_token_usage_sum{{{labels},gen_ai_token_type=\"{kind}\"}} "
        )
    };
    let duration =
        format!("envoy_dynamicmodulescustom_gen_ai_server_request_duration_milliseconds_count{{{labels}");
    let first = format!(
        "envoy_dynamicmodulescustom_gen_ai_server_time_to_first_token_milliseconds_count{{{labels}}} 1"
    );
    let each = format!(
        "envoy_dynamicmodulescustom_gen_ai_server_time_per_output_token_milliseconds_count{{{labels}}} 1"
    );
    let refused = |status: u16, error: &str| {
        format!(
            "envoy_dynamicmodulescustom_switchboard_refused_requests{{status=\"{status}\",error=\"{error}\"}} 1"
        )
    };
    let refusals = [
        refused(429, "throttling_error"),
        refused(401, "token_not_found_in_db"),
        refused(400, "invalid_request_error"),
    ];
    let (input, output) = (tokens("input"), tokens("output"));
    let awaited = [&input, &output, &duration, &first, &each];
    let awaited: Vec<&str> = awaited.into_iter().chain(&refusals).map(String::as_str).collect();
    let text = statistics(&stack, &awaited).await;
    let sum = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    // Envoy's histograms are approximate.
    assert!((57.0..63.0).contains(&sum(&input)) && (22.0..26.0).contains(&sum(&output)), "{text}");
    assert!((sum(&duration) - 2.0).abs() < 1e-9);
    assert!(!text.contains("sk-"), "no key is a label");

    // Without the callback only refusals are counted.
    let stack = Setup::new(&config(json!([]))).native(true).start();
    let case = provider.case();
    let call = stack.client().post("/v1/chat/completions", &question("group", &case.prompt("Hello")));
    call.key(MASTER_KEY).send().await.expect(200);
    let call = stack.client().post("/v1/chat/completions", &question("another", "Hello"));
    call.key(MASTER_KEY).send().await.expect(400);
    let text = statistics(&stack, &[&refused(400, "invalid_request_error")]).await;
    assert!(!text.contains("gpt-4o"), "{text}");
}

/// What the client of a request sees in which a hook panics.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sees {
    /// An error with a status of 500 or more.
    Failure,
    /// That, or a connection that breaks off, because the response has begun.
    Break,
    /// What it would have seen otherwise.
    Nothing,
}

#[tokio::test]
async fn a_panic_in_any_hook_of_the_module_costs_at_most_its_request_and_tells_no_secret() {
    use Sees::{Break, Failure, Nothing};
    const INLINE: &str = "sk-openai-planted-for-a-panic-7711";
    const PROMPT: &str = "planted-words-of-a-prompt-7712";
    let provider = Provider::start().unwrap();
    let config = Config::new()
        .model("gpt-4o", openai("gpt-4o", &provider.base(), INLINE))
        .section("router_settings", json!({ "num_retries": 0, "disable_cooldowns": true }));
    let setup = Setup::new(&config).native(true).filter(panicking_module()).env("RUST_LOG", "debug");
    let stack = setup.access_log().start();
    become_loud(&stack).await;
    let envoy = stack.envoy_pid();
    // What a panic left reserved would leave no room for the next request.
    let made = stack.generate_key(json!({ "max_parallel_requests": 1 })).await;
    let key = made["key"].as_str().unwrap();
    let ask = async |key: &str, body: &Value, hook: Option<&str>| {
        let mut call = stack.client().post("/v1/chat/completions", body).key(key);
        if let Some(hook) = hook {
            call = call.header("x-switchboard-panic-in", hook);
        }
        call.try_send().await
    };
    let hooks = [
        ("downstream on_http_filter_request_headers", Failure),
        ("downstream on_http_filter_request_body", Failure),
        ("downstream on_http_filter_response_headers", Failure),
        ("downstream on_http_filter_response_body", Break),
        ("downstream on_http_filter_stream_complete", Nothing),
        ("downstream on_http_filter_http_callout_done", Failure),
        ("downstream on_http_filter_scheduled", Break),
        ("downstream on_http_filter_local_reply", Nothing),
        ("upstream on_http_filter_request_headers", Failure),
        ("upstream on_http_filter_request_body", Failure),
        ("upstream on_http_filter_response_headers", Failure),
        ("upstream on_http_filter_response_body", Break),
        ("on_http_filter_new", Failure),
        ("on_http_filter_destroy", Nothing),
        ("on_http_filter_config_scheduled", Nothing),
        ("on_http_filter_config_http_callout_done", Nothing),
    ];
    let mut panics = BTreeMap::<&str, usize>::new();
    for (hook, sees) in hooks {
        let case = provider.case();
        let mut body = question("gpt-4o", &case.prompt(PROMPT));
        let mut asks_with = key.to_owned();
        let mut usual = 200;
        match hook {
            "downstream on_http_filter_scheduled" => {
                // Ticks come while a stream is silent.
                let words = Reply::text("one two three four five six");
                case.then(Step::reply(words).with(Fault::Stall { after: 3, ms: Some(1_500) }));
                body["stream"] = json!(true);
            }
            "downstream on_http_filter_http_callout_done" => asks_with = stack.key().await,
            "downstream on_http_filter_local_reply" => {
                body["model"] = json!("another");
                usual = 400;
            }
            // The filter of the attempt is the next one.
            _ => {}
        }
        let answer = ask(&asks_with, &body, Some(hook)).await;
        match (&answer, sees) {
            (Ok(answer), Nothing) => assert_eq!(answer.status, usual, "{hook}: {}", answer.text()),
            (Ok(answer), Failure | Break) if answer.status >= 500 => {
                answer.error();
            }
            (Err(_), Break) => {}
            _ => panic!("{hook}: {answer:?}"),
        }
        let name = hook.rsplit(' ').next().unwrap();
        let count = panics.entry(name).or_default();
        *count += 1;
        stack.wait_for_log(&format!("a panic in {name}"), *count).await;

        // The next request, with the same key, is as before.
        let case = provider.case();
        let body = question("gpt-4o", &case.prompt(PROMPT));
        let begun = Instant::now();
        loop {
            let answer = ask(key, &body, None).await.unwrap();
            if answer.status == 200 {
                break;
            }
            // The end of a stream may be processed after its client has seen it.
            assert!(answer.status == 429, "after {hook}: {} {}", answer.status, answer.text());
            assert!(begun.elapsed() < Duration::from_secs(3), "after {hook}: the place was not given back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(stack.envoy_pid(), envoy, "Envoy was started again after {hook}");
    }
    check_after_panics(stack, &[INLINE, PROMPT, key, MASTER_KEY]).await;
}

#[tokio::test]
async fn a_stream_that_its_provider_resets_is_billed_for_what_was_produced() {
    let provider = Provider::start().unwrap();
    let config = Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY));
    let stack = Setup::new(&config).native(true).start();
    let key = stack.key().await;
    let case = provider.case();
    let words = Reply::text("one two three four five six");
    case.then(Step::reply(words).with(Fault::Cut { after: 4, how: CutHow::Reset }));
    let body = streamed("gpt-4o", &case.prompt("Hello"));
    let answer = stack.client().post("/v1/chat/completions", &body).key(&key).open().await;
    let (seen, well) = answer.rest().await;
    let seen = String::from_utf8_lossy(&seen).into_owned();
    assert!(!well && seen.contains("connection was reset") && !seen.contains("[DONE]"), "{seen}");
    let begun = Instant::now();
    let rows = loop {
        let path = format!("/spend/logs?api_key={key}");
        let rows = stack.client().get(&path).key(MASTER_KEY).send().await.expect(200).json();
        if rows.as_array().is_some_and(|rows| !rows.is_empty()) {
            break rows;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "nothing was recorded");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let count = |name: &str| rows[0][name].as_u64().unwrap();
    assert!(count("prompt_tokens") > 0 && (1..6).contains(&count("completion_tokens")), "{rows}");
    assert!(rows[0]["spend"].as_f64().unwrap() > 0.0, "{rows}");
}

#[tokio::test]
async fn an_envoy_that_does_not_fit_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let old = at("envoy");
    std::fs::write(&old, "#!/bin/sh\necho 'envoy  version: abc123/1.37.0/Clean/RELEASE/BoringSSL'\n")
        .unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&old, mode).unwrap();
    let config = Config::new().model("demo", json!({ "model": "openai/demo", "mock_response": "Hi" }));
    std::fs::write(at("config.yaml"), config.text()).unwrap();
    // A library for the architecture with the number 0.
    let foreign = folder.path().join("libswitchboard_module.so");
    std::fs::write(&foreign, [&b"\x7fELF"[..], &[0; 60]].concat()).unwrap();
    let real = switchboard_e2e::envoy();
    for (envoy, module, reason) in [
        (old.as_str(), module(), "is Envoy 1.37, but 1.38 or later is required"),
        (real.to_str().unwrap(), foreign, "was built for another CPU architecture"),
    ] {
        let module = module.to_str().unwrap();
        let arguments = ["up", "--config", &at("config.yaml"), "--filter", "native", "--envoy", envoy];
        let arguments: Vec<_> =
            arguments.into_iter().chain(["--module", module]).map(str::to_owned).collect();
        let mut child = Child::start(&launcher(), &arguments, &[]);
        let status = child.wait(Duration::from_secs(10));
        let told = child.stderr.text();
        assert!(!status.success() && told.contains(reason) && told.contains("help: "), "{told}");
    }
}
