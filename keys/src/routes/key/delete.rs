//! `POST /key/delete`: deletes keys by key, hash or alias.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{self, Field, Kind, texts};
use crate::rights::Operation;
use crate::token::identified;

/// Fields of the body.
pub const FIELDS: [Field; 2] =
    [Field { name: "keys", kind: Kind::TextList }, Field { name: "key_aliases", kind: Kind::TextList }];

/// Deletes the named keys and returns the names of those that existed. If the caller may not delete one of
/// them, none is deleted.
pub async fn delete(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    caller.might(Operation::KeyDelete)?;
    let sent = fields::read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let named = texts(&sent, "keys");
    let aliases = texts(&sent, "key_aliases");
    let keys = if !named.is_empty() {
        let tokens: Vec<_> = named.iter().map(|key| identified(key)).collect();
        app.store.keys(&tokens).await?
    } else if !aliases.is_empty() {
        app.store.keys_by_alias(&aliases).await?
    } else {
        return Err(ApiError::no_keys_named());
    };
    for key in &keys {
        caller.may_with_key(&app, Operation::KeyDelete, key).await?;
    }
    let tokens: Vec<_> = keys.iter().map(|key| key.token).collect();
    let gone: BTreeSet<_> = app.store.delete_keys(&tokens).await?.into_iter().collect();
    let deleted: Vec<_> = if named.is_empty() {
        let gone_aliases: BTreeSet<_> = keys
            .iter()
            .filter(|key| gone.contains(&key.token))
            .filter_map(|key| key.key_alias.clone())
            .collect();
        aliases.into_iter().filter(|alias| gone_aliases.contains(alias)).collect()
    } else {
        named.into_iter().filter(|key| gone.contains(&identified(key))).collect()
    };
    if deleted.is_empty() {
        return Err(ApiError::no_keys_found());
    }
    tracing::info!(count = deleted.len(), "keys deleted");
    Ok(Json(json!({ "deleted_keys": deleted })))
}
