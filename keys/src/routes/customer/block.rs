//! `POST /customer/block` and `POST /customer/unblock`: reject the requests that name a customer, or accept them again.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::info::shown;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds};
use crate::rights::Allowed;
use crate::routes::account::ids;
use crate::store::{AccountRow, Kind};

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "user_ids", kind: Holds::TextList }];

/// Blocks customers. Those that do not exist are created.
pub async fn block(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, &by, body, true).await
}

/// Unblocks customers.
pub async fn unblock(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, &by, body, false).await
}

async fn set_blocked(
    app: &App,
    by: &str,
    body: Map<String, Value>,
    blocked: bool,
) -> Result<Json<Value>, ApiError> {
    let ids = ids(&FIELDS, body, "user_ids is required")?;
    let mut customers = Vec::new();
    for id in &ids {
        if blocked {
            let mut customer = AccountRow::new(Kind::Customer, id, by);
            customer.blocked = Some(true);
            app.store.insert_account(&customer).await?;
        }
        let change = |customer: &mut AccountRow| {
            customer.blocked = Some(blocked);
            Ok::<_, ApiError>(())
        };
        let customer = app.store.update_account(Kind::Customer, id, by, change).await?;
        let customer = customer.ok_or_else(|| ApiError::no_such_customer(id, "user_ids"))?;
        tracing::info!(customer = id, blocked, "customer blocked or unblocked");
        customers.push(shown(app, &customer).await?);
    }
    Ok(Json(json!({ "blocked_users": customers })))
}
