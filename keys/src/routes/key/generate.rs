//! `POST /key/generate`: a new virtual key, shown this once.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use switchboard::key::KEY_PREFIX;

use super::change::{Limits, change};
use super::schema;
use crate::app::App;
use crate::auth::{Caller, Role};
use crate::body::Object;
use crate::clock;
use crate::error::ApiError;
use crate::money::Picodollars;
use crate::routes::schema::read;
use crate::store::{Creation, KeyRow, Kind, member_id};
use crate::token::PlainToken;

/// The path.
pub const PATH: &str = "/key/generate";

/// Shorter ones could be guessed.
const SHORTEST_CHOSEN_KEY: usize = 16;

/// Makes a key for the administrator, or for an internal user itself.
pub async fn generate(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    caller.keeps_keys(PATH)?;
    let mut sent = read(&schema::FIELDS, body)?;
    if caller.role() == Role::InternalUser {
        restrict(&app, &caller, &mut sent).await?;
    }
    make(&app, &sent, &caller.name()).await.map(Json)
}

/// Makes a key of fields that were read and may be set; the answer holds it in the clear.
pub async fn make(app: &App, sent: &Map<String, Value>, by: &str) -> Result<Value, ApiError> {
    let chosen = sent.get("key").and_then(Value::as_str);
    let (plain, creation) = plain_token(chosen)?;
    let mut row = new_key(&plain, by);
    change(&mut row, sent, Limits::New)?;
    row.total_spend = row.spend;
    let stored = app.store.insert_key(row, creation).await?;
    tracing::info!(key = stored.key_name, alias = stored.key_alias, "key generated");
    Ok(answer(&plain, &stored, sent))
}

/// An internal user makes keys for itself, alone or in a team that it belongs to, with no more than it has.
async fn restrict(app: &App, caller: &Caller, sent: &mut Map<String, Value>) -> Result<(), ApiError> {
    let own = caller.user_id().unwrap_or_default().to_owned();
    if let Some(user) = sent.get("user_id").and_then(Value::as_str)
        && user != own
    {
        let message = format!("User can only create keys for themselves. Got user_id={user}, Your ID={own}");
        return Err(ApiError::forbidden(message));
    }
    sent.insert("user_id".to_owned(), json!(own));
    if let Some(team) = sent.get("team_id").and_then(Value::as_str).filter(|team| !team.is_empty())
        && app.store.account(Kind::TeamMember, &member_id(team, &own)).await?.is_none()
    {
        return Err(ApiError::not_in_team(&own, team));
    }
    routes_are_for_admins(sent)?;
    let ceiling = match caller {
        Caller::Key { key, .. } => key.max_budget,
        Caller::Admin => None,
    };
    if let (Some(wanted), Some(ceiling)) = (sent.get("max_budget").and_then(Value::as_f64), ceiling)
        && wanted > ceiling
    {
        return Err(ApiError::bad_request(format!(
            "max_budget ({wanted:?}) cannot exceed the caller's own max_budget ({ceiling:?})."
        )));
    }
    Ok(())
}

/// A caller that could choose the routes of its keys could choose more than its own.
pub fn routes_are_for_admins(sent: &Map<String, Value>) -> Result<(), ApiError> {
    if sent.contains_key("allowed_routes") {
        return Err(ApiError::python_forbidden(
            "Only proxy admins can set `allowed_routes` on a key. Use `key_type` to pick a preset route bucket instead.",
        ));
    }
    Ok(())
}

/// The key that was chosen, or a random one.
pub fn plain_token(chosen: Option<&str>) -> Result<(PlainToken, Creation), ApiError> {
    let Some(key) = chosen else { return Ok((PlainToken::generate(), Creation::Unguessable)) };
    if !key.starts_with(KEY_PREFIX) {
        return Err(ApiError::custom_key_without_prefix(key));
    }
    if key.len() < SHORTEST_CHOSEN_KEY {
        return Err(ApiError::custom_key_too_short());
    }
    Ok((PlainToken::chosen(key.to_owned()), Creation::Chosen))
}

fn new_key(plain: &PlainToken, by: &str) -> KeyRow {
    let now = clock::now();
    KeyRow {
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
    }
}

/// A key as it is shown to whoever made it.
pub fn answer(plain: &PlainToken, key: &KeyRow, sent: &Map<String, Value>) -> Value {
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
