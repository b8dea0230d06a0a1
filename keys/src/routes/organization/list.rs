//! `GET /organization/list`: lists organizations.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use super::info::shown;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use crate::rights::{Operation, Subject, Whose};
use crate::store::Kind;

/// Lists all organizations for callers that may read everything, and for others those that they belong to.
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.may(&app, Operation::OrganizationList, Whose::Anything, Subject::default()).await?;
    let organizations = if caller.views_all() {
        app.store.accounts_of_kind(Kind::Organization).await?
    } else {
        let user = caller.user_id().ok_or_else(ApiError::no_user_id)?;
        let members = app.store.organizations_of(user).await?;
        let ids =
            members.into_iter().filter_map(|member| Some((Kind::Organization, member.organization_id?)));
        app.store.accounts(&ids.collect::<Vec<_>>()).await?
    };
    let mut listed = Vec::new();
    for organization in &organizations {
        listed.push(Value::Object(shown(&app, organization).await?));
    }
    Ok(Json(Value::Array(listed)))
}
