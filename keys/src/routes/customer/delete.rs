//! `POST /customer/delete`: deletes customers. Their requests are no longer limited.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds};
use crate::rights::Allowed;
use crate::routes::account::ids;
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "user_ids", kind: Holds::TextList }];

/// Deletes all of the named customers, or none.
pub async fn delete(
    State(app): State<App>,
    _: Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let ids = ids(&FIELDS, body, "user_ids is required")?;
    let named: Vec<_> = ids.iter().map(|id| (Kind::Customer, id.clone())).collect();
    let known = app.store.accounts(&named).await?;
    let missing: Vec<_> = ids
        .iter()
        .filter(|id| known.iter().all(|customer| customer.id != **id))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Err(ApiError::no_such_customers(&missing));
    }
    let deleted = app.store.delete_accounts(Kind::Customer, &ids).await?;
    tracing::info!(count = deleted.len(), "customers deleted");
    Ok(Json(json!({
        "deleted_customers": deleted.len(),
        "message": format!("Successfully deleted customers with ids: {}", ids.join(", ")),
    })))
}
