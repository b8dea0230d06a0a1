//! `POST /internal/credential`: hands out a credential that is missing, or that its provider has rejected.

use axum::Json;
use axum::extract::State;
use switchboard::key::{CredentialRequest, HandedOut};

use super::Call;
use crate::app::App;

/// Hands out all credentials, after at most two seconds.
pub async fn credential(State(app): State<App>, Call(asked): Call<CredentialRequest>) -> Json<HandedOut> {
    Json(app.credentials.ask(&asked).await)
}
