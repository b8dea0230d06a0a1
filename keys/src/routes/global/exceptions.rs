//! `GET /global/activity/exceptions` and `GET /global/activity/exceptions/deployment`: rate limit errors (status 429) of a model
//! group.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Allowed;
use crate::store::{By, Failures, Scope};
use crate::usage::{Days, month_day};

const RATE_LIMIT: i64 = 429;

/// Addresses in a response, as in `LiteLLM`.
const MOST_DEPLOYMENTS: usize = 10;

/// By day.
pub async fn exceptions(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let mut days = BTreeMap::<i64, i64>::new();
    for failures in of_group(&app, &query, &[By::Time]).await? {
        *days.entry(failures.at).or_default() += failures.requests;
    }
    let sum: i64 = days.values().sum();
    let daily: Vec<_> = days.into_iter().map(|(day, count)| shown(day, count)).collect();
    Ok(Json(json!({ "daily_data": daily, "sum_num_rate_limit_exceptions": sum })))
}

/// By `api_base` and day.
pub async fn by_deployment(
    State(app): State<App>,
    _: Allowed,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    let mut bases = BTreeMap::<String, BTreeMap<i64, i64>>::new();
    for failures in of_group(&app, &query, &[By::Time, By::ApiBase]).await? {
        let base = failures.of.into_iter().next().unwrap_or_default();
        *bases.entry(base).or_default().entry(failures.at).or_default() += failures.requests;
    }
    let mut bases: Vec<_> = bases.into_iter().map(|(base, days)| (days.values().sum(), base, days)).collect();
    bases.sort_by_key(|(sum, _, _): &(i64, _, _)| core::cmp::Reverse(*sum));
    let shown = bases.into_iter().take(MOST_DEPLOYMENTS).map(|(sum, base, days)| {
        let daily: Vec<_> = days
            .into_iter()
            .map(|(day, count)| {
                let mut day = shown(day, count);
                day["api_base"] = json!(base);
                day
            })
            .collect();
        json!({ "api_base": base, "daily_data": daily, "sum_num_rate_limit_exceptions": sum })
    });
    Ok(Json(shown.collect()))
}

fn shown(day: i64, count: i64) -> Value {
    json!({ "date": month_day(day), "num_rate_limit_exceptions": count })
}

async fn of_group(app: &App, query: &Query, by: &[By]) -> Result<Vec<Failures>, ApiError> {
    let group = query.required("model_group")?;
    let asked = Days::of(query)?.query(Scope::All).by(by).only(By::ModelGroup, vec![group.to_owned()]);
    let failures = app.store.usage_failures(&asked).await?;
    Ok(failures.into_iter().filter(|failures| failures.status == RATE_LIMIT).collect())
}
