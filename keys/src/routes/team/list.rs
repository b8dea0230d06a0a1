//! `GET /team/list`: lists teams with their keys and members.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema::{show, show_membership};
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::routes::key::schema::full_row;
use crate::routes::user::info::teams_of;
use crate::store::{KeyFilter, Kind};

/// Lists all teams for callers that may read everything, and for others those that they belong to.
pub async fn list(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    caller.may(&app, Operation::TeamList, Whose::Anything, Subject::default()).await?;
    let asked = query.text("user_id");
    let user = match (asked, caller.views_all()) {
        (asked, true) => asked,
        (Some(user), false) if !caller.is_user(Some(user)) => {
            return Err(ApiError::admin_only("/team/list", caller.role(), caller.user_id()));
        }
        (_, false) => Some(caller.user_id().ok_or_else(ApiError::no_user_id)?),
    };
    let mut teams = match user {
        Some(user) => teams_of(&app, user).await?,
        None => app.store.accounts_of_kind(Kind::Team).await?,
    };
    match query.text("organization_id") {
        Some("default_organization") => teams.retain(|team| team.organization_id.is_none()),
        Some(organization) => teams.retain(|team| team.organization_id.as_deref() == Some(organization)),
        None => {}
    }
    teams.sort_by(|a, b| a.alias.cmp(&b.alias));
    let now = clock::now();
    let mut shown = Vec::new();
    for team in teams {
        let members = app.store.members(&team.id).await?;
        let filter = KeyFilter { team_id: Some(team.id.clone()), ..KeyFilter::default() };
        let mut keys = Vec::new();
        for key in app.store.keys_of(&filter).await? {
            if caller.sees(&app, &key).await? {
                keys.push(full_row(&key, now));
            }
        }
        let mut row = show(&team, &members);
        row.insert("team_memberships".to_owned(), members.iter().map(show_membership).collect());
        row.insert("keys".to_owned(), json!(keys));
        shown.push(row);
    }
    Ok(Json(json!(shown)))
}
