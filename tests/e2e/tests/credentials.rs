//! Providers' credentials: the key service has them, Envoy does not, and a changed one is used without a lost request.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use switchboard_e2e::{Client, Config, Fleet, Setup, openai, question};

/// A provider, in threads that end with the process. It serves only requests with its current credential.
#[derive(Clone, Default)]
pub(crate) struct Strict(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What `authorization` must begin with.
    current: String,
    /// When each was last seen.
    seen: HashMap<String, Instant>,
}

impl Strict {
    pub(crate) fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let provider = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let provider = provider.clone();
                std::thread::spawn(move || provider.serve(stream));
            }
        });
        format!("http://{address}")
    }

    /// Accepts only this from now on.
    pub(crate) fn accepts(&self, credential: &str) {
        credential.clone_into(&mut self.0.lock().unwrap().current);
    }

    /// When that was last presented.
    fn last(&self, credential: &str) -> Option<Instant> {
        let state = self.0.lock().unwrap();
        let seen = state.seen.iter().filter(|(seen, _)| seen.starts_with(credential));
        seen.map(|(_, at)| *at).max()
    }

    fn serve(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream);
        while let Some((head, body)) = request(&mut reader) {
            let header = |name: &str| {
                let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
                line.and_then(|line| line.split_once(": ")).map(|(_, value)| value.trim().to_owned())
            };
            let credential = header("authorization:").unwrap_or_default();
            let accepted = {
                let mut state = self.0.lock().unwrap();
                state.seen.insert(credential.clone(), Instant::now());
                !state.current.is_empty() && credential.starts_with(&state.current)
            };
            let (status, answer) = match (accepted, head.contains("/converse")) {
                (true, _) if head.contains(":generateContent") => (
                    "200 OK",
                    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello."}]},
                        "finishReason": "STOP", "index": 0}],
                    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}}),
                ),
                (false, _) => (
                    "401 Unauthorized",
                    json!({"error": {"message": "Incorrect API key", "type":
                    "invalid_request_error", "code": "invalid_api_key"}}),
                ),
                (true, false) => (
                    "200 OK",
                    json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                    "choices": [{"index": 0, "finish_reason": "stop",
                        "message": {"role": "assistant", "content": "Hello."}}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}),
                ),
                (true, true) => (
                    "200 OK",
                    json!({"output": {"message": {"role": "assistant",
                    "content": [{"text": "Hello."}]}}, "stopReason": "end_turn",
                    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}}),
                ),
            };
            drop(body);
            if respond(&mut reader, status, &answer.to_string()).is_err() {
                return;
            }
        }
    }
}

/// The head and the body of the next request.
pub(crate) fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

pub(crate) fn respond(reader: &mut BufReader<TcpStream>, status: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
    reader.get_mut().write_all(format!("{head}{body}").as_bytes())
}

/// The environment of a process.
fn environment(pid: u32) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned()
}

/// Puts another text into a file at once, as an agent or an editor does.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

pub(crate) async fn status(client: &Client, key: &str, model: &str) -> u16 {
    client.post("/v1/chat/completions", &question(model, "hi")).key(key).send().await.status
}

