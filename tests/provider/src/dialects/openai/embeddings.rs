//! Embeddings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::super::{Refusal, unknown};
use super::request::invalid;
use super::whole;
use crate::model::embedding;
use crate::script::Script;

pub(super) fn embeddings(body: &Value, model: &str) -> Result<Script, Refusal> {
    if let Some(name) = unknown(body, &["model", "input", "dimensions", "encoding_format", "user"]) {
        return Err(Refusal::bad(format!("Unrecognized request argument supplied: {name}")).about(name));
    }
    let inputs: Vec<String> = match &body["input"] {
        Value::String(text) if !text.is_empty() => vec![text.clone()],
        Value::Array(list) if !list.is_empty() && list.iter().all(Value::is_u64) => {
            vec![body["input"].to_string()]
        }
        Value::Array(list) if !list.is_empty() => {
            list.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect()
        }
        _ => return Err(invalid("input", "a string or an array of strings or tokens")),
    };
    let base64 = match body["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(_) => return Err(invalid("encoding_format", "float or base64")),
    };
    let dimensions = match &body["dimensions"] {
        Value::Null => 8,
        value => value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| *n > 0)
            .ok_or_else(|| invalid("dimensions", "an integer of at least 1"))?,
    };
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let vector = embedding(text, dimensions);
            let vector = if base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                json!(STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": vector })
        })
        .collect();
    let tokens = inputs.len() * 3;
    Ok(whole(&json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })))
}
