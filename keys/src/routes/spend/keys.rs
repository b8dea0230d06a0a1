//! `GET /spend/keys`: keys, those with the highest spend first. Users see their own.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::rights::{Operation, Subject, Whose};
use crate::routes::key::schema;
use crate::store::{KeyFilter, Order};
use crate::usage::Sight;

/// Keys in a response.
const MOST: u64 = 1_000;

/// The keys.
pub async fn keys(State(app): State<App>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.may(&app, Operation::SpendKeys, Whose::Anything, Subject::default()).await?;
    let mut filter = KeyFilter::default();
    match Sight::of(&caller) {
        Sight::All => {}
        Sight::User(user) => filter.user_id = Some(user),
        Sight::Key(token) => filter.token = Some(token),
    }
    let order = Order { column: "spend", descending: true };
    let page = app.store.key_page(&filter, order, 1, MOST).await?;
    let now = clock::now();
    Ok(Json(page.keys.iter().map(|key| Value::Object(schema::full_row(key, now))).collect()))
}
