//! `GET /global/activity` and `GET /global/activity/model`: requests and tokens by day. Users see their own.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{By, Sums};
use crate::usage::{Days, Sight, month_day};

/// Models in a response, as in `LiteLLM`.
const MOST_MODELS: usize = 10;

/// By day.
pub async fn activity(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let sight = allowed(&app, &caller).await?;
    let asked = sight.restrict(Days::of(&query)?.query(sight.scope()).by(&[By::Time]));
    let (mut daily, mut sums) = (Vec::new(), Sums::default());
    for row in app.store.usage(&asked).await? {
        sums.add(&row.sums);
        daily.push(json!({
            "date": month_day(row.at),
            "api_requests": row.sums.requests,
            "total_tokens": row.sums.total_tokens(),
        }));
    }
    Ok(Json(json!({
        "daily_data": daily,
        "sum_api_requests": sums.requests,
        "sum_total_tokens": sums.total_tokens(),
    })))
}

/// By model group and day, for those with the most requests.
pub async fn by_model(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let sight = allowed(&app, &caller).await?;
    let asked = sight.restrict(Days::of(&query)?.query(sight.scope()).by(&[By::Time, By::ModelGroup]));
    let mut models = BTreeMap::<String, (Sums, Vec<Value>)>::new();
    for row in app.store.usage(&asked).await? {
        let group = row.of.into_iter().next().unwrap_or_default();
        let (sums, daily) = models.entry(group.clone()).or_default();
        sums.add(&row.sums);
        daily.push(json!({
            "model_group": group,
            "date": month_day(row.at),
            "api_requests": row.sums.requests,
            "total_tokens": row.sums.total_tokens(),
        }));
    }
    let mut models: Vec<_> = models.into_iter().collect();
    models.sort_by_key(|(_, (sums, _))| core::cmp::Reverse(sums.requests));
    let shown = models.into_iter().take(MOST_MODELS).map(|(model, (sums, daily))| {
        json!({
            "model": model,
            "daily_data": daily,
            "sum_api_requests": sums.requests,
            "sum_total_tokens": sums.total_tokens(),
        })
    });
    Ok(Json(shown.collect()))
}

async fn allowed(app: &App, caller: &Caller) -> Result<Sight, ApiError> {
    caller.may(app, Operation::GlobalActivity, Whose::Anything, Subject::default()).await?;
    Ok(Sight::of(caller))
}
