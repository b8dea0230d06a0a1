//! `POST /team/member_update`: changes a member's role and limits in a team. Fields that are not sent stay unchanged, and
//! `null` removes a limit: the team's own setting for its members applies again.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::member;
use super::member_add::DURATION;
use crate::app::App;
use crate::auth::Caller;
use crate::body::Object;
use crate::clock;
use crate::error::{ApiError, check_budget};
use crate::fields::{Field, Kind as Holds, read, required};
use crate::rights::{Operation, Subject};
use crate::routes::account::next_reset;
use crate::store::{AccountRow, Kind};

/// Fields of the body.
pub const FIELDS: [Field; 9] = [
    Field { name: "team_id", kind: Holds::Text },
    Field { name: "user_id", kind: Holds::Text },
    Field { name: "user_email", kind: Holds::Text },
    Field { name: "role", kind: Holds::Choice(&["admin", "user"]) },
    Field { name: "max_budget_in_team", kind: Holds::Number },
    Field { name: "budget_duration", kind: Holds::Text },
    Field { name: "tpm_limit", kind: Holds::Count },
    Field { name: "rpm_limit", kind: Holds::Count },
    Field { name: "allowed_models", kind: Holds::TextList },
];

/// Changes the member.
pub async fn member_update(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let team_id = required(&sent, "team_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let whose = caller.relation_to_team(&app, team_id).await?;
    caller.may(&app, Operation::TeamMemberUpdate, whose, Subject::team(team_id)).await?;
    check_budget("max_budget_in_team", sent.get("max_budget_in_team").and_then(Value::as_f64))?;
    let member = member(&app, team_id, &sent).await?;
    let of_team = app.store.account(Kind::Team, team_id).await?;
    let of_team = of_team.and_then(|team| team.settings.get(DURATION)?.as_str().map(str::to_owned));
    let change = |member: &mut AccountRow| apply(member, &sent, of_team.as_deref());
    let changed = app.store.update_account(Kind::TeamMember, &member.id, &caller.name(), change).await?;
    let changed = changed.ok_or_else(|| ApiError::bad_request("User not found in team"))?;
    tracing::info!(team = team_id, user = changed.user_id, "member updated");
    Ok(Json(json!({
        "team_id": team_id,
        "user_id": changed.user_id,
        "user_email": changed.email,
        "max_budget_in_team": changed.max_budget,
        "budget_duration": changed.budget_duration,
        "tpm_limit": changed.settings.get("tpm_limit"),
        "rpm_limit": changed.settings.get("rpm_limit"),
        "allowed_models": changed.strings("models"),
    })))
}

/// Stores the fields that were sent. `of_team` is the period of the budget that the team sets for its members.
fn apply(member: &mut AccountRow, sent: &Map<String, Value>, of_team: Option<&str>) -> Result<(), ApiError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(role) = sent.get("role").and_then(text) {
        member.role = Some(role);
    }
    if let Some(budget) = sent.get("max_budget_in_team") {
        member.max_budget = budget.as_f64();
    }
    for (field, setting) in
        [("tpm_limit", "tpm_limit"), ("rpm_limit", "rpm_limit"), ("allowed_models", "models")]
    {
        match sent.get(field) {
            Some(Value::Null) => _ = member.settings.remove(setting),
            Some(value) => _ = member.settings.insert(setting.to_owned(), value.clone()),
            None => {}
        }
    }
    let before = member.budget_duration.clone();
    if let Some(duration) = sent.get("budget_duration") {
        member.budget_duration = text(duration);
    }
    if member.max_budget.is_none() && member.budget_duration.is_none() {
        member.budget_duration = of_team.map(str::to_owned);
    }
    if sent.contains_key("budget_duration") || member.budget_duration != before {
        member.budget_reset_at = next_reset(member.budget_duration.as_deref(), clock::now())?;
    }
    Ok(())
}
