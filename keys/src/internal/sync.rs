//! `POST /internal/sync`: receives usage, and returns changes and leases.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use switchboard::key::{SyncAnswer, SyncRequest};

use super::Call;
use super::lease::grant;
use crate::app::App;
use crate::error::ApiError;
use crate::store::Changes;

/// Clocks need not agree to the millisecond.
const MARGIN_MS: u64 = 100;

/// Records the batch, then returns the changes. The response contains the id of the batch, which is recorded
/// now or was before, so the worker can drop it. Without such a response, the worker must send the same batch
/// with the same id again.
pub async fn sync(
    State(app): State<App>,
    Call(SyncRequest { cursor, batch, instance, asks, credentials, charged_within_ms }): Call<
        SyncRequest<'static>,
    >,
) -> Result<Json<SyncAnswer>, ApiError> {
    let mut recorded = None;
    if let Some(batch) = batch {
        let batch = Arc::new(batch.into_owned());
        if app.store.record_usage(Arc::clone(&batch), app.spend_log).await? {
            app.metrics.batches.inc();
            app.metrics
                .usage
                .inc_by(batch.entries().fold(0, |sum, entry| sum.saturating_add(entry.requests)));
            let unnamed = app.metrics.used.unnamed(batch.tokens());
            if !unnamed.is_empty() {
                match app.store.records(&unnamed).await {
                    Ok(records) => app.metrics.used.name(&records),
                    // The batch is recorded, so it must be acknowledged.
                    Err(cause) => tracing::warn!(%cause, "cannot load key names for metrics"),
                }
            }
            app.metrics.used.count(&batch);
        } else {
            app.metrics.repeated_batches.inc();
            tracing::info!(batch = batch.id, "ignored a duplicate usage batch");
        }
        recorded = Some(batch.id.clone());
    }
    // After recording the batch, because its spend is then no longer part of what the holder reports.
    let leases = grant(&app, &instance, &asks).await?;
    let Changes { cursor, reset, changes, payers } = app.store.changes_after(cursor).await?;
    let credentials = app.credentials.newer_than(credentials);
    if reset {
        app.metrics.resets.inc();
    }
    let spends = match charged_within_ms {
        Some(age) => app.store.spends(Duration::from_millis(age.saturating_add(MARGIN_MS))).await?,
        None => Vec::new(),
    };
    Ok(Json(SyncAnswer { cursor, recorded, reset, changes, leases, credentials, spends, payers }))
}
