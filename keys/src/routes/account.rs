//! Common code for users, teams, customers and budgets, whose fields are validated, stored and returned in the same way.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::schema::{Place, Row};
use crate::clock;
use crate::duration::Duration;
use crate::error::ApiError;
use crate::fields::{self, Field};
use crate::money::Picodollars;
use crate::store::AccountRow;

/// The ids in the only field of a body.
///
/// # Errors
/// The field is invalid, or a 400 with these words, if there are none.
pub fn ids(field: &[Field; 1], body: Map<String, Value>, none: &str) -> Result<Vec<String>, ApiError> {
    let [Field { name, .. }] = field;
    let sent = fields::read(field, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let ids = fields::texts(&sent, name);
    if ids.is_empty() {
        return Err(ApiError::bad_request(none));
    }
    Ok(ids)
}

/// Stores the fields that were sent, and rejects invalid ones.
pub fn apply(account: &mut AccountRow, rows: &[Row], sent: &Map<String, Value>) -> Result<(), ApiError> {
    for Row { field, place, .. } in rows {
        let Some(value) = sent.get(field.name) else { continue };
        match place {
            Place::Setting | Place::Metadata => {
                account.settings.insert(field.name.to_owned(), value.clone());
            }
            Place::Column => column(account, field.name, value),
            Place::Unstored => {}
        }
    }
    next_reset(sent.get("team_member_budget_duration").and_then(Value::as_str), clock::now())?;
    if sent.contains_key("budget_duration") {
        account.budget_reset_at = next_reset(account.budget_duration.as_deref(), clock::now())?;
    }
    let reset_at = sent.get("budget_reset_at").and_then(Value::as_str);
    if let Some(at) = reset_at.filter(|at| !at.is_empty()) {
        let at = clock::parse(at);
        account.budget_reset_at =
            Some(at.ok_or_else(|| ApiError::bad_request("budget_reset_at is not a valid date-time"))?);
    }
    Ok(())
}

/// The next reset of a budget with this period.
pub fn next_reset(duration: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = duration else { return Ok(None) };
    let next = Duration::parse(text).and_then(|duration| duration.next_reset(now));
    next.map(Some).map_err(|_| ApiError::invalid_budget_duration(text))
}

fn column(account: &mut AccountRow, name: &str, value: &Value) {
    let text = || value.as_str().map(str::to_owned);
    match name {
        "alias" | "user_alias" | "team_alias" | "organization_alias" => account.alias = text(),
        "user_email" => {
            account.email = text().map(|email| email.trim().to_owned()).filter(|email| !email.is_empty());
        }
        "user_role" => account.role = text(),
        "organization_id" => account.organization_id = text().filter(|id| !id.is_empty()),
        "budget_id" => account.budget_id = text().filter(|id| !id.is_empty()),
        "budget_duration" => account.budget_duration = text(),
        "max_budget" => account.max_budget = value.as_f64(),
        "spend" => account.spend = Picodollars::from_usd(value.as_f64().unwrap_or_default()),
        "blocked" => account.blocked = value.as_bool(),
        _ => {}
    }
}

fn column_value(account: &AccountRow, name: &str) -> Value {
    match name {
        "alias" | "user_alias" | "team_alias" | "organization_alias" => json!(account.alias),
        "user_email" => json!(account.email),
        "user_role" => json!(account.role),
        "organization_id" => json!(account.organization_id),
        "budget_id" => json!(account.budget_id),
        "budget_duration" => json!(account.budget_duration),
        "max_budget" => json!(account.max_budget),
        "spend" => json!(account.spend),
        "blocked" => json!(account.blocked.unwrap_or_default()),
        _ => Value::Null,
    }
}

/// An account as returned to clients, under the name of its id.
pub fn show(account: &AccountRow, id: &str, rows: &[Row]) -> Map<String, Value> {
    let mut shown = Map::new();
    shown.insert(id.to_owned(), json!(account.id));
    let mut metadata = account.settings.get("metadata").and_then(Value::as_object).cloned();
    for Row { field, place, absent, .. } in rows {
        let kept = account.settings.get(field.name).filter(|value| !value.is_null());
        match place {
            Place::Column => {
                shown.insert(field.name.to_owned(), column_value(account, field.name));
            }
            Place::Setting => {
                let value = kept.cloned().unwrap_or_else(|| absent.value());
                shown.insert(field.name.to_owned(), value);
            }
            Place::Metadata => {
                if let Some(value) = kept {
                    metadata.get_or_insert_default().insert(field.name.to_owned(), value.clone());
                }
            }
            Place::Unstored => {}
        }
    }
    if let Some(metadata) = metadata {
        shown.insert("metadata".to_owned(), Value::Object(metadata));
    }
    let moment = |at: Option<Timestamp>| json!(at.map(clock::iso));
    shown.insert("budget_reset_at".to_owned(), moment(account.budget_reset_at));
    shown.insert("created_at".to_owned(), moment(Some(account.created_at)));
    shown.insert("updated_at".to_owned(), moment(Some(account.updated_at)));
    shown
}
