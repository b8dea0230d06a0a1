//! `POST /key/block`: refuse a key until it is unblocked.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::schema;
use crate::app::App;
use crate::auth::Admin;
use crate::body::Object;
use crate::clock;
use crate::error::{ApiError, Complaint};
use crate::fields::{self, Field, Kind};
use crate::store::KeyRow;
use crate::token::identified;

/// Blocks the key that the body names.
pub async fn block(
    State(app): State<App>,
    admin: Admin,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, admin, body, true).await
}

/// What `/key/block` and `/key/unblock` both do.
pub(super) async fn set_blocked(
    app: &App,
    admin: Admin,
    body: Map<String, Value>,
    blocked: bool,
) -> Result<Json<Value>, ApiError> {
    let named = named_key(body)?;
    let change = |key: &mut KeyRow| {
        key.blocked = Some(blocked);
        Ok::<_, ApiError>(())
    };
    let key = app.store.update_key(identified(&named), admin.user_id(), change).await?;
    let key = key.ok_or_else(ApiError::no_such_key)?;
    tracing::info!(key = key.key_name, blocked, "key blocked or unblocked");
    Ok(Json(Value::Object(schema::full_row(&key, clock::now()))))
}

fn named_key(body: Map<String, Value>) -> Result<String, ApiError> {
    let complain = |kind, msg: &str| {
        ApiError::invalid_body(&[Complaint {
            kind,
            loc: vec![json!("body"), json!("key")],
            msg: msg.to_owned(),
        }])
    };
    let read = fields::read(&[Field { name: "key", kind: Kind::Text }], body)
        .map_err(|complaints| ApiError::invalid_body(&complaints))?;
    match read.get("key") {
        Some(Value::String(key)) => Ok(key.clone()),
        Some(_) => Err(complain("string_type", "Input should be a valid string")),
        None => Err(complain("missing", "Field required")),
    }
}
