//! TLS to providers: each endpoint with its own name and its own certificate.

use fake_provider::{Provider, Step};
use serde_json::{Value, json};
use switchboard_e2e::{ANTHROPIC_KEY, Config, OPENAI_KEY, Setup, Stack, anthropic, openai, question};

struct Secure {
    provider: Provider,
    stack: Stack,
    _folder: tempfile::TempDir,
}

/// A stack that trusts the provider's authority, and no other.
fn secure(config: impl FnOnce(&Provider) -> Config) -> Secure {
    let provider = Provider::start().expect("a provider");
    let folder = tempfile::tempdir().expect("a folder");
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, provider.authority_pem()).expect("a file");
    let stack = Setup::new(&config(&provider)).env("SSL_CERT_FILE", authority.to_str().unwrap()).start();
    Secure { provider, stack, _folder: folder }
}

impl Secure {
    async fn chat(&self, model: &str, prompt: &str) -> switchboard_e2e::Answer {
        let call = self.stack.client().post("/v1/chat/completions", &question(model, prompt));
        call.key(switchboard_e2e::MASTER_KEY).send().await
    }
}

/// `https` at a port, by that name.
fn at(name: &str, port: u16) -> String {
    format!("https://{name}:{port}")
}

#[tokio::test]
async fn each_endpoint_of_a_group_is_reached_by_its_own_name_beside_plain_text() {
    let secure = secure(|provider| {
        let one = provider.listen_tls(&["openai.localhost"]).unwrap();
        let two = provider.listen_tls(&["anthropic.localhost"]).unwrap();
        Config::new()
            .model("all", openai("gpt-4o", &at("openai.localhost", one), OPENAI_KEY))
            .model("all", anthropic("claude-sonnet-4-5", &at("anthropic.localhost", two), ANTHROPIC_KEY))
            .model("all", openai("gpt-4o", &provider.base(), "sk-openai-plain"))
    });
    let case = secure.provider.case();
    for _ in 0..12 {
        let answer = secure.chat("all", &case.prompt("Hello")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let requests = case.requests();
    assert_eq!(requests.len(), 12, "nobody had to be asked twice");
    for request in &requests {
        let (sni, host) = match request.header("authorization").as_str() {
            "Bearer sk-openai-plain" => (None, "127.0.0.1"),
            "" => (Some("anthropic.localhost"), "anthropic.localhost"),
            _ => (Some("openai.localhost"), "openai.localhost"),
        };
        assert_eq!(request.sni.as_deref(), sni, "{}", request.head_text());
        assert!(request.header("host").starts_with(host), "{}", request.head_text());
    }
    for sni in [None, Some("openai.localhost"), Some("anthropic.localhost")] {
        assert!(requests.iter().any(|request| request.sni.as_deref() == sni), "{sni:?}");
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let secure = secure(|provider| {
        let port = provider.listen_tls(&["somebody-else.localhost"]).unwrap();
        Config::new().model("gpt-4o", openai("gpt-4o", &at("openai.localhost", port), OPENAI_KEY))
    });
    let case = secure.provider.case();
    let answer = secure.chat("gpt-4o", &case.prompt("Hello")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    answer.error();
    assert!(case.requests().is_empty(), "not a byte of the request may be sent");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_accepted() {
    let stranger = Provider::start().unwrap();
    let port = stranger.listen_tls(&["openai.localhost"]).unwrap();
    let secure = secure(|_| {
        Config::new().model("gpt-4o", openai("gpt-4o", &at("openai.localhost", port), OPENAI_KEY))
    });
    let case = stranger.case();
    let answer = secure.chat("gpt-4o", &case.prompt("Hello")).await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(case.requests().is_empty(), "not a byte of the request may be sent");
}

#[tokio::test]
async fn an_unsafe_provider_is_left_for_a_safe_one() {
    let secure = secure(|provider| {
        let wrong = provider.listen_tls(&["somebody-else.localhost"]).unwrap();
        let right = provider.listen_tls(&["anthropic.localhost"]).unwrap();
        Config::new()
            .model("first", openai("gpt-4o", &at("openai.localhost", wrong), OPENAI_KEY))
            .model("second", anthropic("claude-sonnet-4-5", &at("anthropic.localhost", right), ANTHROPIC_KEY))
            .section("router_settings", json!({ "fallbacks": [{ "first": ["second"] }] }))
    });
    let case = secure.provider.case();
    case.then(Step::default());
    let answer = secure.chat("first", &case.prompt("Hello")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let requests = case.requests();
    assert!(requests.iter().all(|request| request.dialect == "anthropic"), "{requests:#?}");
    assert_ne!(requests[0].json(), Value::Null);
}
