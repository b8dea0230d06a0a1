//! `POST /customer/new`: creates a customer.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::info::shown;
use super::schema::FIELDS;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::required;
use crate::rights::Allowed;
use crate::routes::account::apply;
use crate::routes::schema::read;
use crate::routes::shared_budget;
use crate::store::{AccountRow, Kind};

/// Creates a customer, with its own limits or with those of a budget.
pub async fn new(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    let id = required(&sent, "user_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    shared_budget::check(&sent)?;
    let mut customer = AccountRow::new(Kind::Customer, id, &by);
    apply(&mut customer, &FIELDS, &sent)?;
    customer.total_spend = customer.spend;
    if !app.store.insert_account(&customer).await? {
        return Err(ApiError::customer_exists(id));
    }
    tracing::info!(customer = id, "customer created");
    Ok(Json(shown(&app, &customer).await?))
}
