//! `POST /key/delete`: end keys for good, named by key, by hash or by alias.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::auth::Admin;
use crate::body::Object;
use crate::error::{ApiError, Complaint};
use crate::fields::{self, Field, Kind};
use crate::token::identified;

const FIELDS: [Field; 2] =
    [Field { name: "keys", kind: Kind::TextList }, Field { name: "key_aliases", kind: Kind::TextList }];

/// Deletes what the body names and returns, as it was named, what there was to delete.
pub async fn delete(State(app): State<App>, _: Admin, Object(body): Object) -> Result<Json<Value>, ApiError> {
    let sent = fields::read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let keys = texts(&sent, "keys");
    let aliases = texts(&sent, "key_aliases");
    let deleted = if !keys.is_empty() {
        let tokens: Vec<_> = keys.iter().map(|key| identified(key)).collect();
        let gone: BTreeSet<_> = app.store.delete_keys(&tokens).await?.into_iter().collect();
        keys.into_iter().zip(tokens).filter(|(_, token)| gone.contains(token)).map(|(key, _)| key).collect()
    } else if !aliases.is_empty() {
        app.store.delete_aliases(&aliases).await?
    } else {
        return Err(ApiError::invalid_body(&[Complaint {
            kind: "value_error",
            loc: vec![json!("body")],
            msg: "Value error, At least one of 'keys' or 'key_aliases' must be provided.".to_owned(),
        }]));
    };
    if deleted.is_empty() {
        return Err(ApiError::no_keys_found());
    }
    tracing::info!(count = deleted.len(), "keys deleted");
    Ok(Json(json!({ "deleted_keys": deleted })))
}

fn texts(sent: &Map<String, Value>, field: &str) -> Vec<String> {
    let items = sent.get(field).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
