//! `POST /key/unblock`: unblocks a key.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::block::set_blocked;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;

/// Unblocks the key.
pub async fn unblock(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, &caller, Operation::KeyUnblock, body).await
}
