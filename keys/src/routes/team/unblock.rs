//! `POST /team/unblock`: let the keys of a blocked team in again.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::block::set_blocked;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Allowed;

/// Unblocks the team that the body names.
pub async fn unblock(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, &by, body, false).await
}
