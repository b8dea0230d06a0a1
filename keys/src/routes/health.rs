//! `/health/liveliness` and `/health/readiness`, for probes, without authentication.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;

/// The process is running.
pub async fn liveliness() -> Json<&'static str> {
    Json("I'm alive!")
}

/// The process is ready: the database is available.
pub async fn readiness(State(app): State<App>) -> (StatusCode, Json<Value>) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, Json(json!({"status": "healthy", "db": "connected"}))),
        Err(cause) => {
            tracing::warn!(%cause, "not ready: database unavailable");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unhealthy", "db": "disconnected"})))
        }
    }
}
