//! Starting, stopping, and what happens when a part dies.

use std::time::{Duration, Instant};

use fake_provider::{Fault, Provider, Reply, Step};
use serde_json::json;
use switchboard_e2e::{Config, OPENAI_KEY, Setup, Stack, openai, process, question};

fn config(provider: &Provider) -> Config {
    Config::new()
        .model("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY))
        .model("demo", json!({ "model": "openai/demo", "mock_response": "Hello" }))
}

fn stack() -> (Provider, Stack) {
    let provider = Provider::start().expect("a provider");
    let stack = Setup::new(&config(&provider)).start();
    (provider, stack)
}

async fn status(stack: &Stack, key: &str) -> u16 {
    stack.client().post("/v1/chat/completions", &question("demo", "Hello")).key(key).send().await.status
}

#[tokio::test]
async fn it_starts_within_seconds_and_ends_well() {
    let (_provider, mut stack) = stack();
    let (envoy, keys) = (stack.envoy_pid(), stack.keys_pid().unwrap());
    // CPU time, which is no longer on a machine that does something else besides.
    let cpu: Duration =
        [stack.launcher.pid(), envoy, keys].map(|pid| process::cpu(pid).unwrap()).iter().sum();
    assert!(cpu < Duration::from_secs(6), "{cpu:?}");
    let key = stack.key().await;
    assert_eq!(status(&stack, &key).await, 200);
    let asked = Instant::now();
    stack.stop();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    for pid in [envoy, keys] {
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists(), "{pid} still runs");
    }
}

#[tokio::test]
async fn a_stream_in_flight_ends_before_the_gateway_does() {
    let (provider, mut stack) = stack();
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::reply(Reply::text("one two three")).with(Fault::Stall { after: 3, ms: Some(2000) }));
    let mut body = question("gpt-4o", &case.prompt("Hello"));
    body["stream"] = json!(true);
    let mut answer = stack.client().post("/v1/chat/completions", &body).key(&key).open().await;
    assert_eq!(answer.status, 200);
    answer.next().await.expect("the beginning");
    stack.terminate();
    let answer = answer.finish().await;
    let text = answer.text();
    assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
    stack.stop();
}

#[tokio::test]
async fn usage_of_the_last_requests_is_recorded_before_the_end() {
    let provider = Provider::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let price = json!({ "input_cost_per_token": 0.001, "output_cost_per_token": 0.01 });
    let config = Config::new().model_with("gpt-4o", openai("gpt-4o", &provider.base(), OPENAI_KEY), price);
    let start = || Setup::new(&config).data_dir(folder.path()).start();
    let mut stack = start();
    let key = stack.key().await;
    let call = stack.client().post("/v1/chat/completions", &question("gpt-4o", "Hello"));
    call.key(&key).send().await.expect(200);
    stack.stop();

    let stack = start();
    let call = stack.client().get(&format!("/key/info?key={key}")).key(switchboard_e2e::MASTER_KEY);
    let info = call.send().await.expect(200).json();
    assert_eq!(info["info"]["spend"], 0.081, "11 tokens in, 7 out: {info}");
}

#[tokio::test]
async fn keys_outlive_a_second_start() {
    let provider = Provider::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut stack = Setup::new(&config(&provider)).data_dir(folder.path()).start();
    let key = stack.key().await;
    stack.stop();
    let stack = Setup::new(&config(&provider)).data_dir(folder.path()).start();
    assert_eq!(status(&stack, &key).await, 200);
}

