//! The fields of a model in forms, and how they become the body of a request.

use serde_json::{Map, Value, json};

use super::super::fields::{Field, Filled, Kind, field};
use crate::control::StoredModel;

/// The fields.
pub(super) const FIELDS: [Field; 9] = [
    field(
        "model_name",
        "Name",
        Kind::Line,
        "What clients call it. Deployments with the same name share its requests.",
    ),
    field("model", "Provider and model", Kind::Line, "Such as openai/gpt-4o or anthropic/claude-sonnet-4-5."),
    field(
        "api_key",
        "API key of the provider",
        Kind::Secret,
        "Stored encrypted and never shown. os.environ/NAME reads a variable. Empty: unchanged, or the provider's usual variable.",
    ),
    field("api_base", "Address", Kind::Line, "Empty: the provider's usual one."),
    field("rpm", "Requests per minute", Kind::Number, "What the provider allows. Empty: no limit."),
    field("tpm", "Tokens per minute", Kind::Number, "What the provider allows. Empty: no limit."),
    field(
        "input_price",
        "Price of a million input tokens in USD",
        Kind::Number,
        "Empty: as in the price list.",
    ),
    field(
        "output_price",
        "Price of a million output tokens in USD",
        Kind::Number,
        "Empty: as in the price list.",
    ),
    field("more", "Further litellm_params", Kind::Json, "A JSON object, such as {\"timeout\": 30}."),
];

const PRICES: [(&str, &str); 2] =
    [("input_price", "input_cost_per_token"), ("output_price", "output_cost_per_token")];

/// Names of parameters with fields of their own.
const OWN: [&str; 7] =
    ["model", "api_key", "api_base", "rpm", "tpm", "input_cost_per_token", "output_cost_per_token"];

/// The form's values of a model, without secrets.
pub(super) fn values(model: &StoredModel) -> Map<String, Value> {
    let mut values = Map::from_iter([("model_name".to_owned(), json!(model.name))]);
    for name in ["model", "api_base", "rpm", "tpm"] {
        values.extend(model.params.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    for (field, name) in PRICES {
        let rate = model.params.get(name).and_then(Value::as_f64);
        // Without the digits that the multiplication makes up.
        let price = rate.map(|rate| format!("{:.9}", rate * 1e6));
        let price = price.map(|price| price.trim_end_matches('0').trim_end_matches('.').to_owned());
        values.extend(price.map(|price| (field.to_owned(), json!(price))));
    }
    let more = crate::audit::cleaned(&model.params);
    let more = more.into_iter().filter(|(name, value)| !OWN.contains(&name.as_str()) && *value != "[hidden]");
    values.insert("more".to_owned(), Value::Object(more.collect()));
    values
}

/// The body of a request; `None` if a field is not what it must be.
pub(super) fn body(form: &mut Filled) -> Option<Map<String, Value>> {
    let mut changed = form.changes()?;
    let mut params = match changed.remove("more") {
        Some(Value::Object(more)) => more,
        _ => Map::new(),
    };
    for name in ["model", "api_key", "api_base"] {
        params.extend(changed.remove(name).map(|value| (name.to_owned(), value)));
    }
    for name in ["rpm", "tpm", "input_price", "output_price"] {
        let Some(value) = changed.remove(name) else { continue };
        let number = match value.as_str().map(str::parse::<f64>) {
            None => Value::Null,
            Some(Ok(number)) if number.is_finite() && number >= 0.0 => {
                let is_price = name.ends_with("price");
                if is_price { json!(number / 1e6) } else { json!(number.round()) }
            }
            Some(_) => {
                form.reject(name, "This must be a number, 0 or more.");
                return None;
            }
        };
        let name = PRICES.iter().find(|(field, _)| *field == name).map_or(name, |(_, name)| *name);
        params.insert(name.to_owned(), number);
    }
    let mut body = changed;
    body.insert("litellm_params".to_owned(), Value::Object(params));
    Some(body)
}
