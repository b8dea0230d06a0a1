//! `GET /ui/users`: users with what they spend, for those whom `/user/list` answers.

use askama::Template;
use axum::response::Response;

use super::super::directory::{Asked, Column, Head, by_id};
use super::super::form::segment;
use super::super::page::{Frame, answer, html};
use super::super::show::{count, usd};
use super::super::spent::Budget;
use super::super::visit::Visit;
use super::SECTION;
use crate::auth::Role;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;
use crate::store::{AccountRow, Kind, Listing, Sort};

const HEADS: [Head; 6] = [
    ("User", Some(Sort::Name), false),
    ("Role", None, false),
    ("Teams", None, false),
    ("Keys", None, true),
    ("Spend", Some(Sort::Spend), true),
    ("Budget", Some(Sort::Budget), true),
];

#[derive(Template)]
#[template(path = "users/list.html")]
struct List {
    frame: Frame,
    asked: Asked,
    columns: Vec<Column>,
    roles: &'static [&'static str],
    users: Vec<User>,
    total: String,
    is_one: bool,
    first: Option<String>,
    next: Option<String>,
    may_create: bool,
    may_act: bool,
}

struct User {
    id: String,
    href: String,
    name: String,
    /// Further names.
    more: Vec<String>,
    role: String,
    teams: Vec<Team>,
    keys: String,
    spend: String,
    budget: Option<Budget>,
}

struct Team {
    href: String,
    name: String,
}

impl User {
    fn of(user: &AccountRow, keys: i64, teams: Vec<Team>) -> Self {
        let alias = user.alias.clone().filter(|alias| !alias.is_empty());
        let mut names: Vec<_> =
            alias.into_iter().chain([user.id.clone()]).chain(user.email.clone()).collect();
        names.dedup();
        Self {
            id: user.id.clone(),
            href: format!("/ui/users/{}", segment(&user.id)),
            name: names.remove(0),
            more: names,
            role: Role::of(user).to_string().replace('_', " "),
            teams,
            keys: count(keys),
            spend: usd(user.spend.usd()),
            budget: Budget::of(user),
        }
    }
}

pub(in super::super) async fn list(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    visit.allowed(Operation::UserList).await?;
    let asked = Asked::of("/ui/users", query, &["role", "team"]);
    let store = &visit.app.store;
    let listing =
        Listing { role: asked.filter("role"), team_id: asked.filter("team"), ..asked.listing(Kind::User) };
    let found = store.list_accounts(&listing).await?;
    let ids: Vec<_> = found.rows.iter().map(|user| user.id.clone()).collect();
    let keys = by_id(store.keys_by_owner(Kind::User, &ids).await?);
    let mut users = Vec::new();
    for user in &found.rows {
        let places = store.memberships(&user.id).await?;
        let teams = places.into_iter().filter_map(|place| place.team_id);
        let teams =
            teams.map(|team| Team { href: format!("/ui/teams/{}", segment(&team)), name: team }).collect();
        users.push(User::of(user, keys.get(&user.id).copied().unwrap_or_default(), teams));
    }
    Ok(html(&List {
        frame: Frame::of(visit, SECTION),
        columns: asked.columns(&HEADS),
        roles: Role::NAMES,
        users,
        total: count(i64::try_from(found.total).unwrap_or(i64::MAX)),
        is_one: found.total == 1,
        first: asked.first(),
        next: asked.next(&found),
        may_create: visit.might(Operation::UserNew),
        may_act: visit.allowed(Operation::UserDelete).await.is_ok(),
        asked,
    }))
}
