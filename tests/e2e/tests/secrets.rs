//! Secrets are where they belong and nowhere else: keys with their holders, credentials with the key service, hashes in
//! the database.

use std::path::Path;
use std::time::Duration;

use fake_provider::{Provider, Reply, Step};
use http::Method;
use serde_json::{Value, json};
use switchboard_e2e::{Answer, Client, Config, MASTER_KEY, Setup, Stack, openai, question};

/// In `config.yaml` itself.
const INLINE: &str = "sk-openai-planted-inline-key-4711";
/// In a header that `config.yaml` adds.
const HEADER: &str = "planted-secret-of-a-header-4712";
/// In the environment.
const REFERRED: &str = "sk-openai-planted-key-of-the-environment-4713";
const SALT: &str = "planted-salt-4714";
/// Chosen by the administrator for a key.
const CHOSEN: &str = "sk-planted-virtual-key-4715";
/// Never made.
const UNKNOWN: &str = "sk-planted-key-of-somebody-else-4716";
/// Sent in every wrong way.
const MALFORMED: &str = "planted-token-without-a-scheme-4717";
/// In the body of a request.
const IN_BODY: &str = "sk-openai-planted-key-of-a-client-4718";
/// In a prompt, which is no secret of ours but nobody's to log.
const PROMPT: &str = "planted-words-of-a-prompt-4719";

/// Everything that was seen, each with where.
#[derive(Default)]
pub(crate) struct Seen(Vec<(String, Vec<u8>)>);

impl Seen {
    pub(crate) fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    pub(crate) fn answer(&mut self, place: &str, answer: &Answer) {
        self.add(format!("{place}: headers"), format!("{:?}", answer.headers));
        self.add(format!("{place}: body"), answer.body.to_vec());
    }

    pub(crate) fn folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() {
                self.folder(&entry.path());
            } else {
                self.add(entry.path().display().to_string(), std::fs::read(entry.path()).expect("a file"));
            }
        }
    }

    /// Where a text was seen.
    pub(crate) fn places(&self, text: &str) -> Vec<&str> {
        let holds = |bytes: &[u8]| memchr::memmem::find(bytes, text.as_bytes()).is_some();
        self.0.iter().filter(|(_, bytes)| holds(bytes)).map(|(place, _)| place.as_str()).collect()
    }
}

/// A variable of Envoy's environment: where the launcher's own secrets are.
pub(crate) fn variable(stack: &Stack, name: &str) -> String {
    let environment = std::fs::read(format!("/proc/{}/environ", stack.envoy_pid())).expect("an environment");
    let found = environment
        .split(|byte| *byte == 0)
        .find_map(|entry| std::str::from_utf8(entry).ok()?.strip_prefix(name)?.strip_prefix('='));
    found.expect("the variable").to_owned()
}

/// Has the filter log as much as it can, and the rest of Envoy what it does. (Envoy's own parts would show every header of
/// every request, which is their purpose.)
pub(crate) async fn become_loud(stack: &Stack) {
    for part in ["wasm", "http", "router", "main"] {
        let level = if part == "wasm" { "trace" } else { "info" };
        stack.admin().request(Method::POST, &format!("/logging?{part}={level}")).send().await.expect(200);
    }
}

/// Stops a loud stack in which hooks have panicked. Nothing that it has logged, told or written contains one of these.
pub(crate) async fn check_after_panics(mut stack: Stack, secrets: &[&str]) {
    let mut seen = Seen::default();
    for path in ["/config_dump?include_eds", "/stats", "/stats/prometheus", "/clusters"] {
        seen.answer(path, &stack.admin().get(path).send().await.expect(200));
    }
    stack.stop();
    let log = stack.log();
    assert!(log.contains("panic") && log.contains("DEBUG"), "the log is not as loud as it should be:\n{log}");
    seen.add("the log", log);
    seen.add("standard output", stack.launcher.stdout.text());
    seen.folder(&stack.data_dir);
    for secret in secrets {
        let places = seen.places(secret);
        assert!(places.is_empty(), "{secret} was seen in {places:?}");
    }
}

async fn chat(client: &Client, key: &str, body: &Value) -> Answer {
    client.post("/v1/chat/completions", body).key(key).send().await
}

/// The size of the largest core file that a process may leave: the limit that it starts its last moments with.
fn core_limit(pid: u32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"));
    line.and_then(|line| line.split_whitespace().next()).expect("a limit of core files").to_owned()
}

