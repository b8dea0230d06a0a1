//! `GET /global/spend/teams`: the spend of teams on each of the last 30 days.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::rights::Allowed;
use crate::store::{By, Scope, Sums};
use crate::usage::{self, Days, date};

/// Teams with a total, as in `LiteLLM`.
const MOST_TOTALS: usize = 10;

/// By team and day, under the aliases of teams. Requests of keys without a team are left out.
pub async fn teams(State(app): State<App>, _: Allowed) -> Result<Json<Value>, ApiError> {
    let rows = app.store.usage(&Days::recent().query(Scope::Team).by(&[By::Time, By::Name])).await?;
    let aliases = usage::team_aliases(&app.store, rows.iter().flat_map(|row| &row.of)).await?;
    let (mut days, mut totals) = (BTreeMap::<i64, Map<String, Value>>::new(), BTreeMap::new());
    for row in &rows {
        let id = row.of.first().cloned().unwrap_or_default();
        let name = aliases.get(&id).cloned().unwrap_or(id);
        totals.entry(name.clone()).or_insert_with(Sums::default).add(&row.sums);
        days.entry(row.at).or_default().insert(name, json!(row.sums.usd()));
    }
    let daily: Vec<_> = days
        .into_iter()
        .map(|(day, mut spend)| {
            spend.insert("date".to_owned(), json!(date(day)));
            Value::Object(spend)
        })
        .collect();
    let names: Vec<_> = totals.keys().cloned().collect();
    let mut totals: Vec<_> = totals.into_iter().collect();
    totals.sort_by_key(|(_, sums)| core::cmp::Reverse(sums.spend));
    let totals = totals
        .into_iter()
        .take(MOST_TOTALS)
        .map(|(name, sums)| json!({ "team_id": name, "total_spend": sums.usd() }));
    Ok(Json(json!({
        "daily_spend": daily,
        "teams": names,
        "total_spend_per_team": totals.collect::<Vec<_>>(),
    })))
}
