//! `GET /spend/users`: users, those with the highest spend first. Users see themselves.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::routes::user::schema::show;
use crate::store::AccountFilter;

/// Users in a response: the newest ones.
const MOST: u64 = 10_000;

/// The users, or the one of `user_id`.
pub async fn users(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    caller.may(&app, Operation::SpendUsers, Whose::Anything, Subject::default()).await?;
    let mut filter = AccountFilter { ids: query.texts("user_id"), ..AccountFilter::default() };
    if !caller.views_all() {
        filter.ids = vec![caller.user_id().unwrap_or_default().to_owned()];
    }
    let (mut users, _) = app.store.user_page(&filter, 1, MOST).await?;
    users.sort_by_key(|user| core::cmp::Reverse(user.spend));
    Ok(Json(users.iter().map(|user| Value::Object(show(user, &[]))).collect()))
}
