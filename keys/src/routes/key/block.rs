//! `POST /key/block`: blocks a key.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::error::ApiError;
use crate::fields::{self, Field, Kind, required};
use crate::rights::Operation;
use crate::store::KeyRow;
use crate::token::identified;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "key", kind: Kind::Text }];

/// Blocks the key.
pub async fn block(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, &caller, Operation::KeyBlock, body).await
}

/// Common code of `/key/block` and `/key/unblock`.
pub(super) async fn set_blocked(
    app: &App,
    caller: &Caller,
    operation: Operation,
    body: Map<String, Value>,
) -> Result<Json<Value>, ApiError> {
    caller.might(operation)?;
    let token = identified(&named_key(body)?);
    let known = app.store.key(token).await?.ok_or_else(ApiError::no_such_key)?;
    caller.may_with_key(app, operation, &known).await?;
    let blocked = operation == Operation::KeyBlock;
    let change = |key: &mut KeyRow| {
        key.blocked = Some(blocked);
        Ok::<_, ApiError>(())
    };
    let key = app.store.update_key(token, &caller.name(), change).await?;
    let key = key.ok_or_else(ApiError::no_such_key)?;
    tracing::info!(key = key.key_name, blocked, "key blocked or unblocked");
    Ok(Json(Value::Object(schema::full_row(&key, clock::now()))))
}

fn named_key(body: Map<String, Value>) -> Result<String, ApiError> {
    let read = fields::read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let key = required(&read, "key").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    Ok(key.to_owned())
}
