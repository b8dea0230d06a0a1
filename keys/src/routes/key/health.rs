//! `POST /key/health`: checks that the calling key is valid.

use axum::Json;
use serde_json::{Value, json};

use crate::auth::Caller;

/// A key that gets here is valid. There are no logging callbacks per key.
pub async fn health(_: Caller) -> Json<Value> {
    Json(json!({"key": "healthy", "logging_callbacks": null}))
}
