//! `POST /key/generate`: creates a virtual key, which is returned only once.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use switchboard::key::KEY_PREFIX;

use super::change::{Limits, budget_is_there, change};
use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::error::ApiError;
use crate::money::Picodollars;
use crate::rights::{Ceiling, Operation, Subject, Touched, Whose};
use crate::routes::schema::read;
use crate::store::{Creation, KeyRow};
use crate::token::PlainToken;

/// Shorter ones could be guessed.
const SHORTEST_CHOSEN_KEY: usize = 16;

/// Creates a key for the caller or another user.
pub async fn generate(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    caller.might(Operation::KeyGenerate)?;
    let mut sent = read(&schema::FIELDS, body)?;
    if !caller.is_admin() {
        authorize(&app, &caller, &mut sent).await?;
    }
    app.defaults.complete_key(&mut sent);
    app.defaults.bound_key(&mut sent, true)?;
    let team_id = sent.get("team_id").and_then(Value::as_str).filter(|team| !team.is_empty());
    let ceiling = Ceiling::of(&app, &caller, team_id).await?;
    make(&app, &sent, &caller.name(), ceiling.as_ref()).await.map(Json)
}

/// Creates a key from validated and authorized fields. The response contains the plain key.
pub async fn make(
    app: &App,
    sent: &Map<String, Value>,
    by: &str,
    ceiling: Option<&Ceiling>,
) -> Result<Value, ApiError> {
    let chosen = sent.get("key").and_then(Value::as_str);
    let (plain, creation) = plain_token(chosen)?;
    budget_is_there(app, sent).await?;
    let mut row = new_key(&plain, by);
    change(&mut row, sent, Limits::New)?;
    if let Some(ceiling) = ceiling {
        ceiling.hold(&mut row, Touched::All)?;
    }
    row.total_spend = row.spend;
    let stored = app.store.insert_key(row, creation).await?;
    tracing::info!(key = stored.key_name, alias = stored.key_alias, "key generated");
    Ok(answer(&plain, &stored, sent))
}

/// A user may create keys for itself, outside of teams or in a team that it belongs to.
async fn authorize(app: &App, caller: &Caller, sent: &mut Map<String, Value>) -> Result<(), ApiError> {
    let own = caller.user_id().unwrap_or_default().to_owned();
    let user = sent.get("user_id").and_then(Value::as_str).filter(|user| *user != own);
    let team = sent.get("team_id").and_then(Value::as_str).filter(|team| !team.is_empty());
    let (whose, subject) = match (user, team) {
        (Some(user), _) => (Whose::OfOthers, Subject::user(user)),
        (None, Some(team)) => {
            let whose = match caller.relation_to_team(app, team).await? {
                Whose::LedTeam => Whose::OfLedTeam,
                Whose::JoinedTeam => Whose::OwnInTeam,
                _ => Whose::OtherTeam,
            };
            (whose, Subject::team(team))
        }
        (None, None) => (Whose::Made, Subject::user(&own)),
    };
    caller.may(app, Operation::KeyGenerate, whose, subject).await?;
    routes_are_for_admins(sent)?;
    sent.insert("user_id".to_owned(), json!(own));
    Ok(())
}

/// A caller that could choose its keys' routes could choose more than its own.
pub fn routes_are_for_admins(sent: &Map<String, Value>) -> Result<(), ApiError> {
    if sent.contains_key("allowed_routes") {
        return Err(ApiError::python_forbidden(
            "Only proxy admins can set `allowed_routes` on a key. Use `key_type` to pick a preset route bucket instead.",
        ));
    }
    Ok(())
}

/// The custom key, or a random one.
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

/// The response with the new key.
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
