//! `POST /customer/update`: changes a customer. Fields that are not sent stay unchanged, and `null` removes a limit.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::info::shown;
use super::schema::FIELDS;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::routes::shared_budget;
use crate::store::Kind;

/// Updates the customer.
pub async fn update(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let named = (Kind::Customer, "user_id", &FIELDS[..]);
    let missing = |id: &str| ApiError::no_such_customer(id, "user_id");
    let customer = shared_budget::update(&app, named, body, &by, missing).await?;
    Ok(Json(shown(&app, &customer).await?))
}
