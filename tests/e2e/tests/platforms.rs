//! What is rendered for Kubernetes, Istio and Envoy Gateway, in a real Envoy: as the platform would have put it together.

use std::path::Path;
use std::time::Duration;

use fake_provider::{Fault, Provider, Reply, Step};
use serde_json::{Value, json};
use switchboard_e2e::{
    ANTHROPIC_KEY, Child, Config, MASTER_KEY, OPENAI_KEY, Rendered, anthropic, envoy, filter, free_port,
    launcher, mesh, openai, question,
};

/// How a platform makes Envoy's configuration of what is rendered.
type Platform = (&'static str, fn(&str, &Path, u16) -> String);

const PLATFORMS: [Platform; 4] = [
    ("kubernetes", |rendered, _, _| from_config_map(rendered)),
    ("kubernetes-sidecar", |rendered, _, _| from_config_map(rendered)),
    ("istio", mesh::istio),
    ("envoy-gateway", mesh::envoy_gateway),
];

fn from_config_map(rendered: &str) -> String {
    let resources = mesh::resources(rendered);
    let bootstrap = |one: &&Value| one["data"]["envoy.yaml"].is_string();
    let found = resources.iter().find(bootstrap).expect("a ConfigMap with a bootstrap");
    found["data"]["envoy.yaml"].as_str().expect("a text").to_owned()
}

async fn start(provider: &Provider, (format, put_together): Platform) -> Rendered {
    let environment = [("OPENAI_API_KEY", OPENAI_KEY), ("ANTHROPIC_API_KEY", ANTHROPIC_KEY)];
    let base = provider.base();
    // Port 1 is nobody's.
    let refused = openai("gpt-4o", "http://127.0.0.1:1", "os.environ/OPENAI_API_KEY");
    let config = Config::new()
        .model("gpt-4o", openai("gpt-4o", &base, "os.environ/OPENAI_API_KEY"))
        .model("claude", anthropic("claude-sonnet-4-5", &base, "os.environ/ANTHROPIC_API_KEY"))
        .model("refused", refused)
        .model("demo", json!({ "model": "openai/demo", "mock_response": "Hello from the demo model." }))
        .section("router_settings", json!({ "num_retries": 0, "fallbacks": [{ "claude": ["gpt-4o"] }] }));
    let put_together = |rendered: String, folder: &Path, admin: u16| put_together(&rendered, folder, admin);
    Rendered::start_as(format, &config, &environment, 1, put_together).await
}

async fn key(running: &Rendered) -> String {
    let made = running.client().post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(200);
    made.json()["key"].as_str().expect("a key").to_owned()
}

fn streamed(model: &str, prompt: &str) -> Value {
    let mut body = question(model, prompt);
    body["stream"] = json!(true);
    body
}

#[tokio::test]
async fn in_kubernetes_with_the_native_filter() {
    let provider = Provider::start().unwrap();
    let environment = [("OPENAI_API_KEY", OPENAI_KEY)];
    let config =
        Config::new().model("gpt-4o", openai("gpt-4o", &provider.base(), "os.environ/OPENAI_API_KEY"));
    let native = ["--filter", "native"];
    let configuration = |text: String, _: &Path, _| from_config_map(&text);
    let running = Rendered::start_by("kubernetes", &native, &config, &environment, 1, configuration).await;
    running.assert_valid();
    let case = provider.case();
    let (client, key) = (running.client(), key(&running).await);
    let body = question("gpt-4o", &case.prompt("Hello"));
    client.post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
    assert_eq!(case.requests().len(), 1);
}

/// A request of every kind, through one Envoy for each platform.
async fn everything_works_on(platform: Platform) {
    let provider = Provider::start().unwrap();
    let running = start(&provider, platform).await;
    running.assert_valid();
    let client = running.client();
    let ask = async |key: &str, body: &Value| client.post("/v1/chat/completions", body).key(key).send().await;

    let refused = ask("sk-nobody-has-this", &question("gpt-4o", "Hello")).await.expect(401);
    assert_eq!(refused.error()["type"], "token_not_found_in_db");
    let key = key(&running).await;

    for (model, target) in [("gpt-4o", "/v1/chat/completions"), ("claude", "/v1/messages")] {
        let case = provider.case();
        case.then(Step::reply(Reply::text("one two three")));
        let whole = ask(&key, &question(model, &case.prompt("Hello"))).await.expect(200).json();
        assert_eq!(whole["choices"][0]["message"]["content"], "one two three", "{model}");
        let request = case.request();
        assert_eq!(request.target, target, "{model}");
        assert!(!request.head_text().contains(&key), "{}", request.head_text());
        assert!(!request.head_text().contains("x-forwarded"), "{}", request.head_text());

        let case = provider.case();
        case.then(Step::reply(Reply::text("one two three")));
        let events = ask(&key, &streamed(model, &case.prompt("Hello"))).await.expect(200).events();
        assert_eq!(events.text(), "one two three", "{model}");
        assert!(events.is_done(), "{model}: {events:?}");
    }

    // Another attempt of another provider, by way of an internal redirect.
    let case = provider.case();
    case.then(Step::status(500).at("anthropic"));
    let rescued = ask(&key, &question("claude", &case.prompt("Hello"))).await.expect(200);
    let requests = case.requests();
    let targets: Vec<&str> = requests.iter().map(|request| request.target.as_str()).collect();
    assert_eq!(targets, ["/v1/messages", "/v1/chat/completions"], "{}", rescued.text());

    // More than the buffers of Envoy, Istio and Envoy Gateway hold by themselves.
    let case = provider.case();
    let long = format!("{} {}", case.prompt("Hello"), "x".repeat(2 << 20));
    ask(&key, &question("claude", &long)).await.expect(200);
    assert!(case.request().body.len() > 2 << 20);

    // Answered by the filter itself, at an endpoint that is this Envoy.
    let mocked = ask(&key, &question("demo", "Hello")).await.expect(200).json();
    assert_eq!(mocked["choices"][0]["message"]["content"], "Hello from the demo model.");

    // Envoy's own words: the connection manager's settings have arrived.
    let refused = ask(&key, &question("refused", "Hello")).await.expect(503).error();
    assert!(refused["message"].as_str().unwrap().contains("Connection error"), "{refused}");
    assert_eq!(client.get("/health/readiness").send().await.status, 200);
}

#[tokio::test]
async fn a_gateway_of_kubernetes_does_everything() {
    everything_works_on(PLATFORMS[0]).await;
}

#[tokio::test]
async fn a_sidecar_does_everything() {
    everything_works_on(PLATFORMS[1]).await;
}

#[tokio::test]
async fn a_gateway_of_istio_does_everything() {
    everything_works_on(PLATFORMS[2]).await;
}

#[tokio::test]
async fn a_gateway_of_envoy_gateway_does_everything() {
    everything_works_on(PLATFORMS[3]).await;
}

/// Over TLS, as the certificate's name: status and body.
async fn ask_over_tls(provider: &Provider, port: u16, path: &str, key: &str, body: &Value) -> (u16, Value) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = provider.connect_tls(port, "gateway.localhost").await.expect("a certificate");
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: gateway.localhost\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    // Envoy closes without TLS's own farewell.
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    // One chunk, or none.
    let body = body.get(body.find('{').unwrap_or_default()..=body.rfind('}').unwrap_or_default());
    let status = head.get(9..12).and_then(|status| status.parse().ok());
    let body = body.and_then(|body| serde_json::from_str(body).ok());
    (status.unwrap_or_default(), body.unwrap_or_else(|| panic!("no JSON: {answer}")))
}

