//! The gateway that is measured: one group for each way of speaking, all at one provider.

use serde_json::json;
use switchboard_e2e::{Config, Setup, anthropic, openai};

/// Prepares one in front of the provider at that address.
pub fn setup(provider: &str) -> Setup {
    let price = json!({ "input_cost_per_token": 2.5e-6, "output_cost_per_token": 1e-5 });
    let at = |model: &str, path: &str| json!({ "model": model, "api_base": format!("{provider}{path}"), "api_key": "sk-openai-bench" });
    let signed = json!({
        "model": "bedrock/us.amazon.nova-pro-v1:0", "api_base": provider, "aws_region_name": "us-east-1",
        "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    });
    let v1 = json!({
        "model": "azure/gpt-4o", "api_base": provider, "api_key": "sk-openai-bench", "api_version": "v1",
    });
    let config = Config::new()
        .model_with("gpt-4o", openai("gpt-4o-2026-01-01", provider, "sk-openai-bench"), price.clone())
        .model("azure", at("azure/gpt-4o", ""))
        .model("azure-v1", v1)
        .model("mistral", at("mistral/mistral-large-latest", "/v1"))
        .model("nova", signed)
        .model("command", at("cohere/command-a-03-2025", ""))
        .model("gemini", at("gemini/gemini-2.5-flash", "/v1beta"))
        .model("llama", at("ollama/llama3.2", ""))
        .model_with("claude", anthropic("claude-sonnet-4-5", provider, "sk-ant-bench"), price.clone())
        .model_with("embed", openai("text-embedding-3-small", provider, "sk-openai-bench"), price);
    Setup::new(&config)
}
