//! Vertex AI, whose credential is a service account: the key service fetches tokens with it, the filter presents them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fake_provider::case::Wire;
use fake_provider::{Case, Provider, Step};
use serde_json::{Value, json};
use switchboard_e2e::{Config, Setup, Stack, golden, question};

const TOKEN: &str = "ya29.token-of-a-service-account";

/// A token endpoint, in a thread that ends with the process. It takes what is signed, and nothing else.
#[derive(Clone, Default)]
struct TokenEndpoint {
    is_away: Arc<AtomicBool>,
    /// Tokens given.
    given: Arc<AtomicUsize>,
}

impl TokenEndpoint {
    fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = self.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if !endpoint.is_away.load(Ordering::SeqCst) {
                    endpoint.answer(stream);
                }
            }
        });
        format!("http://{address}/token")
    }

    fn answer(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let signed = body.split_once("assertion=").is_some_and(|(_, token)| token.split('.').count() == 3);
        let (status, answer) = if signed {
            let token = match self.given.fetch_add(1, Ordering::SeqCst) {
                0 => TOKEN.to_owned(),
                count => format!("{TOKEN}-{count}"),
            };
            ("200 OK", json!({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}))
        } else {
            ("400 Bad Request", json!({"error": "invalid_grant"}))
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            answer.len()
        );
        let _ = reader.get_mut().write_all(format!("{head}{answer}").as_bytes());
    }

    fn service_account(&self) -> String {
        let key = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../keys/tests/google/private-key.pem");
        json!({"type": "service_account", "project_id": "my-project", "private_key_id": "k",
            "private_key": std::fs::read_to_string(key).unwrap(),
            "client_email": "a@my-project.iam.gserviceaccount.com", "client_id": "1",
            "auth_uri": "http://127.0.0.1/auth", "token_uri": self.start()})
        .to_string()
    }
}

fn start(provider: &Provider, endpoint: &TokenEndpoint, fallbacks: bool) -> Stack {
    let at = |group: &str, model: &str| {
        json!({"model": format!("vertex_ai/{model}"), "api_base": format!("{}/scripted/{group}", provider.base()),
            "vertex_project": "my-project", "vertex_location": "europe-west4",
            "vertex_credentials": "os.environ/ACCOUNT"})
    };
    let mut config = Config::new()
        .model("gemini-on-vertex", at("gemini-on-vertex", "gemini-2.5-flash"))
        .model("claude-on-vertex", at("claude-on-vertex", "claude-sonnet-4-5@20250929"));
    if fallbacks {
        let key = json!({"model": "gemini/gemini-2.5-flash", "api_key": "AIza",
            "api_base": format!("{}/scripted/gemini", provider.base())});
        config = config.model("gemini", key).section(
            "router_settings",
            json!({"fallbacks": [{"gemini-on-vertex": ["gemini"]}], "allowed_fails": 0, "cooldown_time": 30}),
        );
    }
    Setup::new(&config).env("ACCOUNT", endpoint.service_account()).start()
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(golden().join(name)).unwrap()
}

