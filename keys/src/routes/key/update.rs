//! `POST /key/update`: changes a key. Fields that are not sent stay unchanged.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::change::{Limits, budget_is_there, change, only_for_admins};
use super::generate::routes_are_for_admins;
use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::error::{ApiError, Complaint};
use crate::rights::{Ceiling, Operation, Touched, Whose};
use crate::routes::schema::read;
use crate::store::KeyRow;
use crate::token::identified;

/// Updates the key named by `key`, or otherwise by `key_alias`.
pub async fn update(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    caller.might(Operation::KeyUpdate)?;
    let sent = read(&schema::UPDATE, body)?;
    let (named, key) = update_one(&app, &caller, sent).await?;
    let mut row = schema::full_row(&key, clock::now());
    row.insert("key".to_owned(), json!(named));
    Ok(Json(Value::Object(row)))
}

/// Updates a key. Returns how it was named, and its new state.
pub(super) async fn update_one(
    app: &App,
    caller: &Caller,
    mut sent: Map<String, Value>,
) -> Result<(String, KeyRow), ApiError> {
    let named = sent.remove("key").and_then(|key| key.as_str().map(str::to_owned));
    // An empty team in a form counts as absent.
    if sent.get("team_id").and_then(Value::as_str) == Some("") {
        sent.remove("team_id");
    }
    let alias = sent.get("key_alias").and_then(Value::as_str).map(str::to_owned);
    let (named, known) = match (named, alias) {
        (Some(named), _) => {
            let key = app.store.key(identified(&named)).await?;
            (named, key)
        }
        (None, Some(alias)) => {
            let key = app.store.keys_by_alias(core::slice::from_ref(&alias)).await?.pop();
            (key.as_ref().map_or(alias, |key| key.token.to_string()), key)
        }
        (None, None) => {
            return Err(ApiError::invalid_body(&[Complaint {
                kind: "value_error",
                loc: vec![json!("body")],
                msg: "Value error, either key or key_alias must be provided".to_owned(),
            }]));
        }
    };
    let known = known.ok_or_else(ApiError::no_such_key)?;
    caller.may_with_key(app, Operation::KeyUpdate, &known).await?;
    authorize_fields(app, caller, &known, &sent, Operation::KeyUpdate).await?;
    app.defaults.bound_key(&mut sent, false)?;
    budget_is_there(app, &sent).await?;
    let ceiling = Ceiling::of(app, caller, known.team_id.as_deref()).await?;
    let changed = app
        .store
        .update_key(known.token, &caller.name(), |key| {
            change(key, &sent, Limits::Known)?;
            ceiling.as_ref().map_or(Ok(()), |ceiling| ceiling.hold(key, Touched::Sent(&sent)))
        })
        .await?;
    let key = changed.ok_or_else(ApiError::no_such_key)?;
    tracing::info!(key = key.key_name, "key updated");
    Ok((named, key))
}

/// Rejects changes of fields that the caller may not change on a key that it may otherwise change.
pub(super) async fn authorize_fields(
    app: &App,
    caller: &Caller,
    key: &KeyRow,
    sent: &Map<String, Value>,
    operation: Operation,
) -> Result<(), ApiError> {
    if caller.is_admin() {
        return Ok(());
    }
    routes_are_for_admins(sent)?;
    for (field, own) in
        [("user_id", &key.user_id), ("team_id", &key.team_id), ("organization_id", &key.organization_id)]
    {
        // Moving a key to another owner uses that owner's permissions.
        if sent.get(field).is_some_and(|value| value.as_str() != own.as_deref()) {
            return Err(ApiError::key_stays(field));
        }
    }
    if only_for_admins(sent).is_some() && caller.relation(app, key).await? != Whose::OfLedTeam {
        let path = format!("{} (max_budget/spend)", operation.path());
        return Err(ApiError::key_admins_only(&path, caller.role(), caller.user_id()));
    }
    Ok(())
}
