//! `POST /user/update`: changes a user. Fields that are not sent stay unchanged; a user that does not exist
//! is created.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::{ApiError, Complaint};
use crate::rights::Allowed;
use crate::routes::account::apply;
use crate::routes::schema::{read, says_something};
use crate::store::{AccountRow, Kind};
use crate::token::random_id;

/// Fields for the key and the memberships that are created with a user.
const ONLY_NEW: [&str; 7] = ["teams", "team_id", "key_alias", "duration", "aliases", "blocked", "tags"];

/// Updates the user named by `user_id`, or otherwise by `user_email`.
pub async fn update(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    if let Some(field) = ONLY_NEW.iter().find(|field| sent.get(**field).is_some_and(says_something)) {
        let message = format!("{field} is supported only by /user/new. Omit it.");
        return Err(ApiError::invalid_field(field, &message));
    }
    let text = |name: &str| sent.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let user_id = match (text("user_id"), text("user_email")) {
        (Some(id), _) => id.to_owned(),
        (None, Some(email)) => app.store.user_by_email(email).await?.map_or_else(random_id, |user| user.id),
        (None, None) => {
            return Err(ApiError::invalid_body(&[Complaint {
                kind: "value_error",
                loc: vec![json!("body")],
                msg: "Value error, Either user id or user email must be provided".to_owned(),
            }]));
        }
    };
    if let Some(email) = text("user_email")
        && let Some(known) = app.store.user_by_email(email).await?
        && known.id != user_id
    {
        return Err(ApiError::conflict(format!("User with email {email} already exists")));
    }
    let user = change_or_make(&app, &user_id, &by, &sent).await?;
    tracing::info!(user = user_id, "user updated");
    let teams: Vec<_> =
        app.store.memberships(&user_id).await?.into_iter().filter_map(|place| place.team_id).collect();
    Ok(Json(json!({"user_id": user_id, "data": show(&user, &teams)})))
}

async fn change_or_make(
    app: &App,
    user_id: &str,
    by: &str,
    sent: &Map<String, Value>,
) -> Result<AccountRow, ApiError> {
    let change = |user: &mut AccountRow| apply(user, &FIELDS, sent);
    if let Some(user) = app.store.update_account(Kind::User, user_id, by, change).await? {
        return Ok(user);
    }
    let mut user = AccountRow::new(Kind::User, user_id, by);
    change(&mut user)?;
    if app.store.insert_account(&user).await? {
        return Ok(user);
    }
    // It was created concurrently.
    let changed = app.store.update_account(Kind::User, user_id, by, change).await?;
    changed.ok_or_else(|| ApiError::no_such_user(user_id))
}
