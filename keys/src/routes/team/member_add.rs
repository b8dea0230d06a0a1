//! `POST /team/member_add`: adds members to a team.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::existing;
use super::schema::{show, show_membership};
use crate::app::App;
use crate::auth::{ADMIN_USER_ID, Caller};
use crate::body::Object;
use crate::error::{ApiError, Complaint, check_budget};
use crate::fields::{Field, Kind as Holds, read, required, texts};
use crate::rights::{Operation, Subject};
use crate::routes::account::{apply, next_reset};
use crate::routes::user::schema::{FIELDS as USER, show as show_user};
use crate::store::{AccountRow, Kind};
use crate::token::random_id;
use crate::{clock, fields};

/// Fields of the body.
pub const FIELDS: [Field; 5] = [
    Field { name: "team_id", kind: Holds::Text },
    Field { name: "member", kind: Holds::Any },
    Field { name: "max_budget_in_team", kind: Holds::Number },
    Field { name: "budget_duration", kind: Holds::Text },
    Field { name: "allowed_models", kind: Holds::TextList },
];

const MEMBER: [Field; 3] = [
    Field { name: "user_id", kind: Holds::Text },
    Field { name: "user_email", kind: Holds::Text },
    Field { name: "role", kind: Holds::Choice(&["admin", "user"]) },
];

/// The budget period that a team sets for its members.
pub const DURATION: &str = "team_member_budget_duration";

/// A new member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewMember {
    /// The user's id; created if it does not exist.
    pub user_id: String,
    /// The user's e-mail address.
    pub user_email: Option<String>,
    /// Whether it administers the team.
    pub admin: bool,
    /// The member's budget in the team, USD.
    pub max_budget: Option<f64>,
    /// The period of that budget.
    pub budget_duration: Option<String>,
    /// Models that the member may use in the team.
    pub models: Vec<String>,
}

/// Adds one or several members.
pub async fn member_add(
    State(app): State<App>,
    caller: Caller,
    Object(body): Object,
) -> Result<Json<Value>, ApiError> {
    let sent = read(&FIELDS, body).map_err(|complaints| ApiError::invalid_body(&complaints))?;
    let team_id = required(&sent, "team_id").map_err(|complaint| ApiError::invalid_body(&[complaint]))?;
    let Some(list) = sent.get("member") else {
        return Err(ApiError::invalid_body(&[complaint(&["member"], "missing", "Field required")]));
    };
    let whose = caller.relation_to_team(&app, team_id).await?;
    caller.may(&app, Operation::TeamMemberAdd, whose, Subject::team(team_id)).await?;
    let team = existing(&app, team_id).await?;
    let max_budget = sent.get("max_budget_in_team").and_then(Value::as_f64);
    check_budget("max_budget_in_team", max_budget)?;
    let budget_duration = sent.get("budget_duration").and_then(Value::as_str).map(str::to_owned);
    next_reset(budget_duration.as_deref(), clock::now())?;

    let mut added = Vec::new();
    for member in members(&app, list, "member").await? {
        let budget_duration = budget_duration.clone();
        let models = texts(&sent, "allowed_models");
        let member = NewMember { max_budget, budget_duration, models, ..member };
        added.push(add(&app, team_id, &member, &caller.name()).await?);
    }
    let ids: Vec<_> = added.iter().filter_map(|member| Some((Kind::User, member.user_id.clone()?))).collect();
    let users: Vec<_> =
        app.store.accounts(&ids).await?.iter().map(|user| show_user(user, &[team_id.to_owned()])).collect();
    let mut shown = show(&team, &app.store.members(team_id).await?);
    shown.insert("updated_users".to_owned(), json!(users));
    shown.insert("updated_team_memberships".to_owned(), added.iter().map(show_membership).collect());
    Ok(Json(Value::Object(shown)))
}

/// Parses a member or a list of members. A member with only an address is the user with that address, or a
/// new user.
pub async fn members(app: &App, list: &Value, field: &str) -> Result<Vec<NewMember>, ApiError> {
    let items = match list {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let mut members = Vec::new();
    for item in items {
        let Value::Object(item) = item else {
            let msg = "Input should be a valid dictionary";
            return Err(ApiError::invalid_body(&[complaint(&[field], "dict_type", msg)]));
        };
        let read = fields::read(&MEMBER, item).map_err(|complaints| ApiError::invalid_body(&complaints))?;
        let text = |name: &str| {
            let text = read.get(name).and_then(Value::as_str).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let Some(role) = text("role") else {
            return Err(ApiError::invalid_body(&[complaint(&[field, "role"], "missing", "Field required")]));
        };
        let user_email = text("user_email");
        let user_id = match (text("user_id"), &user_email) {
            (Some(id), _) => id,
            (None, Some(email)) => {
                app.store.user_by_email(email).await?.map_or_else(random_id, |user| user.id)
            }
            (None, None) => {
                let msg = "Value error, Either user id or user email must be provided";
                return Err(ApiError::invalid_body(&[complaint(&[field], "value_error", msg)]));
            }
        };
        members.push(NewMember { user_id, user_email, admin: role == "admin", ..NewMember::default() });
    }
    Ok(members)
}

/// Adds a member; creates the user if it does not exist.
pub async fn add(app: &App, team_id: &str, new: &NewMember, by: &str) -> Result<AccountRow, ApiError> {
    let mut user =
        AccountRow { email: new.user_email.clone(), ..AccountRow::new(Kind::User, &new.user_id, by) };
    let mut of_user = Map::new();
    app.defaults.complete_user(&mut of_user);
    apply(&mut user, &USER, &of_user)?;
    // The holder of the master key is a user without a row.
    if new.user_id != ADMIN_USER_ID {
        app.store.insert_account(&user).await?;
    }
    let mut member = AccountRow::member(team_id, &new.user_id, by);
    member.email.clone_from(&new.user_email);
    member.max_budget = new.max_budget;
    member.budget_duration.clone_from(&new.budget_duration);
    if new.max_budget.is_none() && new.budget_duration.is_none() {
        // A budget that the team sets for its members has the period that the team sets.
        let team = app.store.account(Kind::Team, team_id).await?;
        let duration = team.and_then(|team| team.settings.get(DURATION)?.as_str().map(str::to_owned));
        member.budget_duration = duration;
    }
    member.budget_reset_at = next_reset(member.budget_duration.as_deref(), clock::now())?;
    member.role = Some(if new.admin { "admin" } else { "user" }.to_owned());
    if !new.models.is_empty() {
        member.settings.insert("models".to_owned(), json!(new.models));
    }
    if app.store.insert_account(&member).await? {
        tracing::info!(team = team_id, user = new.user_id, "member added");
        return Ok(member);
    }
    Err(ApiError::already_member(&new.user_id))
}

fn complaint(place: &[&str], kind: &'static str, msg: &str) -> Complaint {
    let loc = core::iter::once(&"body").chain(place).map(|part| json!(part)).collect();
    Complaint { kind, loc, msg: msg.to_owned() }
}
