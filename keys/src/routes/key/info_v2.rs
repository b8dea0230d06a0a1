//! `POST /v2/key/info`: returns several keys.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::delete::FIELDS;
use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::error::ApiError;
use crate::fields::{read, texts};
use crate::token::identified;

/// Returns the named keys that the caller may see, and nothing about the others.
pub async fn info_v2(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let named = texts(&sent, "keys");
    let aliases = texts(&sent, "key_aliases");
    if named.is_empty() && aliases.is_empty() {
        return Err(ApiError::no_keys_named());
    }
    let tokens: Vec<_> = named.iter().map(|key| identified(key)).collect();
    let mut keys = app.store.keys(&tokens).await?;
    keys.extend(app.store.keys_by_alias(&aliases).await?);
    keys.sort_by_key(|key| (key.created_at, key.token));
    keys.dedup_by_key(|key| key.token);
    let now = clock::now();
    let mut info = Vec::new();
    for key in &keys {
        if caller.sees(&app, key).await? {
            info.push(schema::info(key, now));
        }
    }
    let named = sent.get("keys").cloned().unwrap_or_default();
    Ok(Json(json!({"key": named, "info": info})))
}
