//! `GET /user/daily/activity`: of all users, or of one. Users see their own.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::activity::{self, Activity, Paging};
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::store::Scope;
use crate::usage::Sight;

/// A page of days.
pub async fn pages(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    show(&app, &caller, &query, Paging::of(&query)?).await
}

/// All days.
pub async fn aggregated(
    State(app): State<App>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, ApiError> {
    show(&app, &caller, &query, Paging::whole()).await
}

async fn show(app: &App, caller: &Caller, query: &Query, paging: Paging) -> Result<Json<Value>, ApiError> {
    let asked = query.text("user_id");
    let sight = Sight::of(caller);
    let whose = match (&sight, asked) {
        // A key without a user sees itself.
        (Sight::Key(_), None) => Whose::Itself,
        (_, Some(_)) if !caller.is_user(asked) => Whose::OtherUser,
        _ => Whose::OwnUser,
    };
    let subject = asked.map_or_else(Subject::default, Subject::user);
    caller.may(app, Operation::UserDailyActivity, whose, subject).await?;
    let sight = match (sight, asked) {
        (Sight::All, Some(user)) => Sight::User(user.to_owned()),
        (sight, _) => sight,
    };
    let activity = Activity::of(query, Scope::User, sight)?;
    activity::show(app, activity, paging).await.map(Json)
}
