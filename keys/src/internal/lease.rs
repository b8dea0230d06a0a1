//! `POST /internal/lease`: a request waits for a lease, and cannot wait for the next sync.

use axum::Json;
use axum::extract::State;
use switchboard::lease::{LeaseAnswer, LeaseRequest};

use super::Call;
use crate::app::App;
use crate::error::ApiError;

/// Grants what is free; nothing else happens.
pub async fn lease(
    State(app): State<App>,
    Call(LeaseRequest { instance, asks }): Call<LeaseRequest>,
) -> Result<Json<LeaseAnswer>, ApiError> {
    Ok(Json(LeaseAnswer { leases: app.store.lease(&instance, &asks).await? }))
}
