//! `GET /team/info?team_id=`: returns a team, its keys and its members.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::asked;
use super::schema::{show, show_membership};
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject};
use crate::routes::key::schema::full_row;
use crate::store::{KeyFilter, Kind};

/// Returns a team to its members, its keys, and callers that may read everything.
pub async fn info(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let team_id = asked(&query)?;
    let team = app.store.account(Kind::Team, team_id).await?;
    let team =
        team.ok_or_else(|| ApiError::missing(format!("Team not found, passed team id: {team_id}.")))?;
    let whose = caller.relation_to_team(&app, team_id).await?;
    caller.may(&app, Operation::TeamInfo, whose, Subject::team(team_id)).await?;
    let members = app.store.members(team_id).await?;
    let filter = KeyFilter { team_id: Some(team_id.to_owned()), ..KeyFilter::default() };
    let now = clock::now();
    let mut keys = Vec::new();
    for key in app.store.keys_of(&filter).await? {
        if caller.sees(&app, &key).await? {
            keys.push(full_row(&key, now));
        }
    }
    let memberships: Vec<_> = members.iter().map(show_membership).collect();
    Ok(Json(json!({
        "team_id": team_id,
        "team_info": show(&team, &members),
        "keys": keys,
        "team_memberships": memberships,
    })))
}
