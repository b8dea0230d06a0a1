//! `GET /tag/daily/activity`: of all tags, or of some. A request with two tags counts for both.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::activity::{self, Activity, Paging};
use crate::app::App;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Allowed;
use crate::store::{By, Scope};
use crate::usage::Sight;

/// A page of days.
pub async fn pages(State(app): State<App>, _: Allowed, query: Query) -> Result<Json<Value>, ApiError> {
    let mut activity = Activity::of(&query, Scope::Tag, Sight::All)?;
    let tags = query.texts("tags");
    if !tags.is_empty() {
        activity.names = Some((By::Name, tags));
    }
    activity::show(&app, activity, Paging::of(&query)?).await.map(Json)
}
