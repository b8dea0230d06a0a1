//! `GET /team/daily/activity`: of all teams, or of some. Members see their teams.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::activity::{self, Activity, Paging};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject};
use crate::store::{By, Scope};
use crate::usage::Sight;

/// A page of days.
pub async fn pages(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    caller.might(Operation::TeamDailyActivity)?;
    let mut teams = query.texts("team_ids");
    for team in &teams {
        let whose = caller.relation_to_team(&app, team).await?;
        caller.may(&app, Operation::TeamDailyActivity, whose, Subject::team(team)).await?;
    }
    if teams.is_empty() && !caller.views_all() {
        let places = app.store.memberships(caller.user_id().unwrap_or_default()).await?;
        teams.extend(places.into_iter().filter_map(|place| place.team_id));
        if let Caller::Key { key, .. } = &caller {
            teams.extend(key.team_id.clone().filter(|team| !teams.contains(team)));
        }
        // A list that is empty must not stand for all teams.
        teams.push(String::new());
    }
    let mut activity = Activity::of(&query, Scope::Team, Sight::All)?;
    if !teams.is_empty() {
        activity.names = Some((By::Team, teams));
    }
    activity.without = query.texts("exclude_team_ids");
    activity::show(&app, activity, Paging::of(&query)?).await.map(Json)
}
