//! Moderations: a text that has "hurt" in it is flagged.

use serde_json::{Value, json};

use super::super::{Refusal, unknown};
use super::request::invalid;
use super::whole;
use crate::script::Script;

pub(super) fn moderations(body: &Value, model: &str) -> Result<Script, Refusal> {
    if let Some(name) = unknown(body, &["model", "input"]) {
        return Err(Refusal::bad(format!("Unrecognized request argument supplied: {name}")).about(name));
    }
    let inputs: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) if !list.is_empty() => list.iter().map(ToString::to_string).collect(),
        _ => return Err(invalid("input", "a string or an array")),
    };
    let results: Vec<Value> = inputs
        .iter()
        .map(|input| {
            let flagged = input.contains("hurt");
            let score = if flagged { 0.96 } else { 0.001 };
            json!({
                "flagged": flagged,
                "categories": { "harassment": flagged },
                "category_scores": { "harassment": score },
                "category_applied_input_types": { "harassment": ["text"] },
            })
        })
        .collect();
    Ok(whole(&json!({ "id": "modr-1", "model": model, "results": results })))
}
