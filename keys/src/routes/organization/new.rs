//! `POST /organization/new`: creates an organization.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::required;
use crate::rights::Allowed;
use crate::routes::account::apply;
use crate::routes::schema::read;
use crate::routes::shared_budget;
use crate::store::{AccountRow, Kind};
use crate::token::random_id;

/// Creates an organization, with its own limits or with those of a budget.
pub async fn new(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    required(&sent, "organization_alias").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    shared_budget::check(&sent)?;
    let id = sent.get("organization_id").and_then(Value::as_str).map(str::trim).filter(|id| !id.is_empty());
    let id = id.map_or_else(random_id, str::to_owned);
    let mut organization = AccountRow::new(Kind::Organization, &id, &by);
    apply(&mut organization, &FIELDS, &sent)?;
    if !app.store.insert_account(&organization).await? {
        return Err(ApiError::bad_request(format!("Organization with id '{id}' already exists.")));
    }
    tracing::info!(organization = id, "organization created");
    let budget = shared_budget::of(&app, &organization).await?;
    Ok(Json(Value::Object(show(&organization, budget.as_ref()))))
}
