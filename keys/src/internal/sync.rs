//! `POST /internal/sync`: usage up, changes down, leases kept.

use axum::Json;
use axum::extract::State;
use switchboard::key::{SyncAnswer, SyncRequest};

use super::Call;
use super::lease::grant;
use crate::app::App;
use crate::error::ApiError;
use crate::store::Changes;

/// Records the batch, then tells what changed. The answer names the batch: it is recorded, now or before, and the worker may
/// forget it. Without such an answer it must send the same batch with the same id again.
pub async fn sync(
    State(app): State<App>,
    Call(SyncRequest { cursor, batch, instance, asks, tokens, wanted }): Call<SyncRequest<'static>>,
) -> Result<Json<SyncAnswer>, ApiError> {
    let mut recorded = None;
    if let Some(batch) = batch {
        if app.store.record_usage(&batch, app.spend_log).await? {
            app.metrics.batches.inc();
            app.metrics.usage.inc_by(batch.entries().map(|entry| entry.requests).sum());
            let unnamed = app.metrics.used.unnamed(batch.tokens());
            if !unnamed.is_empty() {
                match app.store.records(&unnamed).await {
                    Ok(records) => app.metrics.used.name(&records),
                    // The batch is recorded, and must be acknowledged.
                    Err(cause) => tracing::warn!(%cause, "cannot load key names for metrics"),
                }
            }
            app.metrics.used.count(batch.entries());
        } else {
            app.metrics.repeated_batches.inc();
            tracing::info!(batch = batch.id, "ignored a duplicate usage batch");
        }
        recorded = Some(batch.into_owned().id);
    }
    // After the batch: what it spent is recorded, and no longer part of what the holder says it holds.
    let leases = grant(&app, &instance, &asks).await?;
    let Changes { cursor, reset, changes } = app.store.changes_after(cursor).await?;
    app.tokens.want(&wanted, tokens);
    let tokens = app.tokens.newer_than(tokens);
    if reset {
        app.metrics.resets.inc();
    }
    Ok(Json(SyncAnswer { cursor, recorded, reset, changes, leases, tokens }))
}
