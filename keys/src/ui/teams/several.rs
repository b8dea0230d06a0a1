//! `/ui/teams/selected`: blocks, unblocks or deletes several teams.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::super::directory::by_id;
use super::super::form::Affected;
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::several::{Marked, Rows, done, no_action};
use super::super::show::{count, usd};
use super::super::visit::Visit;
use super::SECTION;
use super::detail::{name_of, read};
use super::status::{BLOCKING, DELETING, named};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::team;
use crate::store::Kind;

const ROWS: Rows = Rows { section: SECTION, list: "Teams", path: "/ui/teams", one: "team", many: "teams" };

pub(in super::super) async fn act(Posted { visit, form }: Posted) -> Response {
    let done = match Marked::of(&form, ROWS) {
        Ok(marked) => perform(&visit, marked).await,
        Err(error) => Err(error),
    };
    answer(&visit, SECTION, done)
}

async fn perform(visit: &Visit, marked: Marked) -> Result<Response, ApiError> {
    let app = || State(visit.app.clone());
    let operation = match marked.action.as_str() {
        "block" => Operation::TeamBlock,
        "unblock" => Operation::TeamUnblock,
        "delete" => Operation::TeamDelete,
        _ => return Err(no_action()),
    };
    let allowed = visit.allowed(operation).await?;
    match (marked.action.as_str(), marked.is_confirmed) {
        ("unblock", _) => {
            for id in &marked.ids {
                let allowed = visit.allowed(operation).await?;
                team::unblock::unblock(app(), allowed, named(id)).await.map(drop)?;
            }
            Ok(done(ROWS, "teams-unblocked"))
        }
        ("block", true) => {
            for id in &marked.ids {
                let allowed = visit.allowed(operation).await?;
                team::block::block(app(), allowed, named(id)).await.map(drop)?;
            }
            Ok(done(ROWS, "teams-blocked"))
        }
        ("block", false) => question(visit, marked, ("Block", BLOCKING)).await,
        (_, true) => {
            let body = Object([("team_ids".to_owned(), json!(marked.ids))].into_iter().collect());
            team::delete::delete(app(), allowed, body).await.map(drop)?;
            Ok(done(ROWS, "teams-deleted"))
        }
        (_, false) => question(visit, marked, ("Delete", DELETING)).await,
    }
}

async fn question(
    visit: &Visit,
    marked: Marked,
    (verb, meaning): (&'static str, &str),
) -> Result<Response, ApiError> {
    let keys = by_id(visit.app.store.keys_by_owner(Kind::Team, &marked.ids).await?);
    let mut affected = Vec::new();
    for id in &marked.ids {
        let (team, _) = read(visit, id).await?;
        let keys = keys.get(id).copied().unwrap_or_default();
        affected.push(Affected {
            name: name_of(&team).to_owned(),
            note: format!("keys: {}, {} spent in total", count(keys), usd(team.total_spend.usd())),
            at: None,
        });
    }
    Ok(marked.ask(visit, ROWS, (verb, meaning), affected))
}
