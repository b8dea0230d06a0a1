//! `GET /key/info?key=`: returns a key; without `key`, the caller's own.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::schema;
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;
use crate::store::KeyRow;
use crate::token::identified;

/// Returns a key to administrators, to its user, and to the members of its team.
pub async fn info(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let asked = query.owned("key");
    let (named, key) = match (asked, &caller) {
        (Some(named), _) => {
            let key = app.store.key(identified(&named)).await?.ok_or_else(ApiError::key_not_in_database)?;
            (named, key)
        }
        (None, Caller::Key { key: own, .. }) => (own.token.to_string(), (**own).clone()),
        // The master key is not in the database.
        (None, Caller::Admin) => return Err(ApiError::key_not_in_database()),
    };
    caller.may_with_key(&app, Operation::KeyInfo, &key).await?;
    let mut info = schema::info(&key, clock::now());
    show_windows(&app, &key, &mut info).await?;
    Ok(Json(json!({"key": named, "info": info})))
}

/// Adds the reset time and the spend of each window of `budget_limits`.
async fn show_windows(app: &App, key: &KeyRow, info: &mut Map<String, Value>) -> Result<(), ApiError> {
    let Some(Value::Array(limits)) = info.get_mut("budget_limits") else { return Ok(()) };
    let mut usage = Map::new();
    for (duration, spend, reset_at) in app.store.key_windows(key.token).await? {
        let mut same =
            limits.iter_mut().filter(|limit| limit.get("budget_duration") == Some(&json!(duration)));
        if let Some(Value::Object(limit)) = same.next() {
            limit.insert("reset_at".to_owned(), json!(reset_at.map(clock::iso)));
        }
        usage.insert(duration, json!({"current_spend": spend}));
    }
    info.insert("budget_limits_usage".to_owned(), Value::Object(usage));
    Ok(())
}
