//! `POST /internal/sync`: usage up, changes down, leases kept.

use axum::Json;
use axum::extract::State;
use switchboard::key::{SyncAnswer, SyncRequest};

use super::Call;
use super::lease::grant;
use crate::app::App;
use crate::error::ApiError;
use crate::store::Changes;

/// Records the batch, then tells what changed. A status of 200 says that the batch is recorded, now or before:
/// the worker may forget it. After any other it must send the same batch with the same id again.
pub async fn sync(
    State(app): State<App>,
    Call(SyncRequest { cursor, batch, instance, asks, tokens }): Call<SyncRequest<'static>>,
) -> Result<Json<SyncAnswer>, ApiError> {
    if let Some(batch) = batch {
        if app.store.record_usage(&batch, app.spend_log).await? {
            app.metrics.batches.inc();
            app.metrics.usage.inc_by(batch.entries().map(|entry| entry.requests).sum());
            let unnamed = app.metrics.used.unnamed(batch.tokens());
            if !unnamed.is_empty() {
                match app.store.records(&unnamed).await {
                    Ok(records) => app.metrics.used.name(&records),
                    // The batch is recorded, and must be acknowledged.
                    Err(cause) => tracing::warn!(%cause, "metrics go without the names of keys"),
                }
            }
            app.metrics.used.count(batch.entries());
        } else {
            app.metrics.repeated_batches.inc();
            tracing::info!(batch = batch.id, "a batch came again; it was recorded before");
        }
    }
    // After the batch: what it spent is recorded, and no longer part of what the holder says it holds.
    let leases = grant(&app, &instance, &asks).await?;
    let Changes { cursor, reset, changes } = app.store.changes_after(cursor).await?;
    let tokens = app.tokens.newer_than(tokens);
    if reset {
        app.metrics.resets.inc();
    }
    Ok(Json(SyncAnswer { cursor, reset, changes, leases, tokens }))
}
