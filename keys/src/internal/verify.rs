//! `POST /internal/verify`: the filter meets a key for the first time.

use axum::Json;
use axum::extract::State;
use switchboard::key::{VerifyAnswer, VerifyRequest};

use super::Call;
use crate::app::App;
use crate::error::ApiError;

/// Tells what the key is. Blocked and expired ones too: the filter refuses them with the right words.
pub async fn verify(
    State(app): State<App>,
    Call(VerifyRequest { token }): Call<VerifyRequest>,
) -> Result<Json<VerifyAnswer>, ApiError> {
    // The cursor first: the key may be newer than it says, never older.
    let cursor = app.store.cursor().await?;
    let key = app.store.records(&[token]).await?.remove(&token);
    Ok(Json(VerifyAnswer { key, cursor }))
}
