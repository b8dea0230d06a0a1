//! `POST /internal/verify`: the filter meets a key for the first time.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use switchboard::key::{KeyRecord, VerifyRequest};

use super::Call;
use crate::app::App;
use crate::error::ApiError;
use crate::store::Verified;

/// Tells what the key is. Blocked and expired ones too: the filter refuses them with the right words.
pub async fn verify(
    State(app): State<App>,
    Call(VerifyRequest { token }): Call<VerifyRequest>,
) -> Result<Response, ApiError> {
    let Verified { key, cursor, remembered } = app.store.verify(token).await?;
    if remembered {
        app.metrics.verify_hits.inc()
    } else {
        app.metrics.verify_misses.inc()
    };
    Ok(Json(Answer { key: key.as_deref(), cursor }).into_response())
}

/// [`switchboard::key::VerifyAnswer`] of a key that is shared with others.
#[derive(Serialize)]
struct Answer<'a> {
    key: Option<&'a KeyRecord>,
    cursor: u64,
}
