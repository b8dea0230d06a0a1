//! `/health/liveliness` and `/health/readiness`, for probes, without authentication.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};

use crate::app::App;
use crate::control::Standing;
use crate::credentials::Status;
use crate::openapi::Input;
use crate::routes::paths::{Path, gets};

/// Each path with its input and its handler.
pub(in crate::routes) fn paths() -> Vec<Path> {
    vec![
        gets("/health/liveliness", "Liveness probe.", Input::Nothing, get(liveliness)),
        gets("/health/liveness", "Liveness probe.", Input::Nothing, get(liveliness)),
        gets(
            "/health/readiness",
            "Readiness probe: checks the database connection.",
            Input::Nothing,
            get(readiness),
        ),
    ]
}

/// The process is running.
pub async fn liveliness() -> Json<&'static str> {
    Json("I'm alive!")
}

/// The process is ready: the database is available. Tells the state of the providers' credentials, too; a missing one
/// concerns only its models.
pub async fn readiness(State(app): State<App>) -> (StatusCode, Json<Value>) {
    match app.store.ping().await {
        Ok(()) => {
            let mut answer = json!({"status": "healthy", "db": "connected"});
            // Envoys go on with what they have, so this is no reason to stop calling this service.
            if let Some(standing) = app.control.standing() {
                answer["configuration"] = match standing {
                    Standing::Active => "active",
                    Standing::Invalid => "invalid",
                    Standing::Rejected => "rejected",
                }
                .into();
            }
            let statuses = app.credentials.statuses();
            if !statuses.is_empty() {
                answer["credentials"] = statuses.iter().map(credential).collect();
            }
            (StatusCode::OK, Json(answer))
        }
        Err(cause) => {
            tracing::warn!(%cause, "not ready: database unavailable");
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "unhealthy", "db": "disconnected"})))
        }
    }
}

/// Its reason is only in the log, because it may contain addresses of the internal network.
fn credential(status: &Status) -> Value {
    let mut told = json!({"name": status.name, "state": status.state.name()});
    if let Some(expires_at) = status.expires_at {
        told["expires_at"] = json!(expires_at);
    }
    told
}
