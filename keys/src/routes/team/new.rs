//! `POST /team/new`: creates a team.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};

use super::member_add::{NewMember, add, members};
use super::permissions;
use super::schema::{FIELDS, show};
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::{Operation, Subject, Whose};
use crate::routes::account::apply;
use crate::routes::schema::read;
use crate::store::{AccountRow, Kind};
use crate::token::random_id;

/// Creates a team with its first members.
pub async fn new(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let mut sent = read(&FIELDS, body)?;
    let organization = sent.get("organization_id").and_then(Value::as_str).unwrap_or_default();
    let whose = match caller.relation_to_organization(&app, organization).await? {
        Whose::LedOrganization => Whose::LedOrganization,
        _ => Whose::Anything,
    };
    caller.may(&app, Operation::TeamNew, whose, Subject::default()).await?;
    let by = caller.name();
    app.defaults.complete_team(&mut sent);
    let team_id = sent.get("team_id").and_then(Value::as_str).map(str::trim).filter(|id| !id.is_empty());
    let team_id = team_id.map_or_else(random_id, str::to_owned);
    let mut first = match sent.get("members_with_roles") {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => members(&app, list, "members_with_roles").await?,
    };
    // The creator of a team administers it.
    if let Some(user) = caller.user_id()
        && first.iter().all(|member| member.user_id != user)
    {
        first.push(NewMember { user_id: user.to_owned(), admin: true, ..NewMember::default() });
    }
    permissions::check(&sent)?;
    let mut team = AccountRow::new(Kind::Team, &team_id, &by);
    team.blocked = Some(false);
    apply(&mut team, &FIELDS, &sent)?;
    check_soft_budget(&team, &sent)?;
    if !app.store.insert_account(&team).await? {
        return Err(ApiError::bad_request(format!(
            "Team id = {team_id} already exists. Please use a different team id."
        )));
    }
    for member in &first {
        add(&app, &team_id, member, &by).await?;
    }
    tracing::info!(team = team_id, "team created");
    Ok(Json(Value::Object(show(&team, &app.store.members(&team_id).await?))))
}

/// A soft budget above the hard one would never warn.
pub(super) fn check_soft_budget(team: &AccountRow, sent: &Map<String, Value>) -> Result<(), ApiError> {
    if !sent.contains_key("soft_budget") && !sent.contains_key("max_budget") {
        return Ok(());
    }
    let soft = team.settings.get("soft_budget").and_then(Value::as_f64);
    match (soft, team.max_budget) {
        (Some(soft), Some(most)) if soft >= most => Err(ApiError::bad_request(format!(
            "soft_budget ({soft:?}) must be strictly lower than max_budget ({most:?})"
        ))),
        _ => Ok(()),
    }
}
