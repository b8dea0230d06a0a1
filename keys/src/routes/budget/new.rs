//! `POST /budget/new`: creates limits that several keys can share. Each key's spend is counted separately.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::routes::account::apply;
use crate::routes::schema::read;
use crate::store::{AccountRow, Kind};
use crate::token::random_id;

/// Creates a budget.
pub async fn new(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    let id = sent.get("budget_id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.map_or_else(random_id, str::to_owned);
    let mut budget = AccountRow::new(Kind::Budget, &id, &by);
    apply(&mut budget, &FIELDS, &sent)?;
    if !app.store.insert_account(&budget).await? {
        return Err(ApiError::bad_request(format!("Budget with id '{id}' already exists.")));
    }
    Ok(Json(Value::Object(show(&budget))))
}
