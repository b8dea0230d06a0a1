//! `GET /global/spend`, and its parts by day, key, model and provider.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use switchboard::key::AccountId;

use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Allowed;
use crate::store::{By, Kind, Scope, Sums};
use crate::token::identified;
use crate::usage::{self, Days, bare, date, provider};

/// Maximum number of keys or models in a response.
pub const MOST: u64 = 10_000;

/// Models in a response by default, as in `LiteLLM`.
const USUAL_MODELS: u64 = 10;

/// The spend of the last 30 days, and the budget of the gateway.
pub async fn total(State(app): State<App>, _: Allowed) -> Result<Json<Value>, ApiError> {
    let rows = app.store.usage(&Days::recent().query(Scope::All)).await?;
    let spend = rows.first().map_or(0.0, |row| row.sums.usd());
    let gateway = app.store.account(Kind::Gateway, AccountId::GATEWAY).await?;
    let max_budget = gateway.and_then(|gateway| gateway.max_budget).unwrap_or_default();
    Ok(Json(json!({ "spend": spend, "max_budget": max_budget })))
}

/// The spend of each of the last 30 days, of all keys or of one.
pub async fn logs(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let token = query.text("api_key").map(|key| identified(key).to_string());
    let asked = match &token {
        Some(token) => Days::recent().query(Scope::Key).only(By::Name, vec![token.clone()]),
        None => Days::recent().query(Scope::All),
    };
    let rows = app.store.usage(&asked.by(&[By::Time])).await?;
    let shown = rows.iter().map(|row| {
        let mut shown = json!({ "date": date(row.at), "spend": row.sums.usd() });
        if let Some(token) = &token {
            shown["api_key"] = json!(token);
        }
        shown
    });
    Ok(Json(shown.collect()))
}

/// The keys with the highest spend.
pub async fn keys(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let limit = limit(&query, MOST)?;
    let rows = app.store.usage(&Days::recent().query(Scope::Key).by(&[By::Name]).limit(limit)).await?;
    let names = usage::keys(&app.store, rows.iter().flat_map(|row| &row.of)).await?;
    let shown = rows.iter().map(|row| {
        let token = row.of.first().cloned().unwrap_or_default();
        let key = names.get(&token);
        json!({
            "api_key": token,
            "key_alias": key.and_then(|key| key.alias.clone()),
            "key_name": key.and_then(|key| key.name.clone()),
            "total_spend": row.sums.usd(),
        })
    });
    Ok(Json(shown.collect()))
}

/// The models with the highest spend.
pub async fn models(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let limit = limit(&query, USUAL_MODELS)?;
    let rows = app.store.usage(&Days::recent().query(Scope::All).by(&[By::Model]).limit(limit)).await?;
    let shown = rows.iter().map(|row| {
        let model = row.of.first().map_or("", |model| bare(model));
        json!({
            "model": model,
            "total_spend": row.sums.usd(),
            "total_tokens": row.sums.total_tokens(),
        })
    });
    Ok(Json(shown.collect()))
}

/// The spend by provider. Requests that no provider answered are left out.
pub async fn providers(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let mut providers = BTreeMap::<String, Sums>::new();
    for row in app.store.usage(&Days::of(&query)?.query(Scope::All).by(&[By::Model])).await? {
        let name = row.of.first().map_or("", |model| provider(model));
        if !name.is_empty() {
            providers.entry(name.to_owned()).or_default().add(&row.sums);
        }
    }
    let shown = providers.iter().map(|(name, sums)| json!({ "provider": name, "spend": sums.usd() }));
    Ok(Json(shown.collect()))
}

fn limit(query: &Query, default: u64) -> Result<u32, ApiError> {
    let limit = query.count("limit", default, 1, MOST)?;
    Ok(u32::try_from(limit).unwrap_or(u32::MAX))
}
