//! `DELETE /organization/delete`: deletes organizations, their teams and the keys of both.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::existing;
use super::schema::show;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds};
use crate::rights::Allowed;
use crate::routes::account::ids;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "organization_ids", kind: Holds::TextList }];

/// Deletes all of the named organizations, or none.
pub async fn delete(
    State(app): State<App>,
    _: Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let ids = ids(&FIELDS, body, "organization_ids is required")?;
    for id in &ids {
        existing(&app, id).await?;
    }
    let deleted = app.store.delete_accounts(Kind::Organization, &ids).await?;
    tracing::info!(count = deleted.len(), "organizations deleted");
    Ok(Json(deleted.iter().map(|organization| Value::Object(show(organization, None))).collect()))
}
