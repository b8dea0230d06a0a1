//! `GET /key/info?key=`: what is known of a key; without `key`, of the caller's own.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;
use crate::token::identified;

/// Shows a key to administrators, to its user, and to the members of its team.
pub async fn info(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let asked = query.owned("key");
    let (named, key) = match (asked, &caller) {
        (Some(named), _) => {
            let key = app.store.key(identified(&named)).await?.ok_or_else(ApiError::key_not_in_database)?;
            (named, key)
        }
        (None, Caller::Key { key: own, .. }) => (own.token.to_string(), (**own).clone()),
        // The master key is no row.
        (None, Caller::Admin) => return Err(ApiError::key_not_in_database()),
    };
    caller.may_with_key(&app, Operation::KeyInfo, &key).await?;
    Ok(Json(json!({"key": named, "info": schema::info(&key, clock::now())})))
}
