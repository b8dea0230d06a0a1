//! One running stack with a group for each kind of provider, in front of a provider that speaks all of their APIs: for
//! the SDKs of all clients.

use std::sync::OnceLock;

use serde_json::json;

use crate::config::Config;
use crate::languages::Languages;
use crate::world::{ANTHROPIC_KEY, OPENAI_KEY};

/// The shared one; started by the first test that asks for it.
pub fn families() -> &'static Languages {
    static FAMILIES: OnceLock<Languages> = OnceLock::new();
    FAMILIES.get_or_init(|| Languages::start(config))
}

fn config(base: &str) -> Config {
    let at = |model: &str, path: &str, key: &str| json!({ "model": model, "api_base": format!("{base}{path}"), "api_key": key });
    Config::new()
        // Azure's surface of OpenAI's API: `openai/` at another address than OpenAI's is any server that claims to be
        // like it. As `azure_ai/`, which also serves other makers' models, it gets no requests of the Responses API.
        .model("openai", at("azure_ai/gpt-4o", "/openai/v1", OPENAI_KEY))
        .model("responses", at("azure/gpt-5.5", "/openai/v1", OPENAI_KEY))
        .model("deepseek", at("deepseek/deepseek-reasoner", "/v1", OPENAI_KEY))
        .model("anthropic", at("anthropic/claude-opus-4-8", "", ANTHROPIC_KEY))
        .model("gemini", at("gemini/gemini-3.1-pro-preview", "/v1beta", "AIza-upstream-secret"))
        .model("bedrock", at("bedrock/us.anthropic.claude-sonnet-4-6", "", "bedrock-api-key-upstream"))
        // Tests share the deployments: what one test breaks must not rest for another.
        .section("router_settings", json!({ "disable_cooldowns": true, "num_retries": 0 }))
}
