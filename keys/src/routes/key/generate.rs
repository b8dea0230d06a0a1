//! `POST /key/generate`: a new virtual key, shown this once.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use switchboard::key::KEY_PREFIX;

use super::schema;
use crate::app::App;
use crate::auth::Admin;
use crate::body::Object;
use crate::clock;
use crate::duration::Duration;
use crate::error::{ApiError, check_budget};
use crate::fields;
use crate::money::Picodollars;
use crate::store::{Creation, KeyRow};
use crate::token::PlainToken;

/// Shorter ones could be guessed.
const SHORTEST_CHOSEN_KEY: usize = 16;

/// Makes a key for the administrator.
pub async fn generate(
    State(app): State<App>,
    admin: Admin,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = fields::read(&schema::FIELDS.map(|row| row.field), body)
        .map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let (plain, creation) = plain_token(&sent)?;
    let row = new_key(&plain, &sent, admin.user_id())?;
    let stored = app.store.insert_key(row, creation).await?;
    tracing::info!(key = stored.key_name, alias = stored.key_alias, "key generated");
    Ok(Json(answer(&plain, &stored, &sent)))
}

fn plain_token(sent: &Map<String, Value>) -> Result<(PlainToken, Creation), ApiError> {
    let Some(key) = sent.get("key").and_then(Value::as_str) else {
        return Ok((PlainToken::generate(), Creation::Unguessable));
    };
    if !key.starts_with(KEY_PREFIX) {
        return Err(ApiError::custom_key_without_prefix(key));
    }
    if key.len() < SHORTEST_CHOSEN_KEY {
        return Err(ApiError::custom_key_too_short());
    }
    Ok((PlainToken::chosen(key.to_owned()), Creation::Chosen))
}

fn new_key(plain: &PlainToken, sent: &Map<String, Value>, by: &str) -> Result<KeyRow, ApiError> {
    let now = clock::now();
    let mut key = KeyRow {
        token: plain.hash(),
        key_name: plain.name(),
        key_alias: None,
        user_id: None,
        team_id: None,
        organization_id: None,
        budget_id: None,
        max_budget: None,
        budget_duration: None,
        budget_reset_at: None,
        spend: Picodollars::default(),
        total_spend: Picodollars::default(),
        expires_at: None,
        blocked: None,
        settings: Map::new(),
        created_at: now,
        created_by: by.to_owned(),
        updated_at: now,
        updated_by: by.to_owned(),
        last_active: None,
    };
    schema::apply(&mut key, sent);
    key.total_spend = key.spend;
    check_budget("max_budget", key.max_budget)?;
    check_budget("soft_budget", sent.get("soft_budget").and_then(Value::as_f64))?;
    if let Some(text) = sent.get("duration").and_then(Value::as_str) {
        let expiry = Duration::parse(text).and_then(|duration| duration.after(now));
        key.expires_at = Some(expiry.map_err(|_| ApiError::unsupported_duration(text))?);
    }
    if let Some(text) = &key.budget_duration {
        let reset = Duration::parse(text).and_then(|duration| duration.next_reset(now));
        key.budget_reset_at = Some(reset.map_err(|_| ApiError::invalid_budget_duration(text))?);
    }
    if let Some(routes) = routes_of_type(sent.get("key_type").and_then(Value::as_str)) {
        key.settings.insert("allowed_routes".to_owned(), json!([routes]));
    }
    Ok(key)
}

/// The group of paths that a key of this type may call; `None` leaves `allowed_routes` as it is.
fn routes_of_type(key_type: Option<&str>) -> Option<&'static str> {
    match key_type? {
        "llm_api" => Some("llm_api_routes"),
        "management" => Some("management_routes"),
        "read_only" => Some("info_routes"),
        _ => None,
    }
}

fn answer(plain: &PlainToken, key: &KeyRow, sent: &Map<String, Value>) -> Value {
    let mut answer = schema::echo(key);
    let rest = [
        ("key", json!(plain)),
        ("key_id", json!(key.token)),
        ("token", json!(key.token)),
        ("token_id", json!(key.token)),
        ("key_name", json!(key.key_name)),
        ("duration", sent.get("duration").cloned().unwrap_or_default()),
        ("expires", json!(key.expires_at.map(clock::iso))),
        ("budget_reset_at", json!(key.budget_reset_at.map(clock::iso))),
        ("litellm_budget_table", Value::Null),
        ("created_at", json!(clock::iso(key.created_at))),
        ("created_by", json!(key.created_by)),
        ("updated_at", json!(clock::iso(key.updated_at))),
        ("updated_by", json!(key.updated_by)),
    ];
    answer.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(answer)
}