#[tokio::test]
async fn a_process_that_dies_leaves_no_core_file_unless_asked_to() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    // As a machine would have it that keeps core files.
    let most = getrlimit(Resource::Core).maximum;
    setrlimit(Resource::Core, Rlimit { current: most, maximum: most }).expect("a limit within the hard one");
    let config = Config::new().model("demo", json!({ "model": "openai/demo", "mock_response": "Hello." }));
    let stack = Setup::new(&config).start();
    for pid in [stack.launcher.pid(), stack.envoy_pid(), stack.keys_pid().expect("a key service")] {
        assert_eq!(core_limit(pid), "0");
    }
    let stack = Setup::new(&config).env("SWITCHBOARD_CORE_DUMPS", "1").start();
    assert_eq!(core_limit(stack.envoy_pid()), core_limit(std::process::id()));
}

#[tokio::test]
async fn no_secret_is_in_a_log_a_dump_a_metric_an_error_a_file_or_the_database() {
    let provider = Provider::start().expect("a provider");
    let base = provider.base();
    let mut with_header = openai("gpt-4o", &base, "os.environ/PLANTED_KEY");
    with_header["extra_headers"] = json!({ "X-Secret-Token": HEADER });
    let config = Config::new()
        .model("inline", openai("gpt-4o", &base, INLINE))
        .model("referred", with_header)
        .model("wrong", openai("gpt-4o", &base, "sk-wrong-key"));
    let mut stack = Setup::new(&config)
        .env("PLANTED_KEY", REFERRED)
        .env("LITELLM_SALT_KEY", SALT)
        .env("RUST_LOG", "debug")
        .workers(2)
        .access_log()
        .start();
    let (client, admin) = (stack.client(), stack.admin());
    become_loud(&stack).await;
    let mut seen = Seen::default();

    // What goes well.
    let made = stack.generate_key(json!({ "key": CHOSEN, "max_budget": 5, "rpm_limit": 1_000 })).await;
    let hash = made["token"].as_str().expect("a hash").to_owned();
    let generated = stack.key().await;
    let case = provider.case();
    // By itself the fake model repeats what it is told.
    case.then(Step::reply(Reply::text("Hello.")));
    for model in ["inline", "referred"] {
        for key in [CHOSEN, &generated] {
            let mut body = question(model, &format!("{PROMPT} {}", case.prompt("")));
            body["api_key"] = json!(IN_BODY);
            seen.answer(model, &chat(&client, key, &body).await.expect(200));
            body["stream"] = json!(true);
            seen.answer(model, &chat(&client, key, &body).await.expect(200));
        }
    }
    // The provider got its secrets, so the rest of this test looks for the right ones.
    let sent: String = case.requests().iter().map(fake_provider::Recorded::head_text).collect();
    for secret in [INLINE, REFERRED, HEADER] {
        assert!(sent.contains(secret), "{secret} has not reached the provider");
    }
    for secret in [CHOSEN, &generated, MASTER_KEY, IN_BODY] {
        assert!(!sent.contains(secret), "{secret} has reached the provider");
    }

    // Clients of another language have their key in the query.
    let prompt = format!("{PROMPT} {}", case.prompt(""));
    let content = json!({ "contents": [{ "parts": [{ "text": prompt }] }] });
    for (key, model, status) in [(CHOSEN, "inline", 200), (UNKNOWN, "inline", 401), (CHOSEN, "none", 400)] {
        for method in ["generateContent?", "streamGenerateContent?alt=sse&", "countTokens?"] {
            let path = format!("/v1beta/models/{model}:{method}key={key}");
            seen.answer(method, &client.post(&path, &content).send().await.expect(status));
        }
        let status = if status == 400 { 200 } else { status };
        let list = client.get(&format!("/v1beta/models?key={key}")).send().await;
        seen.answer("a list for a key in the query", &list.expect(status));
    }

    // What goes wrong.
    let body = question("inline", PROMPT);
    seen.answer("an unknown key", &chat(&client, UNKNOWN, &body).await.expect(401));
    seen.answer("no virtual key", &chat(&client, MALFORMED, &body).await.expect(401));
    for (name, value) in [
        ("authorization", MALFORMED.to_owned()),
        ("authorization", format!("Basic {MALFORMED}")),
        ("x-api-key", MALFORMED.to_owned()),
        ("x-litellm-api-key", UNKNOWN.to_owned()),
    ] {
        let call = client.post("/v1/chat/completions", &body).header(name, &value);
        seen.answer(name, &call.send().await.expect(401));
    }
    seen.answer(
        "a wrong key at the provider",
        &chat(&client, CHOSEN, &question("wrong", "Hi")).await.expect(401),
    );
    let failing = provider.case();
    failing.then(Step::status(500));
    let answer = chat(&client, CHOSEN, &question("referred", &failing.prompt(PROMPT))).await;
    seen.answer("a failing provider", &answer.expect(500));
    for body in [&b"{\"model\":"[..], b"[]", b"{\"model\":\"inline\",\"messages\":7}"] {
        let call = client.request(Method::POST, "/v1/chat/completions").key(CHOSEN).body(body.to_vec());
        seen.answer("a broken body", &call.send().await.expect(400));
    }
    seen.answer("no model", &chat(&client, CHOSEN, &question("none", PROMPT)).await.expect(400));
    let as_master = |path: &str, body: Value| client.post(path, &body).key(MASTER_KEY).send();
    for (path, body) in [
        ("/key/generate", json!({ "key": MALFORMED })),
        ("/key/generate", json!({ "key": 7, "models": UNKNOWN })),
        ("/key/update", json!({ "key": UNKNOWN })),
        ("/key/block", json!({ "key": UNKNOWN })),
        ("/key/regenerate", json!({ "key": UNKNOWN })),
    ] {
        let answer = as_master(path, body).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        // A complaint names the place and not the value, except where LiteLLM shows the ends of it.
        seen.answer(path, &answer);
    }
    seen.answer(
        "/key/delete",
        &as_master("/key/delete", json!({ "key_aliases": ["none"] })).await.expect(404),
    );
    for path in [format!("/key/{UNKNOWN}/regenerate"), format!("/key/{UNKNOWN}/reset_spend")] {
        let answer = as_master(&path, json!({ "reset_to": 0 })).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        seen.answer("a path with a key", &answer);
    }
    let info = client.get(&format!("/key/info?key={UNKNOWN}")).key(MASTER_KEY).send().await;
    seen.answer("/key/info", &info.expect(404));
    for path in ["/model/info", "/v1/models", "/spend/logs", "/key/list?return_full_object=true"] {
        seen.answer(path, &client.get(path).key(MASTER_KEY).send().await.expect(200));
    }

    // A sync, and what is written with it.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for path in
        ["/config_dump?include_eds", "/stats", "/stats/prometheus", "/clusters", "/server_info", "/certs"]
    {
        seen.answer(path, &admin.get(path).send().await.expect(200));
    }
    let token = variable(&stack, "SWITCHBOARD_INTERNAL_TOKEN");
    assert_eq!(variable(&stack, "SWITCHBOARD_MASTER_KEY"), MASTER_KEY);
    let internal = Client::new(format!("http://127.0.0.1:{}", stack.keys + 1));
    seen.answer("the key service's metrics", &internal.get("/metrics").key(&token).send().await.expect(200));
    let refused = internal.get("/metrics").key(UNKNOWN).send().await;
    assert!((400..500).contains(&refused.status), "{}", refused.status);
    seen.answer("the key service's internal port", &refused);
    seen.folder(&stack.data_dir);
    let environment = std::fs::read(format!("/proc/{}/environ", stack.envoy_pid())).expect("an environment");
    for secret in [INLINE, HEADER, REFERRED, SALT] {
        let found = memchr::memmem::find(&environment, secret.as_bytes());
        assert!(found.is_none(), "{secret} is in Envoy's environment");
    }
    let readiness = Client::new(format!("http://127.0.0.1:{}", stack.keys)).get("/health/readiness");
    seen.answer("the key service's readiness", &readiness.send().await.expect(200));
    for pid in [stack.envoy_pid(), stack.keys_pid().expect("a key service"), stack.launcher.pid()] {
        // Every user of the machine sees it.
        seen.add("a command line", std::fs::read(format!("/proc/{pid}/cmdline")).expect("a command line"));
    }
    stack.stop();
    seen.add("the log", stack.log());
    seen.add("standard output", stack.launcher.stdout.text());
    seen.folder(&stack.data_dir);

    let log = &stack.log();
    assert!(
        log.contains("envoy: ") && log.contains("DEBUG"),
        "the log is not as loud as it should be:\n{log}"
    );
    for line in [
        r#""path":"/v1/chat/completions""#,
        r#""path":"/v1beta/models/inline:generateContent""#,
        r#""path":"/key/{key}/…""#,
    ] {
        assert!(log.contains(line), "no line of the access log has {line}:\n{log}");
    }
    assert!(seen.places(&hash).iter().any(|place| place.contains("switchboard.db")), "the hash is stored");
    for secret in [
        INLINE, HEADER, REFERRED, SALT, CHOSEN, &generated, UNKNOWN, MALFORMED, IN_BODY, PROMPT, MASTER_KEY,
        &token,
    ] {
        let places = seen.places(secret);
        assert!(places.is_empty(), "{secret} was seen in {places:?}");
    }
}
