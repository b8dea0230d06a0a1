//! `POST /team/update`: changes a team. Fields that are not sent stay unchanged.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::member_add::DURATION;
use super::new::check_soft_budget;
use super::not_found;
use super::permissions;
use super::schema::{FIELDS, show};
use crate::app::App;
use crate::body::Object;
use crate::clock;
use crate::error::ApiError;
use crate::fields::required;
use crate::rights::Allowed;
use crate::routes::account::{apply, next_reset};
use crate::routes::schema::read;
use crate::store::{AccountRow, Kind};

/// Updates the team.
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
    let team = team.ok_or_else(|| not_found(team_id))?;
    tracing::info!(team = team_id, "team updated");
    if let Some(duration) = sent.get(DURATION) {
        members_start_again(&app, team_id, duration.as_str(), &by).await?;
    }
    let members = app.store.members(team_id).await?;
    Ok(Json(json!({"team_id": team_id, "data": show(&team, &members)})))
}

/// Members without their own budget have the team's member budget, and so its period.
async fn members_start_again(
    app: &App,
    team_id: &str,
    duration: Option<&str>,
    by: &str,
) -> Result<(), ApiError> {
    let reset_at = next_reset(duration, clock::now())?;
    for member in app.store.members(team_id).await?.iter().filter(|member| member.max_budget.is_none()) {
        let change = |member: &mut AccountRow| {
            member.budget_duration = duration.map(str::to_owned);
            member.budget_reset_at = reset_at;
            Ok::<_, ApiError>(())
        };
        app.store.update_account(Kind::TeamMember, &member.id, by, change).await?;
    }
    Ok(())
}
