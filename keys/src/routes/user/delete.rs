//! `POST /user/delete`: deletes users, their keys and their team memberships.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds};
use crate::rights::Allowed;
use crate::routes::account::ids;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "user_ids", kind: Holds::TextList }];

/// Deletes all of the named users, or none, and returns their number.
pub async fn delete(
    State(app): State<App>,
    _: Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let ids = ids(&FIELDS, body, "No user id passed in")?;
    for id in &ids {
        if app.store.account(Kind::User, id).await?.is_none() {
            return Err(ApiError::missing(format!("User not found, passed user_id={id}")));
        }
    }
    let deleted = app.store.delete_accounts(Kind::User, &ids).await?;
    tracing::info!(count = deleted.len(), "users deleted");
    Ok(Json(json!(deleted.len())))
}
