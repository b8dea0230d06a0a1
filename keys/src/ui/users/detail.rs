//! `GET /ui/users/{user}`: a user, for those whom `/user/info` answers.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::super::form::segment;
use super::super::page::{Frame, answer, html};
use super::super::show::{Moment, count, usd};
use super::super::spent::{Budget, limits, metadata};
use super::super::visit::Visit;
use super::SECTION;
use crate::auth::Role;
use crate::error::ApiError;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{AccountRow, Kind};

#[derive(Template)]
#[template(path = "users/detail.html")]
struct Detail {
    frame: Frame,
    href: String,
    name: String,
    user: AccountRow,
    role: String,
    spend: String,
    total_spend: String,
    budget: Option<Budget>,
    models: Vec<String>,
    limits: Vec<(&'static str, String)>,
    metadata: Option<String>,
    created: Moment,
    keys: String,
    teams: Vec<Place>,
    may_edit: bool,
    may_delete: bool,
}

struct Place {
    href: String,
    team: String,
    role: String,
    spend: String,
    budget: Option<Budget>,
}

impl Place {
    fn of(member: &AccountRow) -> Self {
        let team = member.team_id.clone().unwrap_or_default();
        Self {
            href: format!("/ui/teams/{}", segment(&team)),
            team,
            role: member.role.clone().unwrap_or_else(|| "user".to_owned()),
            spend: usd(member.spend.usd()),
            budget: Budget::of(member),
        }
    }
}

/// The user, if the caller may see it.
pub(super) async fn read(visit: &Visit, id: &str) -> Result<AccountRow, ApiError> {
    let caller = visit.calling(Operation::UserInfo)?;
    let whose = if caller.is_user(Some(id)) { Whose::OwnUser } else { Whose::OtherUser };
    caller.may(&visit.app, Operation::UserInfo, whose, Subject::user(id)).await?;
    visit.app.store.account(Kind::User, id).await?.ok_or_else(|| ApiError::no_such_user(id))
}

/// The name of a user for people.
pub(super) fn name_of(user: &AccountRow) -> &str {
    user.alias.as_deref().filter(|alias| !alias.is_empty()).unwrap_or(&user.id)
}

pub(in super::super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    let user = read(visit, id).await?;
    let store = &visit.app.store;
    let keys = store.keys_by_owner(Kind::User, &[id.to_owned()]).await?;
    Ok(html(&Detail {
        frame: Frame::of(visit, SECTION),
        href: format!("/ui/users/{}", segment(id)),
        name: name_of(&user).to_owned(),
        role: Role::of(&user).to_string().replace('_', " "),
        spend: usd(user.spend.usd()),
        total_spend: usd(user.total_spend.usd()),
        budget: Budget::of(&user),
        models: user.strings("models"),
        limits: limits(&user.settings),
        metadata: metadata(&user.settings),
        created: Moment::of(user.created_at),
        keys: count(keys.first().map_or(0, |(_, keys)| *keys)),
        teams: store.memberships(id).await?.iter().map(Place::of).collect(),
        may_edit: visit.might(Operation::UserUpdate),
        may_delete: visit.might(Operation::UserDelete),
        user,
    }))
}
