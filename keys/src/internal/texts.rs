//! `POST /internal/texts`: decodes token arrays for providers that accept only text.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Call;
use crate::app::App;
use crate::encoding::{self, Tokens};

/// The filter's request.
#[derive(Debug, Deserialize)]
pub struct TextsRequest {
    /// The model name that the client sent, because clients choose the encoding by it.
    model: String,
    /// `input` of `/embeddings`.
    input: Tokens,
}

/// Returns `{"texts": […]}` or `{"problem"}`.
pub async fn texts(
    State(_): State<App>,
    Call(TextsRequest { model, input }): Call<TextsRequest>,
) -> Json<Value> {
    // The first use of an encoding loads its vocabulary, which takes a while.
    let decoded = tokio::task::spawn_blocking(move || encoding::decode(&model, input)).await;
    Json(match decoded {
        Ok(Ok(texts)) => json!({ "texts": texts }),
        Ok(Err(problem)) => json!({ "problem": problem.to_string() }),
        Err(_) => json!({ "problem": "cannot decode tokens" }),
    })
}
