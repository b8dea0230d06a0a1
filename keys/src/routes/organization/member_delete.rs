//! `DELETE /organization/member_delete`: removes a member from an organization. Its user and keys stay.

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
use crate::store::Kind;

/// Removes the member, and returns it.
pub async fn member_delete(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&MEMBER, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let id = required(&sent, "organization_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let whose = caller.relation_to_organization(&app, id).await?;
    caller.may(&app, Operation::OrganizationMemberDelete, whose, Subject::organization(id)).await?;
    let member = member(&app, id, &sent).await?;
    app.store.delete_accounts(Kind::OrganizationMember, std::slice::from_ref(&member.id)).await?;
    tracing::info!(organization = id, user = member.user_id, "organization member removed");
    Ok(Json(show_member(&member)))
}