/// Asks until the token has come: the key service fetches it while the first requests are served.
async fn ask(stack: &Stack, key: &str, group: &str, case: &Case, stream: bool) -> switchboard_e2e::Answer {
    let mut body = question(group, &case.prompt("hi"));
    body["stream"] = json!(stream);
    for _ in 0..100 {
        let answer = stack.client().post("/v1/chat/completions", &body).key(key).send().await;
        if answer.status != 503 {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no token came");
}

#[tokio::test]
async fn models_of_both_publishers_are_asked_with_a_token_that_the_service_account_is_given() {
    let provider = Provider::start().unwrap();
    let mut stack = start(&provider, &TokenEndpoint::default(), false);
    let key = stack.key().await;

    let case = provider.case();
    case.then(Step::wire(Wire::json(200, &fixture("response/gemini/text.in.json"))));
    let answer = ask(&stack, &key, "gemini-on-vertex", &case, false).await.expect(200).json();
    assert_eq!(answer["model"], "gemini-on-vertex");
    assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");
    let request = case.request();
    assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    assert!(
        request.target.ends_with("/publishers/google/models/gemini-2.5-flash:generateContent"),
        "{}",
        request.target
    );
    assert!(request.json()["contents"].is_array(), "{}", request.json());

    let case = provider.case();
    let events = fixture("stream/anthropic/text.in.sse");
    case.then(Step::wire(Wire::stream("text/event-stream", [&events[..]])));
    let answer = ask(&stack, &key, "claude-on-vertex", &case, true).await.expect(200);
    assert!(answer.events().is_done(), "{}", answer.text());
    let request = case.request();
    assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    assert!(
        request.target.ends_with("/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"),
        "{}",
        request.target
    );
    let sent = request.json();
    assert_eq!((&sent["anthropic_version"], &sent["model"]), (&json!("vertex-2023-10-16"), &Value::Null));
    stack.stop();
}

/// Asks once, and gives the answer and the account that served it.
async fn ask_once(stack: &Stack, key: &str, case: &Case) -> (switchboard_e2e::Answer, String) {
    let body = question("gemini-on-vertex", &case.prompt("hi"));
    let answer = stack.client().post("/v1/chat/completions", &body).key(key).send().await;
    let group = answer.header("x-litellm-model-group");
    (answer, group)
}

#[tokio::test]
async fn without_a_token_the_fallback_serves_and_two_seconds_after_the_endpoint_is_back_the_first_does() {
    let provider = Provider::start().unwrap();
    let endpoint = TokenEndpoint::default();
    endpoint.is_away.store(true, Ordering::SeqCst);
    let mut stack = start(&provider, &endpoint, true);
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::wire(Wire::json(200, &fixture("response/gemini/text.in.json"))));

    let away = Instant::now();
    let mut asked = 0;
    while away.elapsed() < Duration::from_secs(4) {
        let (answer, group) = ask_once(&stack, &key, &case).await;
        answer.expect(200);
        assert_eq!(group, "gemini");
        asked += 1;
    }
    assert!(asked > 20, "{asked} requests in 4 s");
    for request in case.requests() {
        assert!(request.target.starts_with("/scripted/gemini/"), "{}", request.target);
    }

    endpoint.is_away.store(false, Ordering::SeqCst);
    let back = Instant::now();
    while ask_once(&stack, &key, &case).await.1 != "gemini-on-vertex" {
        assert!(back.elapsed() < Duration::from_secs(2), "the token is not used yet");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stack.stop();
}

#[tokio::test]
async fn a_request_that_nobody_has_a_token_for_is_503_and_says_why() {
    let provider = Provider::start().unwrap();
    let endpoint = TokenEndpoint::default();
    endpoint.is_away.store(true, Ordering::SeqCst);
    let mut stack = start(&provider, &endpoint, false);
    let key = stack.key().await;
    let case = provider.case();
    let (answer, _) = ask_once(&stack, &key, &case).await;
    let error = answer.expect(503).error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "litellm.ServiceUnavailableError: ServiceUnavailableError: Vertex_aiException - no credential for deployment"
        ) && message.contains(": ACCOUNT: "),
        "{message}"
    );
    assert!(case.requests().is_empty(), "nothing of the request reached the provider");
    stack.stop();
}

#[tokio::test]
async fn a_token_that_the_provider_refuses_is_replaced_within_the_request() {
    let provider = Provider::start().unwrap();
    let endpoint = TokenEndpoint::default();
    let mut stack = start(&provider, &endpoint, true);
    let key = stack.key().await;
    let case = provider.case();
    case.then(Step::wire(Wire::json(200, &fixture("response/gemini/text.in.json"))));
    while ask_once(&stack, &key, &case).await.1 != "gemini-on-vertex" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A fresh token is not replaced: the refusal has another reason.
    tokio::time::sleep(Duration::from_secs(11)).await;

    let case = provider.case();
    case.then(Step::status(401).at("gemini-on-vertex"))
        .then(Step::wire(Wire::json(200, &fixture("response/gemini/text.in.json"))));
    let (answer, group) = ask_once(&stack, &key, &case).await;
    answer.expect(200);
    assert_eq!(group, "gemini-on-vertex", "it is sent again with another token");
    let sent: Vec<_> =
        case.requests().iter().map(|request| request.header("authorization").clone()).collect();
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0], format!("Bearer {TOKEN}"));
    assert_ne!(sent[1], sent[0], "the old token is still in use");
    stack.stop();
}
