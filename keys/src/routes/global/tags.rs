//! `GET /global/spend/tags`, `GET /global/spend/all_tag_names` and `GET /spend/tags`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Allowed;
use crate::store::{By, Scope, Unit, UsageQuery, UsageRow};
use crate::usage::Days;

/// Tags in a response.
pub(super) const MOST: u32 = 10_000;

/// The word for all tags.
const ALL_TAGS: &str = "all-tags";

/// The spend by tag in a range.
pub async fn spend(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let mut asked = Days::of(&query)?.query(Scope::Tag).by(&[By::Name]).limit(MOST);
    let tags = query.texts("tags");
    if !tags.is_empty() && !tags.iter().any(|tag| tag == ALL_TAGS) {
        asked = asked.only(By::Name, tags);
    }
    let rows = app.store.usage(&asked).await?;
    let shown: Vec<_> = rows
        .iter()
        .map(|row| json!({ "name": name(row), "spend": row.sums.usd(), "log_count": row.sums.requests }))
        .collect();
    Ok(Json(json!({ "spend_per_tag": shown })))
}

/// The spend by tag, in a range if one is given.
pub async fn all(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let asked = if query.text("start_date").is_some() || query.text("end_date").is_some() {
        Days::of(&query)?.query(Scope::Tag)
    } else {
        UsageQuery::new(Scope::Tag, Unit::Month, 0, i64::MAX)
    };
    let rows = app.store.usage(&asked.by(&[By::Name]).limit(MOST)).await?;
    let shown = rows.iter().map(|row| {
        json!({
            "individual_request_tag": name(row),
            "log_count": row.sums.requests,
            "total_spend": row.sums.usd(),
        })
    });
    Ok(Json(shown.collect()))
}

/// The names of tags.
pub async fn names(State(app): State<App>, _: Allowed) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "tag_names": app.store.usage_names(Scope::Tag, MOST).await? })))
}

fn name(row: &UsageRow) -> &str {
    row.of.first().map_or("", String::as_str)
}
