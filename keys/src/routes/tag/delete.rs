//! `POST /tag/delete`: deletes a tag. Requests with it are no longer limited by it.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::not_found;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds, read, required};
use crate::rights::Allowed;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "name", kind: Holds::Text }];

/// Deletes the tag.
pub async fn delete(
    State(app): State<App>,
    _: Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let name = required(&sent, "name").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    if app.store.delete_accounts(Kind::Tag, &[name.to_owned()]).await?.is_empty() {
        return Err(not_found(name));
    }
    tracing::info!(tag = name, "tag deleted");
    Ok(Json(json!({"message": format!("Tag {name} deleted successfully")})))
}
