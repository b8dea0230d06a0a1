//! `GET /tag/list`: lists tags.

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::schema::show;
use crate::app::App;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::store::Kind;

/// Lists all tags that were created, oldest first.
pub async fn list(State(app): State<App>, _: Allowed) -> Result<Json<Value>, ApiError> {
    let budgets = app.store.accounts_of_kind(Kind::Budget).await?;
    let budgets: HashMap<_, _> = budgets.iter().map(|budget| (budget.id.as_str(), budget)).collect();
    let tags = app.store.accounts_of_kind(Kind::Tag).await?;
    let budget = |id: &Option<String>| budgets.get(id.as_deref()?).copied();
    Ok(Json(tags.iter().map(|tag| show(tag, budget(&tag.budget_id))).collect()))
}
