//! Images: as many as are asked for, each of them the prompt in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{Refusal, unknown};
use super::request::invalid;
use super::whole;
use crate::script::Script;

const KNOWN: &[&str] = &[
    "model",
    "prompt",
    "n",
    "size",
    "quality",
    "response_format",
    "style",
    "user",
    "background",
    "moderation",
    "output_format",
    "output_compression",
];

pub(super) fn images(body: &Value, model: &str) -> Result<Script, Refusal> {
    if let Some(name) = unknown(body, KNOWN) {
        return Err(Refusal::bad(format!("Unknown parameter: '{name}'.")).about(name));
    }
    let Some(prompt) = body["prompt"].as_str().filter(|prompt| !prompt.is_empty()) else {
        return Err(invalid("prompt", "a string"));
    };
    let count = body["n"].as_u64().unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(invalid("n", "an integer from 1 to 10"));
    }
    let image = || json!({ "b64_json": STANDARD.encode(prompt), "revised_prompt": prompt });
    let data: Vec<Value> = (0..count).map(|_| image()).collect();
    let mut answer = json!({ "created": 1_700_000_000, "data": data });
    if model.starts_with("gpt-image") {
        answer["usage"] = json!({
            "input_tokens": 10, "output_tokens": 100 * count, "total_tokens": 10 + 100 * count,
            "input_tokens_details": { "text_tokens": 10, "image_tokens": 0 },
        });
    }
    Ok(whole(&answer))
}
