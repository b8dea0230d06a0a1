//! `POST /internal/verify`: looks up a key that the filter does not know yet.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use switchboard::key::{KeyRecord, VerifyRequest};

use super::Call;
use crate::app::App;
use crate::error::ApiError;
use crate::store::Verified;

/// Returns the key. Blocked and expired keys are returned, too, so that the filter can reject them with a
/// specific message.
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

/// [`switchboard::key::VerifyAnswer`] with a shared key.
#[derive(Serialize)]
struct Answer<'a> {
    key: Option<&'a KeyRecord>,
    cursor: u64,
}
