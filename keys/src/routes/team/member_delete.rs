//! `POST /team/member_delete`: removes a member from a team, and deletes its keys in the team.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::schema::show;
use super::{existing, member};
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{Field, Kind as Holds, read, required};
use crate::rights::{Operation, Subject};
use crate::store::Kind;

/// Fields of the body.
pub const FIELDS: [Field; 3] = [
    Field { name: "team_id", kind: Holds::Text },
    Field { name: "user_id", kind: Holds::Text },
    Field { name: "user_email", kind: Holds::Text },
];

/// Removes the member. Returns the team.
pub async fn member_delete(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let team_id = required(&sent, "team_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let whose = caller.relation_to_team(&app, team_id).await?;
    caller.may(&app, Operation::TeamMemberDelete, whose, Subject::team(team_id)).await?;
    let member = member(&app, team_id, &sent).await?;
    app.store.delete_accounts(Kind::TeamMember, std::slice::from_ref(&member.id)).await?;
    tracing::info!(team = team_id, user = member.user_id, "member removed");
    let team = existing(&app, team_id).await?;
    Ok(Json(Value::Object(show(&team, &app.store.members(team_id).await?))))
}
