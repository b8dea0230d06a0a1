//! `POST /key/regenerate` and `POST /key/{key}/regenerate`: replaces the secret of a key.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use super::change::{Limits, budget_is_there, change};
use super::generate::{answer, plain_token};
use super::schema;
use super::update::authorize_fields;
use crate::app::App;
use crate::auth::Caller;
use crate::body::OptionalObject;
use crate::clock;
use crate::duration::Duration;
use crate::error::ApiError;
use crate::rights::{Ceiling, Operation, Touched};
use crate::routes::schema::read;
use crate::token::identified;

/// Regenerates the key named in the body.
pub async fn regenerate(
    State(app): State<App>,
    caller: Caller,
    OptionalObject(body): OptionalObject,
) -> Result<Json<Value>, ApiError> {
    regenerate_one(&app, &caller, None, body).await
}

/// Regenerates the key named in the path; a key in the body takes precedence.
pub async fn regenerate_named(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    OptionalObject(body): OptionalObject,
) -> Result<Json<Value>, ApiError> {
    regenerate_one(&app, &caller, Some(key), body).await
}

async fn regenerate_one(
    app: &App,
    caller: &Caller,
    named: Option<String>,
    body: Map<String, Value>,
) -> Result<Json<Value>, ApiError> {
    caller.might(Operation::KeyRegenerate)?;
    let mut sent = read(&schema::REGENERATE, body)?;
    let in_body = sent.remove("key").and_then(|key| key.as_str().map(str::to_owned));
    let named = in_body.filter(|key| !key.is_empty()).or(named);
    let named = named.ok_or_else(|| ApiError::bad_request("No key passed in."))?;
    let token = identified(&named);
    if app.master_key.is(token) {
        return Err(ApiError::bad_request("The master key is set in the configuration; change it there."));
    }
    // Do not repeat the request's value, which may be a whole key.
    let gone = || ApiError::missing(format!("Key {token} not found."));
    let known = app.store.key(token).await?.ok_or_else(gone)?;
    caller.may_with_key(app, Operation::KeyRegenerate, &known).await?;

    let now = clock::now();
    let retire_at = match sent.remove("grace_period").as_ref().and_then(Value::as_str) {
        Some(text) => {
            let end = Duration::parse(text).and_then(|duration| duration.after(now));
            Some(end.map_err(|_| ApiError::invalid_grace_period(text))?)
        }
        None => None,
    };
    let (plain, _) = plain_token(sent.remove("new_key").as_ref().and_then(Value::as_str))?;
    if !sent.is_empty() {
        // Permission to regenerate a key does not include permission to change it.
        caller.may_with_key(app, Operation::KeyUpdate, &known).await?;
        authorize_fields(app, caller, &known, &sent, Operation::KeyRegenerate).await?;
    }
    app.defaults.bound_key(&mut sent, false)?;
    budget_is_there(app, &sent).await?;
    let ceiling = Ceiling::of(app, caller, known.team_id.as_deref()).await?;
    let regenerated = app
        .store
        .regenerate_key(token, retire_at, &caller.name(), |key| {
            change(key, &sent, Limits::Known)?;
            if let Some(ceiling) = &ceiling {
                ceiling.hold(key, Touched::Sent(&sent))?;
            }
            key.token = plain.hash();
            key.key_name = plain.name();
            let count = key.settings.get("rotation_count").and_then(Value::as_u64).unwrap_or_default();
            key.settings.insert("rotation_count".to_owned(), json!(count + 1));
            key.settings.insert("last_rotation_at".to_owned(), json!(clock::iso(now)));
            Ok::<_, ApiError>(())
        })
        .await?;
    let key = regenerated.ok_or_else(gone)?;
    tracing::info!(key = key.key_name, was = known.key_name, "key regenerated");
    Ok(Json(answer(&plain, &key, &sent)))
}
