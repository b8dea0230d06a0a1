//! `GET /customer/info?end_user_id=`: returns a customer, its spend and its limits.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema::show;
use crate::app::App;
use crate::error::{ApiError, Complaint};
use crate::query::Query;
use crate::rights::Allowed;
use crate::routes::shared_budget;
use crate::store::{AccountRow, Kind};

/// Returns the customer.
pub async fn info(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let id = query.text("end_user_id").ok_or_else(|| {
        ApiError::invalid_body(&[Complaint {
            kind: "missing",
            loc: vec![json!("query"), json!("end_user_id")],
            msg: "Field required".to_owned(),
        }])
    })?;
    let customer = app.store.account(Kind::Customer, id).await?;
    let customer = customer.ok_or_else(|| ApiError::no_such_customer(id, "end_user_id"))?;
    Ok(Json(shown(&app, &customer).await?))
}

/// A customer as returned to clients.
pub(super) async fn shown(app: &App, customer: &AccountRow) -> Result<Value, ApiError> {
    Ok(show(customer, shared_budget::of(app, customer).await?.as_ref()))
}
