//! `/ui/teams/{team}/block`, `/unblock` and `/delete`.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::form::{Affected, Link, Question, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::show::{count, usd};
use super::super::visit::Visit;
use super::SECTION;
use super::detail::{name_of, read};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::team;
use crate::store::Kind;

pub(super) const BLOCKING: &str = "Within about a second, every request with a key of the team is rejected with 401. Keys, members and spend stay as they are, \
                        and the team can be unblocked at any time.";

pub(super) const DELETING: &str = "Its keys are deleted with it, so that requests with them are rejected with 401, and its members leave it. This cannot be \
                        undone. What the team has spent stays in the spend log.";

async fn ask(visit: &Visit, id: &str, is_deletion: bool) -> Result<Response, ApiError> {
    let operation = if is_deletion { Operation::TeamDelete } else { Operation::TeamBlock };
    visit.allowed(operation).await?;
    let (team, _) = read(visit, id).await?;
    let own = format!("/ui/teams/{}", segment(id));
    let keys = visit.app.store.keys_by_owner(Kind::Team, &[id.to_owned()]).await?;
    let keys = keys.first().map_or(0, |(_, keys)| *keys);
    let members = visit.app.store.members(id).await?.len();
    let number = |number: i64, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{} {many}", count(number)),
    };
    let members = i64::try_from(members).unwrap_or(i64::MAX);
    let affected = Affected {
        name: format!("{}, {}", number(keys, "key", "keys"), number(members, "member", "members")),
        note: format!("{} spent in total", usd(team.total_spend.usd())),
        at: None,
    };
    let verb = if is_deletion { "Delete" } else { "Block" };
    let question = Question {
        section: SECTION,
        above: Link::to(own.as_str(), name_of(&team)),
        title: format!("{verb} {}?", name_of(&team)),
        meaning: if is_deletion { DELETING } else { BLOCKING }.to_owned(),
        affected: vec![affected],
        action: format!("{own}/{}", verb.to_lowercase()),
        back: own,
        verb: if is_deletion { "Delete team" } else { "Block team" },
        hidden: Vec::new(),
    };
    Ok(question.page(visit))
}

pub(in super::super) async fn ask_block(visit: Visit, Path(id): Path<String>) -> Response {
    let page = ask(&visit, &id, false).await;
    answer(&visit, SECTION, page)
}

pub(in super::super) async fn ask_delete(visit: Visit, Path(id): Path<String>) -> Response {
    let page = ask(&visit, &id, true).await;
    answer(&visit, SECTION, page)
}

pub(in super::super) async fn block(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = async {
        let allowed = visit.allowed(Operation::TeamBlock).await?;
        team::block::block(State(visit.app.clone()), allowed, named(&id)).await
    };
    let done = done.await.map(|_| back(&id, "team-blocked"));
    answer(&visit, SECTION, done)
}

pub(in super::super) async fn unblock(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = async {
        let allowed = visit.allowed(Operation::TeamUnblock).await?;
        team::unblock::unblock(State(visit.app.clone()), allowed, named(&id)).await
    };
    let done = done.await.map(|_| back(&id, "team-unblocked"));
    answer(&visit, SECTION, done)
}

pub(in super::super) async fn delete(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = async {
        let allowed = visit.allowed(Operation::TeamDelete).await?;
        let body = Object([("team_ids".to_owned(), json!([id]))].into_iter().collect());
        team::delete::delete(State(visit.app.clone()), allowed, body).await
    };
    let done = done.await.map(|_| Redirect::to("/ui/teams?done=team-deleted").into_response());
    answer(&visit, SECTION, done)
}

pub(super) fn named(id: &str) -> Object {
    Object([("team_id".to_owned(), json!(id))].into_iter().collect())
}

fn back(id: &str, done: &str) -> Response {
    Redirect::to(&format!("/ui/teams/{}?done={done}", segment(id))).into_response()
}
