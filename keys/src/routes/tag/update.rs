//! `POST /tag/update`: changes a tag. Fields that are not sent stay unchanged, and `null` removes a limit.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::not_found;
use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::routes::shared_budget;
use crate::store::Kind;

/// Updates the tag.
pub async fn update(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let named = (Kind::Tag, "name", &FIELDS[..]);
    let tag = shared_budget::update(&app, named, body, &by, not_found).await?;
    let budget = shared_budget::of(&app, &tag).await?;
    let message = format!("Tag {} updated successfully", tag.id);
    Ok(Json(json!({"message": message, "tag": show(&tag, budget.as_ref())})))
}