#[tokio::test]
async fn envoy_has_no_providers_secret_and_a_model_with_a_new_one_needs_no_restart() {
    let provider = Strict::default();
    let base = provider.start();
    let config = |inline: &str| {
        Config::new()
            .section("environment_variables", json!({"GIVEN": "planted-given"}))
            .model("referred", openai("m", &base, "os.environ/REFERRED"))
            .model("given", openai("m", &base, "os.environ/GIVEN"))
            .model("inline", openai("m", &base, inline))
    };
    let first = config("planted-inline");
    let mut stack = Setup::new(&first)
        .env("REFERRED", "planted-referred")
        .env("AWS_SECRET_ACCESS_KEY", "planted-aws")
        .start();
    let key = stack.key().await;
    let client = stack.client();
    for (model, secret) in
        [("referred", "planted-referred"), ("given", "planted-given"), ("inline", "planted-inline")]
    {
        provider.accepts(&format!("Bearer {secret}"));
        assert_eq!(status(&client, &key, model).await, 200, "{model}");
    }
    assert!(!environment(stack.envoy_pid()).contains("planted"), "{}", environment(stack.envoy_pid()));

    stack.rewrite(&config("planted-another").model("new", openai("m", &base, "planted-new")).text());
    stack.wait_for_log("the new configuration is active", 1).await;
    for (model, secret) in [("new", "planted-new"), ("inline", "planted-another")] {
        provider.accepts(&format!("Bearer {secret}"));
        let begun = Instant::now();
        while status(&client, &key, model).await != 200 {
            assert!(begun.elapsed() < Duration::from_secs(2), "{model} does not use its credential");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    stack.stop();
}

/// Rotates the secret in a file again and again during so many requests by these clients.
async fn rotate_under_load(clients: &[Client], key: &str, provider: &Strict, path: &Path, requests: usize) {
    let left = std::rc::Rc::new(std::cell::Cell::new(requests));
    let failed = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let load = (0..9).map(|at| {
        let (left, failed, client) =
            (std::rc::Rc::clone(&left), std::rc::Rc::clone(&failed), clients[at % clients.len()].clone());
        let key = key.to_owned();
        async move {
            while left.get() > 0 {
                left.set(left.get() - 1);
                let body = question("m", "hi");
                let answer = client.post("/v1/chat/completions", &body).key(&key).send().await;
                if answer.status != 200 {
                    failed.borrow_mut().push(format!("{}: {}", answer.status, answer.text()));
                }
            }
        }
    });
    let rotation = async {
        let mut rotations = 0;
        while left.get() > requests / 10 || rotations == 0 {
            rotations += 1;
            let (old, new) = (format!("rotated-{}", rotations - 1), format!("rotated-{rotations}"));
            // The provider is first, so that requests meet it with the old secret.
            provider.accepts(&format!("Bearer {new}"));
            replace(path, &new);
            let begun = Instant::now();
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            let late = provider.last(&format!("Bearer {old}")).unwrap().saturating_duration_since(begun);
            assert!(late < Duration::from_secs(2), "the old secret was used after {late:?}");
        }
        rotations
    };
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = load.map(|load| local.spawn_local(load)).collect();
    let rotations = local.run_until(rotation).await;
    local.await;
    for task in tasks {
        task.await.unwrap();
    }
    println!("{requests} requests during {rotations} rotations, {} failed", failed.borrow().len());
    assert!(failed.borrow().is_empty(), "{rotations} rotations: {:?}", failed.borrow().first());
    assert!(provider.last(&format!("Bearer rotated-{rotations}")).is_some());
}

/// A provider, a model there, and the file with its secret.
fn rotated(folder: &Path) -> (Strict, Config, std::path::PathBuf) {
    let provider = Strict::default();
    let path = folder.join("key");
    std::fs::write(&path, "rotated-0").unwrap();
    provider.accepts("Bearer rotated-0");
    let config = Config::new().model("m", openai("m", &provider.start(), "os.environ/ROTATED"));
    (provider, config, path)
}

/// On one machine, with SQLite.
async fn rotate_on_one_machine(requests: usize) {
    let folder = tempfile::tempdir().unwrap();
    let (provider, config, path) = rotated(folder.path());
    let mut stack = Setup::new(&config).env("ROTATED_FILE", path.to_str().unwrap()).workers(2).start();
    let key = stack.key().await;
    assert_eq!(status(&stack.client(), &key, "m").await, 200);
    rotate_under_load(&[stack.client()], &key, &provider, &path, requests).await;
    stack.stop();
}

/// With three Envoys, two key services and Postgres.
async fn rotate_in_a_fleet(requests: usize) {
    let Some(database) = crate::fleet::postgres() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (provider, config, path) = rotated(folder.path());
    let environment = [("ROTATED_FILE", path.to_str().unwrap())];
    let fleet = Fleet::start(&config, &database.url(), &environment, (3, 2)).await;
    let clients: Vec<Client> = fleet.members.iter().map(switchboard_e2e::Member::client).collect();
    let key = crate::fleet::make_key(&clients[0]).await;
    for client in &clients {
        assert_eq!(status(client, &key, "m").await, 200);
    }
    rotate_under_load(&clients, &key, &provider, &path, requests).await;
}

#[tokio::test]
async fn a_rotated_secret_loses_no_request_and_the_old_one_is_not_used_two_seconds_later() {
    rotate_on_one_machine(1_500).await;
}

#[tokio::test]
async fn a_rotated_secret_loses_no_request_in_a_fleet() {
    rotate_in_a_fleet(1_500).await;
}

#[tokio::test]
#[ignore = "takes minutes: `make soak-rotation`"]
async fn ten_thousand_requests_survive_rotations_on_one_machine_and_in_a_fleet() {
    rotate_on_one_machine(10_000).await;
    rotate_in_a_fleet(10_000).await;
}
