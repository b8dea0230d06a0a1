//! `PATCH /organization/member_update`: changes a member's role.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::member;
use super::schema::{MEMBER, show_member};
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::ApiError;
use crate::fields::{read, required};
use crate::rights::{Operation, Subject};
use crate::store::{AccountRow, Kind};

/// Changes the member.
pub async fn member_update(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&MEMBER, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let id = required(&sent, "organization_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let whose = caller.relation_to_organization(&app, id).await?;
    caller.may(&app, Operation::OrganizationMemberUpdate, whose, Subject::organization(id)).await?;
    let known = member(&app, id, &sent).await?;
    let role = sent.get("role").and_then(Value::as_str).map(str::to_owned);
    let change = |member: &mut AccountRow| {
        if role.is_some() {
            member.role = role;
        }
        Ok::<_, ApiError>(())
    };
    let changed =
        app.store.update_account(Kind::OrganizationMember, &known.id, &caller.name(), change).await?;
    tracing::info!(organization = id, user = known.user_id, "organization member updated");
    Ok(Json(show_member(&changed.unwrap_or(known))))
}
