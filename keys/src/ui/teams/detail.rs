//! `GET /ui/teams/{team}`: a team and its members, for those whom `/team/info` answers.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::super::form::segment;
use super::super::page::{Frame, answer, html};
use super::super::show::{Moment, count, usd};
use super::super::spent::{Budget, limits, metadata};
use super::super::visit::Visit;
use super::SECTION;
use crate::error::ApiError;
use crate::rights::{Operation, Subject, Whose, team_member_permissions};
use crate::store::{AccountRow, Kind};

/// Members that are shown at most.
const MOST_MEMBERS: usize = 500;

#[derive(Template)]
#[template(path = "teams/detail.html")]
struct Detail {
    frame: Frame,
    href: String,
    name: String,
    team: AccountRow,
    is_blocked: bool,
    spend: String,
    total_spend: String,
    budget: Option<Budget>,
    models: Vec<String>,
    limits: Vec<(&'static str, String)>,
    of_members: Option<String>,
    permissions: Vec<String>,
    metadata: Option<String>,
    created: Moment,
    keys: String,
    members: Vec<Member>,
    hidden: usize,
    can: Can,
}

struct Member {
    user: String,
    email: Option<String>,
    /// Query of the links to its pages.
    query: String,
    role: String,
    spend: String,
    budget: Option<Budget>,
    models: Vec<String>,
}

struct Can {
    edit: bool,
    block: bool,
    unblock: bool,
    delete: bool,
    add: bool,
    change: bool,
    remove: bool,
}

impl Member {
    fn of(member: &AccountRow) -> Self {
        let user = member.user_id.clone().unwrap_or_default();
        Self {
            email: member.email.clone().filter(|email| *email != user),
            query: form_urlencoded::Serializer::new(String::new()).append_pair("user", &user).finish(),
            role: member.role.clone().unwrap_or_else(|| "user".to_owned()),
            spend: usd(member.spend.usd()),
            budget: Budget::of(member),
            models: member.strings("models"),
            user,
        }
    }
}

/// The team, if the caller may see it, and the caller's relation to it.
pub(super) async fn read(visit: &Visit, id: &str) -> Result<(AccountRow, Whose), ApiError> {
    let caller = visit.calling(Operation::TeamInfo)?;
    let team = visit.app.store.account(Kind::Team, id).await?;
    let team = team.ok_or_else(|| ApiError::missing(format!("There is no team {id}.")))?;
    let whose = caller.relation_to_team(&visit.app, id).await?;
    caller.may(&visit.app, Operation::TeamInfo, whose, Subject::team(id)).await?;
    Ok((team, whose))
}

/// The name of a team for people.
pub(super) fn name_of(team: &AccountRow) -> &str {
    team.alias.as_deref().filter(|alias| !alias.is_empty()).unwrap_or(&team.id)
}

pub(in super::super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    let (team, whose) = read(visit, id).await?;
    let may = async |operation: Operation| {
        let Ok(caller) = visit.calling(operation) else { return false };
        caller.may(&visit.app, operation, whose, Subject::team(id)).await.is_ok()
    };
    let is_blocked = team.blocked == Some(true);
    let can = Can {
        edit: visit.might(Operation::TeamUpdate),
        block: !is_blocked && visit.might(Operation::TeamBlock),
        unblock: is_blocked && visit.might(Operation::TeamUnblock),
        delete: visit.might(Operation::TeamDelete),
        add: may(Operation::TeamMemberAdd).await,
        change: may(Operation::TeamMemberUpdate).await,
        remove: may(Operation::TeamMemberDelete).await,
    };
    let members = visit.app.store.members(id).await?;
    let keys = visit.app.store.keys_by_owner(Kind::Team, &[id.to_owned()]).await?;
    let setting = |name: &str| team.settings.get(name).filter(|value| !value.is_null());
    let of_members = setting("team_member_budget").and_then(serde_json::Value::as_f64).map(|budget| {
        let period = setting("team_member_budget_duration").and_then(serde_json::Value::as_str);
        period.map_or_else(|| usd(budget), |period| format!("{} every {period}", usd(budget)))
    });
    Ok(html(&Detail {
        frame: Frame::of(visit, SECTION),
        href: format!("/ui/teams/{}", segment(id)),
        name: name_of(&team).to_owned(),
        is_blocked,
        spend: usd(team.spend.usd()),
        total_spend: usd(team.total_spend.usd()),
        budget: Budget::of(&team),
        models: team.strings("models"),
        limits: limits(&team.settings),
        of_members,
        permissions: team_member_permissions(&team),
        metadata: metadata(&team.settings),
        created: Moment::of(team.created_at),
        keys: count(keys.first().map_or(0, |(_, keys)| *keys)),
        hidden: members.len().saturating_sub(MOST_MEMBERS),
        members: members.iter().take(MOST_MEMBERS).map(Member::of).collect(),
        can,
        team,
    }))
}
