//! `POST /spend/calculate`: calculates the cost of a request or a response.

use axum::Json;
use axum::extract::State;
use serde_json::value::to_raw_value;
use serde_json::{Map, Value, json};
use switchboard::facts::Usage;
use switchboard::json::Raw;

use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind, read};

/// Fields of the body.
pub const FIELDS: [Field; 3] = [
    Field { name: "model", kind: Kind::Text },
    Field { name: "messages", kind: Kind::List },
    Field { name: "completion_response", kind: Kind::Map },
];

/// Average characters per token, for a request that has not been sent and counted by its model.
const CHARACTERS_PER_TOKEN: usize = 4;

/// Token overhead per message.
const TOKENS_PER_MESSAGE: u64 = 4;

/// Calculates the cost of a response from its usage, or estimates that of a request's prompt.
pub async fn calculate(
    State(app): State<App>,
    _: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let response = sent.get("completion_response").and_then(Value::as_object);
    let (model, usage) = match (sent.get("model").and_then(Value::as_str), response) {
        (Some(model), _) => {
            let messages = sent.get("messages").and_then(Value::as_array).ok_or_else(|| {
                ApiError::invalid_request("Bad Request - messages must be provided if 'model' is provided")
            })?;
            (model, Usage { prompt: estimate(messages), ..Usage::default() })
        }
        (None, Some(response)) => {
            let model = response.get("model").and_then(Value::as_str).unwrap_or_default();
            (model, usage(response))
        }
        (None, None) => {
            return Err(ApiError::invalid_request(
                "Bad Request - Either 'model' or 'completion_response' must be provided",
            ));
        }
    };
    let cost = app.prices.cost(model, &usage).ok_or_else(|| {
        ApiError::invalid_request(format!(
            "This model isn't mapped yet. model={model}. Add its price to the file given by --prices."
        ))
    })?;
    Ok(Json(json!({ "cost": cost })))
}

fn estimate(messages: &[Value]) -> u64 {
    let characters: usize = messages.iter().map(characters).sum();
    let text = u64::try_from(characters.div_ceil(CHARACTERS_PER_TOKEN)).unwrap_or(u64::MAX);
    let frames = u64::try_from(messages.len()).unwrap_or(u64::MAX).saturating_mul(TOKENS_PER_MESSAGE);
    text.saturating_add(frames)
}

/// Total characters of all texts in a message, at any depth.
fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| {
                matches!(name.as_str(), "content" | "text" | "name" | "arguments" | "tool_calls" | "function")
            })
            .map(|(_, value)| characters(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// Parses `usage` like the filter; invalid values count as 0.
fn usage(response: &Map<String, Value>) -> Usage {
    let raw = response.get("usage").and_then(|usage| to_raw_value(usage).ok());
    raw.and_then(|raw| Usage::parse(Raw::from(&*raw))).unwrap_or_default()
}
