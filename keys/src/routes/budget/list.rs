//! `GET /budget/list`: lists all budgets.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::schema::show;
use crate::app::App;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::store::Kind;

/// Lists all budgets, oldest first.
pub async fn list(State(app): State<App>, _: Allowed) -> Result<Json<Value>, ApiError> {
    let budgets = app.store.accounts_of_kind(Kind::Budget).await?;
    Ok(Json(budgets.iter().map(show).map(Value::Object).collect()))
}
