//! Common code for creating, updating and regenerating keys: applies the fields that were sent.

use serde_json::{Map, Value, json};

use super::schema;
use crate::app::App;
use crate::clock;
use crate::duration::Duration;
use crate::error::ApiError;
use crate::routes::account::next_reset;
use crate::store::{KeyRow, Kind};

/// Fields that only administrators may change, even on keys that others may change: budgets and blocking.
const OF_ADMINS: [&str; 10] = [
    "max_budget",
    "soft_budget",
    "budget_duration",
    "budget_id",
    "budget_limits",
    "spend",
    "model_max_budget",
    "temp_budget_increase",
    "temp_budget_expiry",
    "blocked",
];

/// Which kind of key is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// A new key.
    New,
    /// An existing key.
    Known,
}

/// Applies the fields that were sent to the key, and rejects invalid ones.
pub fn change(key: &mut KeyRow, sent: &Map<String, Value>, limits: Limits) -> Result<(), ApiError> {
    let now = clock::now();
    schema::apply(key, sent);
    match sent.get("duration") {
        Some(Value::String(text)) if text == "-1" && limits == Limits::Known => key.expires_at = None,
        Some(Value::String(text)) => {
            let expiry = Duration::parse(text).and_then(|duration| duration.after(now));
            key.expires_at = Some(expiry.map_err(|_| ApiError::unsupported_duration(text))?);
        }
        Some(_) => key.expires_at = None,
        None => {}
    }
    if sent.contains_key("budget_duration") {
        key.budget_reset_at = next_reset(key.budget_duration.as_deref(), now)?;
    }
    if let Some(routes) = routes_of_type(sent.get("key_type").and_then(Value::as_str)) {
        key.settings.insert("allowed_routes".to_owned(), json!([routes]));
    }
    temporary_budget(sent)
}

/// Rejects a budget that does not exist, because the key would be unlimited.
pub async fn budget_is_there(app: &App, sent: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(id) = sent.get("budget_id").and_then(Value::as_str).filter(|id| !id.is_empty()) else {
        return Ok(());
    };
    if app.store.account(Kind::Budget, id).await?.is_none() {
        return Err(ApiError::invalid_field(
            "budget_id",
            &format!("Budget not found, passed budget_id={id}"),
        ));
    }
    Ok(())
}

/// The first field that only an administrator may set.
pub fn only_for_admins(sent: &Map<String, Value>) -> Option<&'static str> {
    OF_ADMINS.into_iter().find(|field| sent.contains_key(*field))
}

fn temporary_budget(sent: &Map<String, Value>) -> Result<(), ApiError> {
    let present = |name: &str| sent.get(name).is_some_and(|value| !value.is_null());
    if present("temp_budget_increase") != present("temp_budget_expiry") {
        return Err(ApiError::bad_request(
            "temp_budget_increase and temp_budget_expiry must be set together",
        ));
    }
    match sent.get("temp_budget_expiry").and_then(Value::as_str) {
        Some(text) if clock::parse(text).is_none() => {
            Err(ApiError::bad_request("temp_budget_expiry is not a valid date-time"))
        }
        _ => Ok(()),
    }
}

/// The group of paths for a key of this type; `None` leaves `allowed_routes` unchanged.
fn routes_of_type(key_type: Option<&str>) -> Option<&'static str> {
    match key_type? {
        "llm_api" => Some("llm_api_routes"),
        "management" => Some("management_routes"),
        "read_only" => Some("info_routes"),
        _ => None,
    }
}
