//! `GET /ui/teams`: the teams that `/team/list` has for the caller.

use askama::Template;
use axum::response::Response;

use super::super::directory::{Asked, Column, Head, by_id};
use super::super::form::segment;
use super::super::page::{Frame, answer, html};
use super::super::show::{count, usd};
use super::super::spent::Budget;
use super::super::visit::Visit;
use super::SECTION;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::store::{AccountRow, Kind, Listing, Sort};

const HEADS: [Head; 5] = [
    ("Team", Some(Sort::Name), false),
    ("Members", None, true),
    ("Keys", None, true),
    ("Spend", Some(Sort::Spend), true),
    ("Budget", Some(Sort::Budget), true),
];

#[derive(Template)]
#[template(path = "teams/list.html")]
struct List {
    frame: Frame,
    asked: Asked,
    columns: Vec<Column>,
    teams: Vec<Team>,
    total: String,
    is_one: bool,
    first: Option<String>,
    next: Option<String>,
    may_create: bool,
    may_act: bool,
}

struct Team {
    own_id: String,
    href: String,
    name: String,
    /// The id, if it has another name.
    id: Option<String>,
    is_blocked: bool,
    members: String,
    keys: String,
    spend: String,
    budget: Option<Budget>,
}

impl Team {
    fn of(team: &AccountRow, members: i64, keys: i64) -> Self {
        let name = team.alias.clone().filter(|alias| !alias.is_empty());
        Self {
            own_id: team.id.clone(),
            href: format!("/ui/teams/{}", segment(&team.id)),
            id: name.is_some().then(|| team.id.clone()),
            name: name.unwrap_or_else(|| team.id.clone()),
            is_blocked: team.blocked == Some(true),
            members: count(members),
            keys: count(keys),
            spend: usd(team.spend.usd()),
            budget: Budget::of(team),
        }
    }
}

pub(in super::super) async fn list(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    let caller = visit.calling(Operation::TeamList)?;
    caller.may(&visit.app, Operation::TeamList, Whose::Anything, Subject::default()).await?;
    let member = if caller.views_all() {
        None
    } else {
        Some(caller.user_id().ok_or_else(ApiError::no_user_id)?.to_owned())
    };
    let asked = Asked::of("/ui/teams", query, &[]);
    let store = &visit.app.store;
    let found = store.list_accounts(&Listing { member, ..asked.listing(Kind::Team) }).await?;
    let ids: Vec<_> = found.rows.iter().map(|team| team.id.clone()).collect();
    let keys = by_id(store.keys_by_owner(Kind::Team, &ids).await?);
    let members = by_id(store.members_by_team(&ids).await?);
    let of = |counts: &std::collections::HashMap<String, i64>, id: &str| {
        counts.get(id).copied().unwrap_or_default()
    };
    Ok(html(&List {
        frame: Frame::of(visit, SECTION),
        columns: asked.columns(&HEADS),
        teams: found
            .rows
            .iter()
            .map(|team| Team::of(team, of(&members, &team.id), of(&keys, &team.id)))
            .collect(),
        total: count(i64::try_from(found.total).unwrap_or(i64::MAX)),
        is_one: found.total == 1,
        first: asked.first(),
        next: asked.next(&found),
        may_create: visit.might(Operation::TeamNew),
        may_act: visit.allowed(Operation::TeamDelete).await.is_ok(),
        asked,
    }))
}