/// The gateway asks itself for parts of a request, and where a group has nobody left: over TLS, if its port has it.
#[tokio::test]
async fn where_a_mesh_ends_tls_the_gateway_asks_itself_over_tls() {
    for (format, put_together) in [PLATFORMS[2], PLATFORMS[3]] {
        let provider = Provider::start().unwrap();
        let (certificate, private) = provider.certificate_pem(&["gateway.localhost"]);
        let titan = json!({"model": "bedrock/amazon.titan-embed-text-v2:0", "api_base": provider.base(),
            "api_key": "os.environ/OPENAI_API_KEY", "aws_region_name": "us-east-1"});
        let plain = |path: &str| {
            openai("gpt-4o", &format!("{}/{path}", provider.base()), "os.environ/OPENAI_API_KEY")
        };
        let config = Config::new()
            .model("titan", titan)
            .model("two", plain("one"))
            .model("two", plain("other"))
            .model("wrong", json!({"model": "openai/x", "mock_response": "litellm.RateLimitError"}))
            .model("spare", plain("spare"))
            .section("router_settings", json!({"num_retries": 2, "fallbacks": [{"two": ["spare"]}]}));
        let running = Rendered::start_by(
            format,
            &["--tls-secret", "certificate"],
            &config,
            &[("OPENAI_API_KEY", OPENAI_KEY)],
            1,
            |rendered, folder, admin| {
                std::fs::write(folder.join("certificate.pem"), &certificate).expect("a file");
                std::fs::write(folder.join("key.pem"), &private).expect("a file");
                put_together(&rendered, folder, admin)
            },
        )
        .await;
        running.assert_valid();
        let ask = async |path: &str, body: &Value| {
            ask_over_tls(&provider, running.port(), path, MASTER_KEY, body).await
        };

        let case = provider.case();
        let texts: Vec<String> = (0..12).map(|n| case.prompt(&format!("Text {n}"))).collect();
        let (status, answer) = ask("/v1/embeddings", &json!({"model": "titan", "input": texts})).await;
        assert_eq!(status, 200, "{format}: {answer}");
        assert_eq!(answer["data"].as_array().map(Vec::len), Some(12), "{format}: {answer}");
        assert_eq!(case.requests().len(), 12, "{format}");

        // Both deployments fail; where nobody is left the attempt ends here, and goes on to another group.
        let case = provider.case();
        case.then(Step::status(500).at("one"));
        case.then(Step::status(500).at("other"));
        let mut body = question("two", &case.prompt("Hello"));
        body["num_retries"] = json!(1);
        let (status, answer) = ask("/v1/chat/completions", &body).await;
        assert_eq!(status, 200, "{format}: {answer}");
        let targets: Vec<String> = case.requests().iter().map(|request| request.target.clone()).collect();
        assert_eq!(
            targets.last().map(String::as_str),
            Some("/spare/v1/chat/completions"),
            "{format}: {targets:?}"
        );

        // An error that nobody but the gateway gives is given from its own port.
        let (status, answer) = ask("/v1/chat/completions", &question("wrong", "Hello")).await;
        assert_eq!(status, 429, "{format}: {answer}");
    }
}

