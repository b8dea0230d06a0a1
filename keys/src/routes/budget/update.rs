//! `POST /budget/update`: changes the limits of all keys that refer to the budget. Fields that are not sent
//! stay unchanged.

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
use crate::store::Kind;

/// Updates the budget.
pub async fn update(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    let id = sent.get("budget_id").and_then(Value::as_str);
    let id = id.ok_or_else(|| ApiError::bad_request("budget_id is required"))?;
    let budget =
        app.store.update_account(Kind::Budget, id, &by, |budget| apply(budget, &FIELDS, &sent)).await?;
    let budget =
        budget.ok_or_else(|| ApiError::missing(format!("Budget not found, passed budget_id={id}")))?;
    Ok(Json(Value::Object(show(&budget))))
}
