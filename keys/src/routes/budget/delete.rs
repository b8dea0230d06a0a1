//! `POST /budget/delete`: deletes a budget; keys that refer to it are no longer limited by it.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::schema::show;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds, read, required};
use crate::rights::Allowed;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "id", kind: Holds::Text }];

/// Deletes the budget and returns it.
pub async fn delete(
    State(app): State<App>,
    _: Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let id = required(&sent, "id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let deleted = app.store.delete_accounts(Kind::Budget, &[id.to_owned()]).await?.pop();
    let deleted =
        deleted.ok_or_else(|| ApiError::missing(format!("Budget not found, passed budget_id={id}")))?;
    Ok(Json(Value::Object(show(&deleted))))
}
