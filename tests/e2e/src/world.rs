//! One running stack with one provider behind it, shared by all tests that leave it as it is.

use std::sync::{Mutex, OnceLock};

use fake_provider::{Case, Provider, refusing_port};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::client::{Answer, Call};
use crate::config::{Config, anthropic, openai};
use crate::stack::{MASTER_KEY, Setup, Stack};

/// Credentials of the deployments at the provider.
pub const OPENAI_KEY: &str = "sk-openai-upstream-secret";
/// See [`OPENAI_KEY`].
pub const ANTHROPIC_KEY: &str = "sk-ant-upstream-secret";

/// A stack, and the provider behind it.
#[derive(Debug)]
pub struct World {
    /// The provider.
    pub provider: Provider,
    /// The stack.
    pub stack: Stack,
    key: OnceCell<String>,
}

/// The shared one; started by the first test that asks for it, ended with the process.
pub fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    // A start that fails is told once, not by every test after half a minute each.
    static FAILED: Mutex<bool> = Mutex::new(false);
    if let Some(world) = WORLD.get() {
        return world;
    }
    let mut failed = FAILED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    assert!(!*failed, "the shared stack did not start: see the first test that failed");
    WORLD.get_or_init(|| {
        *failed = true;
        let world = World::start();
        *failed = false;
        world
    })
}

impl World {
    fn start() -> Self {
        let provider = Provider::start().expect("a provider");
        let (refusing, refused) = refusing_port().expect("a port");
        // Held for as long as the process lives: nobody else may listen there.
        std::mem::forget(refusing);
        let stack = Setup::new(&config(&provider.base(), refused)).start();
        Self { provider, stack, key: OnceCell::new() }
    }

    /// A key that may do everything; the same for all tests.
    pub async fn key(&self) -> &str {
        self.key.get_or_init(|| self.stack.key()).await
    }

    /// A case of the provider.
    pub fn case(&self) -> Case {
        self.provider.case()
    }

    /// Begins a POST request with a key that may do everything.
    pub async fn post(&self, path: &str, body: &Value) -> Call {
        self.stack.client().post(path, body).key(self.key().await)
    }

    /// Sends one user turn to a model.
    pub async fn chat(&self, model: &str, prompt: &str) -> Answer {
        self.post("/v1/chat/completions", &question(model, prompt)).await.send().await
    }

    /// Sends one user turn to a model, and asks for a stream.
    pub async fn stream(&self, model: &str, prompt: &str) -> Answer {
        let mut body = question(model, prompt);
        body["stream"] = json!(true);
        self.post("/v1/chat/completions", &body).await.send().await
    }

    /// Begins a POST request with the master key.
    pub fn as_master(&self, path: &str, body: &Value) -> Call {
        self.stack.client().post(path, body).key(MASTER_KEY)
    }
}

/// The smallest chat request.
pub fn question(model: &str, prompt: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] })
}

/// Every model that the shared stack serves. `base` is the provider, `refused` a port where nobody listens.
fn config(base: &str, refused: u16) -> Config {
    let with = |mut params: Value, name: &str, value: Value| {
        params[name] = value;
        params
    };
    let priced = json!({
        "id": "gpt-4o-at-home",
        "input_cost_per_token": 0.000_002_5,
        "output_cost_per_token": 0.000_01,
        "cache_read_input_token_cost": 0.000_001_25,
        "max_input_tokens": 128_000,
        "max_output_tokens": 16_384,
        "mode": "chat",
    });
    let nowhere = format!("http://127.0.0.1:{refused}");
    Config::new()
        .model_with("gpt-4o", openai("gpt-4o", base, OPENAI_KEY), priced)
        .model_with("claude", anthropic("claude-sonnet-4-5", base, ANTHROPIC_KEY), json!({ "mode": "chat" }))
        .model("instruct", openai("gpt-3.5-turbo-instruct", base, OPENAI_KEY))
        .model_with(
            "embed",
            openai("text-embedding-3-small", base, OPENAI_KEY),
            json!({ "mode": "embedding", "access_groups": ["vectors"] }),
        )
        .model("demo", json!({ "model": "openai/demo", "mock_response": "Hello from the demo model." }))
        // A client's parameters win over the deployment's.
        .model(
            "terse",
            with(with(openai("gpt-4o", base, OPENAI_KEY), "max_tokens", json!(5)), "temperature", json!(0.5)),
        )
        .model("vip", with(openai("gpt-4o", base, OPENAI_KEY), "extra_headers", json!({ "X-Team": "blue" })))
        // Wrong at the provider.
        .model("wrong-key", openai("gpt-4o", base, "sk-wrong-key"))
        .model("refused", openai("gpt-4o", &nowhere, OPENAI_KEY))
        // Two accounts at one host.
        .model("pair", openai("gpt-4o", base, "sk-openai-first"))
        .model("pair", openai("gpt-4o", base, "sk-openai-second"))
        // One group, two providers.
        .model("mixed", anthropic("claude-sonnet-4-5", base, ANTHROPIC_KEY))
        .model("mixed", openai("gpt-4o", base, OPENAI_KEY))
        // One provider after the other.
        .model("claude-first", anthropic("claude-sonnet-4-5", base, ANTHROPIC_KEY))
        .model("gpt-first", openai("gpt-4o", base, OPENAI_KEY))
        // Workers know from the beginning that end users may be limited.
        .section("litellm_settings", json!({ "max_end_user_budget": 1_000 }))
        .section(
            "router_settings",
            json!({
                // Tests share the deployments: what one test breaks must not rest for another.
                "disable_cooldowns": true,
                "fallbacks": [
                    { "claude-first": ["gpt-4o"] },
                    { "gpt-first": ["claude"] },
                ],
                "model_group_alias": {
                    "gpt-alias": "gpt-4o",
                    "gpt-hidden": { "model": "gpt-4o", "hidden": true },
                },
            }),
        )
}
