//! `POST /team/block`: blocks a team and all its keys.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::not_found;
use super::schema::show;
use crate::app::App;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds, read, required};
use crate::rights::Allowed;
use crate::store::{AccountRow, Kind};

/// Fields of the body.
pub const FIELDS: [Field; 1] = [Field { name: "team_id", kind: Holds::Text }];

/// Blocks the team.
pub async fn block(
    State(app): State<App>,
    Allowed(by): Allowed,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    set_blocked(&app, &by, body, true).await
}

/// Common code of `/team/block` and `/team/unblock`.
pub(super) async fn set_blocked(
    app: &App,
    by: &str,
    body: Map<String, Value>,
    blocked: bool,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let team_id = required(&sent, "team_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let change = |team: &mut AccountRow| {
        team.blocked = Some(blocked);
        Ok::<_, ApiError>(())
    };
    let team = app.store.update_account(Kind::Team, team_id, by, change).await?;
    let team = team.ok_or_else(|| not_found(team_id))?;
    tracing::info!(team = team_id, blocked, "team blocked or unblocked");
    Ok(Json(Value::Object(show(&team, &app.store.members(team_id).await?))))
}
