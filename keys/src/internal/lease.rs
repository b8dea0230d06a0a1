//! `POST /internal/lease`: grants leases for requests that cannot wait for the next sync.

use axum::Json;
use axum::extract::State;
use switchboard::key::lease::{Demand, Grant, Lease, LeaseAnswer, LeaseAsk, LeaseRequest};

use super::Call;
use crate::app::App;
use crate::error::ApiError;

/// Grants available capacity, without other effects.
pub async fn lease(
    State(app): State<App>,
    Call(LeaseRequest { instance, asks }): Call<LeaseRequest>,
) -> Result<Json<LeaseAnswer>, ApiError> {
    Ok(Json(LeaseAnswer { leases: grant(&app, &instance, &asks).await? }))
}

/// Answers asks and counts them in the metrics.
pub(super) async fn grant(app: &App, instance: &str, asks: &[LeaseAsk]) -> Result<Vec<Lease>, ApiError> {
    let leases = app.store.lease(instance, asks).await?;
    for (ask, lease) in asks.iter().zip(&leases) {
        let short = |grant: Option<Grant>, demand: Demand| {
            grant.is_some_and(|grant| grant.allowed < demand.used.saturating_add(demand.need))
        };
        app.metrics.leases.inc();
        if short(lease.requests, ask.requests)
            || short(lease.tokens, ask.tokens)
            || short(lease.parallel, ask.parallel)
            || short(lease.money, ask.money)
        {
            app.metrics.short_leases.inc();
        }
    }
    Ok(leases)
}
