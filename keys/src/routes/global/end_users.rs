//! `POST /global/spend/end_users` and `GET /global/all_end_users`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::tags;
use crate::app::App;
use crate::body::OptionalObject;
use crate::error::ApiError;
use crate::fields::{Field, Kind, read};
use crate::rights::Allowed;
use crate::store::{By, Scope};
use crate::token::identified;
use crate::usage::Days;

/// Fields of the body.
pub const FIELDS: [Field; 3] = [
    Field { name: "startTime", kind: Kind::Text },
    Field { name: "endTime", kind: Kind::Text },
    Field { name: "api_key", kind: Kind::Text },
];

/// End users in a response, as in `LiteLLM`.
const MOST: u32 = 100;

/// The end users with the highest spend, in whole days. The default is the last 30 days.
pub async fn spend(
    State(app): State<App>,
    _: Allowed,
    OptionalObject(body): OptionalObject,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let text = |name: &str| sent.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let recent = Days::recent();
    let from = text("startTime").map(|start| Days::between(start, start)).transpose()?;
    let before = text("endTime").map(|end| Days::between(end, end)).transpose()?;
    let days = Days {
        from: from.map_or(recent.from, |days| days.from),
        before: before.map_or(recent.before, |days| days.before),
    };
    let mut asked = days.query(Scope::EndUser).by(&[By::Name]).limit(MOST);
    if let Some(key) = text("api_key") {
        asked = asked.only(By::Token, vec![identified(key).to_string()]);
    }
    let rows = app.store.usage(&asked).await?;
    let shown = rows.iter().map(|row| {
        json!({
            "end_user": row.of.first(),
            "total_count": row.sums.requests,
            "total_spend": row.sums.usd(),
        })
    });
    Ok(Json(shown.collect()))
}

/// The names of end users.
pub async fn names(State(app): State<App>, _: Allowed) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "end_users": app.store.usage_names(Scope::EndUser, tags::MOST).await? })))
}
