//! `GET /organization/info?organization_id=`: returns an organization, its members and its teams.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::existing;
use super::schema::{show, show_member};
use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, Complaint};
use crate::query::Query;
use crate::rights::{Operation, Subject};
use crate::routes::shared_budget;
use crate::routes::team::schema::show as show_team;
use crate::store::AccountRow;

/// Returns an organization to its members and to callers that may read everything.
pub async fn info(State(app): State<App>, caller: Caller, query: Query) -> Result<Json<Value>, ApiError> {
    let id = query.text("organization_id").ok_or_else(|| {
        ApiError::invalid_body(&[Complaint {
            kind: "missing",
            loc: vec![json!("query"), json!("organization_id")],
            msg: "Field required".to_owned(),
        }])
    })?;
    let whose = caller.relation_to_organization(&app, id).await?;
    caller.may(&app, Operation::OrganizationInfo, whose, Subject::organization(id)).await?;
    Ok(Json(Value::Object(shown(&app, &existing(&app, id).await?).await?)))
}

/// An organization with its members and teams.
pub(super) async fn shown(app: &App, organization: &AccountRow) -> Result<Map<String, Value>, ApiError> {
    let budget = shared_budget::of(app, organization).await?;
    let mut shown = show(organization, budget.as_ref());
    let members = app.store.organization_members(&organization.id).await?;
    let mut teams = Vec::new();
    for team in app.store.teams_of_organization(&organization.id).await? {
        teams.push(show_team(&team, &app.store.members(&team.id).await?));
    }
    shown.insert("members".to_owned(), members.iter().map(show_member).collect());
    shown.insert("teams".to_owned(), json!(teams));
    Ok(shown)
}
