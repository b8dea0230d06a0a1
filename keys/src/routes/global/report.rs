//! `GET /global/spend/report`: spend by day and team or customer, or by key.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Allowed;
use crate::store::{By, Scope, Sums, UsageQuery};
use crate::token::identified;
use crate::usage::{self, Days, bare, date};

/// The name of what belongs to no team.
const UNASSIGNED: &str = "Unassigned Team";

/// A report on one key, one user, one team's customer, or on all, as `group_by` says.
pub async fn report(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let days = Days::of(&query)?;
    if let Some(key) = query.text("api_key") {
        let token = identified(key).to_string();
        return by_key(&app, days.query(Scope::Key).only(By::Name, vec![token])).await;
    }
    if let Some(user) = query.text("internal_user_id") {
        return by_key(&app, days.query(Scope::Key).only(By::User, vec![user.to_owned()])).await;
    }
    if let (Some(team), Some(customer)) = (query.text("team_id"), query.text("customer_id")) {
        let asked = days
            .query(Scope::EndUser)
            .only(By::Name, vec![customer.to_owned()])
            .only(By::Team, vec![team.to_owned()]);
        return by_day(&app, asked, Of::Customers).await;
    }
    match query.text("group_by").unwrap_or("team") {
        "team" => by_day(&app, days.query(Scope::Key), Of::Teams).await,
        "customer" => by_day(&app, days.query(Scope::EndUser), Of::Customers).await,
        "api_key" => by_key(&app, days.query(Scope::Key)).await,
        other => Err(ApiError::invalid_field(
            "group_by",
            &format!("group_by '{other}' is unknown; use team, customer or api_key"),
        )),
    }
}

async fn by_key(app: &App, asked: UsageQuery) -> Result<Json<Value>, ApiError> {
    let mut keys = BTreeMap::<String, (Sums, Vec<Value>)>::new();
    for row in app.store.usage(&asked.by(&[By::Name, By::Model])).await? {
        let [token, model] = <[String; 2]>::try_from(row.of).unwrap_or_default();
        let (sums, models) = keys.entry(token).or_default();
        sums.add(&row.sums);
        models.push(json!({
            "model": bare(&model),
            "total_cost": row.sums.usd(),
            "total_input_tokens": row.sums.prompt_tokens,
            "total_output_tokens": row.sums.completion_tokens,
        }));
    }
    let mut keys: Vec<_> = keys.into_iter().collect();
    keys.sort_by_key(|(_, (sums, _))| core::cmp::Reverse(sums.spend));
    let shown = keys.into_iter().map(|(token, (sums, models))| {
        json!({
            "api_key": token,
            "total_cost": sums.usd(),
            "total_input_tokens": sums.prompt_tokens,
            "total_output_tokens": sums.completion_tokens,
            "model_details": models,
        })
    });
    Ok(Json(shown.collect()))
}

/// What the parts of a day are.
#[derive(Clone, Copy)]
enum Of {
    Teams,
    Customers,
}

async fn by_day(app: &App, asked: UsageQuery, of: Of) -> Result<Json<Value>, ApiError> {
    let by = match of {
        Of::Teams => [By::Time, By::Team, By::Name, By::Model],
        Of::Customers => [By::Time, By::Name, By::Token, By::Model],
    };
    let rows = app.store.usage(&asked.by(&by)).await?;
    let aliases = match of {
        Of::Teams => usage::team_aliases(&app.store, rows.iter().filter_map(|row| row.of.first())).await?,
        Of::Customers => BTreeMap::new(),
    };
    let mut days = BTreeMap::<i64, BTreeMap<String, (Sums, Vec<Value>)>>::new();
    for row in rows {
        let [name, token, model] = <[String; 3]>::try_from(row.of).unwrap_or_default();
        let name = match of {
            Of::Teams if name.is_empty() => UNASSIGNED.to_owned(),
            Of::Teams => aliases.get(&name).cloned().unwrap_or(name),
            Of::Customers => name,
        };
        let (sums, metadata) = days.entry(row.at).or_default().entry(name).or_default();
        sums.add(&row.sums);
        metadata.push(json!({
            "model": bare(&model),
            "api_key": token,
            "spend": row.sums.usd(),
            "total_tokens": row.sums.total_tokens(),
        }));
    }
    let (field, name_field) = match of {
        Of::Teams => ("teams", "team_name"),
        Of::Customers => ("customers", "customer"),
    };
    let shown = days.into_iter().map(|(day, parts)| {
        let parts: Vec<_> = parts
            .into_iter()
            .map(|(name, (sums, metadata))| {
                json!({ name_field: name, "total_spend": sums.usd(), "metadata": metadata })
            })
            .collect();
        json!({ "group_by_day": format!("{}T00:00:00+00:00", date(day)), field: parts })
    });
    Ok(Json(shown.collect()))
}
