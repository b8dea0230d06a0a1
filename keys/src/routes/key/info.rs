//! `GET /key/info?key=`: what is known of a key; without `key`, of the caller's own.

use axum::Json;
use axum::extract::{Query, State};
use serde_json::{Value, json};

use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::token::identified;

/// Shows a key to the administrator, to its holder, and to the holder of another key of the same user.
pub async fn info(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<Value>, ApiError> {
    // Of several, the last counts, as everywhere in LiteLLM.
    let asked = query.into_iter().rev().find(|(name, _)| name == "key").map(|(_, key)| key);
    let (named, key) = match (asked, &caller) {
        (Some(named), _) => {
            let key = app.store.key(identified(&named)).await?.ok_or_else(ApiError::key_not_in_database)?;
            (named, key)
        }
        (None, Caller::Key(own)) => (own.token.to_string(), (**own).clone()),
        // The master key is no row.
        (None, Caller::Admin) => return Err(ApiError::key_not_in_database()),
    };
    if !caller.may_see(&key) {
        return Err(ApiError::others_key_info());
    }
    Ok(Json(json!({"key": named, "info": schema::info(&key, clock::now())})))
}
