//! `GET /team/permissions_list` and `POST /team/permissions_update`: the paths that ordinary members of a
//! team may call for the team's keys.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::schema::show;
use super::{asked, existing, not_found};
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::{ApiError, Complaint};
use crate::fields::{Field, Kind as Holds, read, required, texts};
use crate::query::Query;
use crate::rights::{Operation, Subject, team_member_permissions};
use crate::store::{AccountRow, Kind};

/// Fields of the body.
pub const FIELDS: [Field; 2] = [
    Field { name: "team_id", kind: Holds::Text },
    Field { name: "team_member_permissions", kind: Holds::TextList },
];

/// All valid permissions. `LiteLLM` accepts more paths, but does not let members call them.
pub const PERMISSIONS: [&str; 9] = [
    "/key/generate",
    "/key/update",
    "/key/delete",
    "/key/info",
    "/key/regenerate",
    "/key/{key_id}/regenerate",
    "/key/list",
    "/key/aliases",
    "/key/health",
];

/// Returns the members' permissions, and all valid ones.
pub async fn list(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let team_id = asked(&query)?;
    let whose = caller.relation_to_team(&app, team_id).await?;
    caller.may(&app, Operation::TeamPermissionsList, whose, Subject::team(team_id)).await?;
    let team = existing(&app, team_id).await?;
    Ok(Json(json!({
        "team_id": team_id,
        "team_member_permissions": team_member_permissions(&team),
        "all_available_permissions": PERMISSIONS,
    })))
}

/// Sets the members' permissions.
pub async fn update(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let team_id = required(&sent, "team_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let whose = caller.relation_to_team(&app, team_id).await?;
    caller.may(&app, Operation::TeamPermissionsUpdate, whose, Subject::team(team_id)).await?;
    if !sent.contains_key("team_member_permissions") {
        return Err(ApiError::invalid_body(&[Complaint {
            kind: "missing",
            loc: vec![json!("body"), json!("team_member_permissions")],
            msg: "Field required".to_owned(),
        }]));
    }
    check(&sent)?;
    let permissions = sent.get("team_member_permissions").cloned().unwrap_or_default();
    let change = |team: &mut AccountRow| {
        team.settings.insert("team_member_permissions".to_owned(), permissions);
        Ok::<_, ApiError>(())
    };
    let team = app.store.update_account(Kind::Team, team_id, &caller.name(), change).await?;
    let team = team.ok_or_else(|| not_found(team_id))?;
    tracing::info!(team = team_id, "permissions of members updated");
    Ok(Json(Value::Object(show(&team, &app.store.members(team_id).await?))))
}

/// Rejects permissions that would have no effect.
pub fn check(sent: &Map<String, Value>) -> Result<(), ApiError> {
    let permissions = texts(sent, "team_member_permissions");
    match permissions.iter().find(|path| !PERMISSIONS.contains(&path.as_str())) {
        Some(path) => Err(ApiError::invalid_field(
            "team_member_permissions",
            &format!("Invalid permission '{path}'. Must be one of: {}", PERMISSIONS.join(", ")),
        )),
        None => Ok(()),
    }
}
