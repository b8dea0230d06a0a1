//! `GET /user/info?user_id=`: returns a user, its keys and its teams; without `user_id`, the caller's own.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema::show;
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::routes::key::schema::full_row;
use crate::routes::team::schema::show as show_team;
use crate::store::{AccountRow, KeyFilter, Kind};

/// Returns a user to itself and to callers that may read everything.
pub async fn info(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let user_id = match (query.owned("user_id"), &caller) {
        (Some(user), _) => user,
        (None, Caller::Key { key, .. }) => key.user_id.clone().ok_or_else(ApiError::no_user_id)?,
        (None, Caller::Admin) => caller.name(),
    };
    let whose = if caller.is_user(Some(&user_id)) { Whose::OwnUser } else { Whose::OtherUser };
    caller.may(&app, Operation::UserInfo, whose, Subject::user(&user_id)).await?;
    let user = app.store.account(Kind::User, &user_id).await?;
    // The holder of the master key is a user without a row.
    let own = matches!(caller, Caller::Admin) && user_id == caller.name();
    if user.is_none() && !own {
        return Err(ApiError::no_such_user(&user_id));
    }
    let teams = teams_of(&app, &user_id).await?;
    let ids: Vec<_> = teams.iter().map(|team| team.id.clone()).collect();
    let filter = KeyFilter { user_id: Some(user_id.clone()), ..KeyFilter::default() };
    let now = clock::now();
    let keys: Vec<_> = app.store.keys_of(&filter).await?.iter().map(|key| full_row(key, now)).collect();
    let mut shown = Vec::new();
    for team in &teams {
        shown.push(show_team(team, &app.store.members(&team.id).await?));
    }
    Ok(Json(json!({
        "user_id": user_id,
        "user_info": user.map(|user| show(&user, &ids)),
        "keys": keys,
        "teams": shown,
    })))
}

/// The teams that a user belongs to.
pub async fn teams_of(app: &App, user_id: &str) -> Result<Vec<AccountRow>, ApiError> {
    let places = app.store.memberships(user_id).await?;
    let ids: Vec<_> = places.into_iter().filter_map(|place| Some((Kind::Team, place.team_id?))).collect();
    Ok(app.store.accounts(&ids).await?)
}
