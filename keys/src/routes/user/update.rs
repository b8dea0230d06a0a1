//! `POST /user/update`: other settings for a user. Only the fields that are sent change.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::schema::{FIELDS, show};
use crate::app::App;
use crate::auth::Admin;
use crate::body::Object;
use crate::error::{ApiError, Complaint};
use crate::routes::account::apply;
use crate::routes::schema::read;
use crate::store::Kind;

/// Changes the user that the body names by `user_id`, or else by `user_email`.
pub async fn update(
    State(app): State<App>,
    Admin(by): Admin,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    let text = |name: &str| sent.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let user_id = match (text("user_id"), text("user_email")) {
        (Some(id), _) => id.to_owned(),
        (None, Some(email)) => {
            let user = app.store.user_by_email(email).await?;
            user.ok_or_else(|| ApiError::no_such_user(email))?.id
        }
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
    let user =
        app.store.update_account(Kind::User, &user_id, &by, |user| apply(user, &FIELDS, &sent)).await?;
    let user = user.ok_or_else(|| ApiError::no_such_user(&user_id))?;
    tracing::info!(user = user_id, "user updated");
    let teams: Vec<_> =
        app.store.memberships(&user_id).await?.into_iter().filter_map(|place| place.team_id).collect();
    Ok(Json(json!({"user_id": user_id, "data": show(&user, &teams)})))
}
