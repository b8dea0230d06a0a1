//! `config.yaml`s for tests, written as JSON, which is YAML.

use serde_json::{Value, json};

/// A configuration.
#[derive(Clone, Debug)]
pub struct Config(Value);

impl Default for Config {
    fn default() -> Self {
        Self(json!({ "model_list": [] }))
    }
}

impl Config {
    /// One without models.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a deployment of the model group `name`.
    #[must_use]
    pub fn model(self, name: &str, litellm_params: Value) -> Self {
        self.model_with(name, litellm_params, json!({}))
    }

    /// Adds a deployment with a `model_info`.
    #[must_use]
    pub fn model_with(mut self, name: &str, litellm_params: Value, model_info: Value) -> Self {
        let mut entry = json!({ "model_name": name });
        entry["litellm_params"] = litellm_params;
        entry["model_info"] = model_info;
        self.0["model_list"].as_array_mut().expect("a list").push(entry);
        self
    }

    /// Sets `router_settings`, `litellm_settings` …
    #[must_use]
    pub fn section(mut self, name: &str, value: Value) -> Self {
        self.0[name] = value;
        self
    }

    /// The file's text.
    pub fn text(&self) -> String {
        format!("{:#}", self.0)
    }
}

/// `litellm_params` of a deployment at a provider that speaks OpenAI's language: `base` is without `/v1`.
pub fn openai(model: &str, base: &str, key: &str) -> Value {
    json!({ "model": format!("openai/{model}"), "api_base": format!("{base}/v1"), "api_key": key })
}

/// `litellm_params` of a deployment at Anthropic.
pub fn anthropic(model: &str, base: &str, key: &str) -> Value {
    json!({ "model": format!("anthropic/{model}"), "api_base": base, "api_key": key })
}