/// Runs the launcher as a container's hooks do.
fn hook(arguments: &[&str]) -> Child {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    Child::start(&launcher(), &arguments, &[])
}

#[tokio::test]
async fn a_container_that_is_to_stop_lets_its_streams_end_and_their_usage_be_reported() {
    let provider = Provider::start().unwrap();
    let running = start(&provider, PLATFORMS[1]).await;
    let key = key(&running).await;
    let (port, admin) = (running.port().to_string(), running.admin.to_string());
    assert!(hook(&["ready", "--port", &port]).wait(Duration::from_secs(10)).success());

    let case = provider.case();
    let slow = Fault::Stall { after: 3, ms: Some(2_000) };
    case.then(Step::reply(Reply::text("one two three four")).with(slow));
    let mut stream = running
        .client()
        .post("/v1/chat/completions", &streamed("gpt-4o", &case.prompt("Hello")))
        .key(&key)
        .open()
        .await;
    assert_eq!(stream.status, 200);
    stream.next().await.expect("a beginning");
    let mut drain = hook(&["drain", "--admin-port", &admin, "--wait", "0", "--timeout", "60"]);
    let rest = stream.finish().await;
    assert!(rest.text().contains("four") && rest.text().contains("[DONE]"), "{}", rest.text());
    assert!(drain.wait(Duration::from_secs(30)).success(), "{}", drain.stderr.text());

    // Nobody comes in any more, and what the stream cost is with the key service.
    assert!(!hook(&["ready", "--port", &port]).wait(Duration::from_secs(10)).success());
    let keys = switchboard_e2e::Client::new(format!("http://127.0.0.1:{}", running.keys_port));
    let logs = keys.get("/spend/logs").key(MASTER_KEY).send().await.expect(200).json();
    assert_eq!(logs.as_array().map(Vec::len), Some(1), "{logs}");
}

#[tokio::test]
async fn the_launcher_does_with_a_key_service_that_runs_elsewhere() {
    let provider = Provider::start().unwrap();
    // This one has `--config`: what the launcher's Envoy gets comes from the key service.
    let running = start(&provider, ("bootstrap", |rendered, _, _| rendered.to_owned())).await;
    let key = key(&running).await;
    let (port, admin, keys) =
        (free_port().to_string(), free_port().to_string(), running.keys_port.to_string());
    let at = |name: &str| running.folder().join(name).to_str().unwrap().to_owned();
    let (config, data, envoy, wasm) =
        (at("config.yaml"), at("up"), envoy().display().to_string(), filter().display().to_string());
    let what = ["up", "--config", &config, "--data-dir", &data, "--envoy", &envoy, "--wasm", &wasm];
    let place = ["--port", &port, "--admin-port", &admin, "--keys-host", "127.0.0.1", "--keys-port", &keys];
    let arguments: Vec<String> = what.into_iter().chain(place).map(str::to_owned).collect();

    let mut alone = Child::start(&launcher(), &arguments, &[]);
    assert!(!alone.wait(Duration::from_secs(10)).success());
    assert!(alone.stderr.text().contains("SWITCHBOARD_MASTER_KEY is not set"), "{}", alone.stderr.text());

    let environment: Vec<(String, String)> = running.environment().to_vec();
    let mut up = Child::start(&launcher(), &arguments, &environment);
    up.wait_for_line("ready ", Duration::from_secs(30));
    let case = provider.case();
    let client = switchboard_e2e::Client::new(format!("http://127.0.0.1:{port}"));
    let body = question("gpt-4o", &case.prompt("Hello"));
    client.post("/v1/chat/completions", &body).key(&key).send().await.expect(200);
    up.signal(rustix::process::Signal::TERM);
    assert!(up.wait(Duration::from_secs(20)).success(), "{}", up.stderr.text());
    // The key service goes on.
    running.client().post("/key/generate", &json!({})).key(MASTER_KEY).send().await.expect(200);
}

#[tokio::test]
async fn hooks_of_a_container_without_an_envoy_fail() {
    let port = free_port().to_string();
    assert!(!hook(&["ready", "--port", &port]).wait(Duration::from_secs(10)).success());
    assert!(!hook(&["drain", "--admin-port", &port]).wait(Duration::from_secs(10)).success());
}
