//! `GET /customer/list`: lists customers.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::schema::show;
use crate::app::App;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::store::Kind;

/// Lists all customers, oldest first.
pub async fn list(State(app): State<App>, _: Allowed) -> Result<Json<Value>, ApiError> {
    let budgets = app.store.accounts_of_kind(Kind::Budget).await?;
    let budgets: HashMap<_, _> = budgets.iter().map(|budget| (budget.id.as_str(), budget)).collect();
    let customers = app.store.accounts_of_kind(Kind::Customer).await?;
    let shown = customers.iter().map(|customer| {
        let budget = customer.budget_id.as_deref().and_then(|id| budgets.get(id));
        show(customer, budget.copied())
    });
    Ok(Json(shown.collect()))
}
