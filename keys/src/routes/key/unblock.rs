//! `POST /key/unblock`: let a blocked key in again.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::block::set_blocked;
use crate::app::App;
use crate::auth::Admin;
use crate::body::Object;
use crate::error::ApiError;

/// Unblocks the key that the body names.
pub async fn unblock(
    State(app): State<App>,
    admin: Admin,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, admin, body, false).await
}