#[tokio::test]
async fn a_key_service_that_dies_is_started_again_while_known_keys_go_on() {
    let (_provider, stack) = stack();
    let known = stack.key().await;
    assert_eq!(status(&stack, &known).await, 200);
    let pid = stack.keys_pid().unwrap();
    stack.kill(pid);
    let killed = Instant::now();
    while stack.keys_pid().is_none_or(|now| now == pid) || !made(&stack).await {
        assert_eq!(status(&stack, &known).await, 200, "a known key goes on");
        assert!(killed.elapsed() < Duration::from_secs(10), "{}", stack.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(stack.log().contains("the key service exited"), "{}", stack.log());
    let new = stack.key().await;
    assert_eq!(status(&stack, &new).await, 200);
}

async fn made(stack: &Stack) -> bool {
    let call = stack.client().post("/key/generate", &json!({})).key(switchboard_e2e::MASTER_KEY);
    call.try_send().await.is_ok_and(|answer| answer.status == 200)
}

#[tokio::test]
async fn while_the_key_service_is_down_nobody_unknown_is_let_in() {
    let (provider, stack) = stack();
    let (known, unknown) = (stack.key().await, stack.key().await);
    assert_eq!(status(&stack, &known).await, 200);
    // Stopped, not killed: the launcher would start it again.
    let pid = stack.keys_pid().unwrap().to_string();
    signal("STOP", &pid);
    let case = provider.case();
    let call = stack.client().post("/v1/chat/completions", &question("gpt-4o", &case.prompt("Hello")));
    let answer = call.key(&unknown).send().await;
    assert_eq!(status(&stack, &known).await, 200);
    signal("CONT", &pid);
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_ne!(answer.header("retry-after"), "");
    answer.error();
    assert!(case.requests().is_empty());
    assert_eq!(status(&stack, &unknown).await, 200);
}

fn signal(name: &str, pid: &str) {
    let sent = std::process::Command::new("kill").args(["-s", name, pid]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test]
async fn an_envoy_that_dies_ends_everything_with_the_reason() {
    let (_provider, mut stack) = stack();
    let keys = stack.keys_pid().unwrap();
    stack.kill(stack.envoy_pid());
    let status = stack.launcher.wait(Duration::from_secs(10));
    assert!(!status.success(), "{status}");
    assert!(stack.log().contains("Envoy exited"), "{}", stack.log());
    assert!(!std::path::Path::new(&format!("/proc/{keys}")).exists(), "the key service still runs");
}

#[tokio::test]
async fn a_second_start_on_the_same_port_is_refused_with_the_reason() {
    let (_provider, stack) = stack();
    let text = json!({ "model_list": [{ "model_name": "demo", "litellm_params": { "model": "openai/demo", "mock_response": "Hi" } }] }).to_string();
    let mut second = Setup::of_text(text).port(stack.port).launch();
    let status = second.launcher.wait(Duration::from_secs(10));
    assert!(!status.success());
    assert!(second.log().contains(&stack.port.to_string()), "{}", second.log());
    assert_eq!(stack.client().get("/health/liveliness").send().await.status, 200);
}

#[tokio::test]
async fn a_wrong_config_is_refused_with_its_line() {
    let mut stack =
        Setup::of_text("model_list:\n  - model_name: a\n    litellm_params: 7\n".to_owned()).launch();
    let status = stack.launcher.wait(Duration::from_secs(10));
    assert_eq!(status.code(), Some(2), "{}", stack.log());
    assert!(stack.log().contains("config.yaml:3"), "{}", stack.log());
}

#[tokio::test]
async fn no_secret_stands_in_a_file_or_a_log_or_envoys_own_account() {
    let (provider, mut stack) = stack();
    let key = stack.key().await;
    let case = provider.case();
    let prompt = case.prompt("a-secret-prompt");
    let call = stack.client().post("/v1/chat/completions", &question("gpt-4o", &prompt));
    call.key(&key).send().await.expect(200);
    case.then(Step::status(500));
    let call = stack.client().post("/v1/chat/completions", &question("gpt-4o", &prompt));
    call.key(&key).send().await.expect(500);
    let dump = stack.admin().get("/config_dump?include_eds").send().await.expect(200).text();
    let mut places = vec![("config_dump".to_owned(), dump)];
    let data_dir = stack.data_dir.clone();
    stack.terminate();
    stack.launcher.wait(Duration::from_secs(10));
    for entry in std::fs::read_dir(&data_dir).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        places.push((path.display().to_string(), text));
    }
    places.push(("log".to_owned(), stack.log()));
    assert!(places.iter().any(|(name, _)| name.ends_with("envoy.json")), "{data_dir:?}");
    for (name, text) in &places {
        for secret in [OPENAI_KEY, switchboard_e2e::MASTER_KEY, &key, "a-secret-prompt"] {
            assert!(!text.contains(secret), "{secret} is in {name}");
        }
    }
}
