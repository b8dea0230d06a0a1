//! `POST /team/update`: other settings for a team. Only the fields that are sent change.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::new::check_soft_budget;
use super::permissions;
use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::required;
use crate::rights::Allowed;
use crate::routes::account::apply;
use crate::routes::schema::read;
use crate::store::Kind;

/// Changes the team that the body names.
pub async fn update(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body)?;
    let team_id = required(&sent, "team_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    permissions::check(&sent)?;
    let team = app
        .store
        .update_account(Kind::Team, team_id, &by, |team| {
            apply(team, &FIELDS, &sent)?;
            check_soft_budget(team, &sent)
        })
        .await?;
    let team = team.ok_or_else(|| ApiError::missing(format!("Team not found, passed team_id={team_id}")))?;
    tracing::info!(team = team_id, "team updated");
    let members = app.store.members(team_id).await?;
    Ok(Json(json!({"team_id": team_id, "data": show(&team, &members)})))
}
