//! `PATCH /organization/update`: changes an organization. Fields that are not sent stay unchanged, and `null` removes a limit.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::not_found;
use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::routes::shared_budget;
use crate::store::Kind;

/// Updates the organization.
pub async fn update(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let named = (Kind::Organization, "organization_id", &FIELDS[..]);
    let organization = shared_budget::update(&app, named, body, &by, not_found).await?;
    let budget = shared_budget::of(&app, &organization).await?;
    Ok(Json(Value::Object(show(&organization, budget.as_ref()))))
}
