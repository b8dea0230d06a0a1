//! `/ui/users/selected`: deletes several users.

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
use super::delete::MEANING;
use super::detail::{name_of, read};
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::user;
use crate::store::Kind;

const ROWS: Rows = Rows { section: SECTION, list: "Users", path: "/ui/users", one: "user", many: "users" };

pub(in super::super) async fn act(Posted { visit, form }: Posted) -> Response {
    let done = match Marked::of(&form, ROWS) {
        Ok(marked) => perform(&visit, marked).await,
        Err(error) => Err(error),
    };
    answer(&visit, SECTION, done)
}

async fn perform(visit: &Visit, marked: Marked) -> Result<Response, ApiError> {
    if marked.action != "delete" {
        return Err(no_action());
    }
    let allowed = visit.allowed(Operation::UserDelete).await?;
    if marked.is_confirmed {
        let body = Object([("user_ids".to_owned(), json!(marked.ids))].into_iter().collect());
        user::delete::delete(State(visit.app.clone()), allowed, body).await.map(drop)?;
        return Ok(done(ROWS, "users-deleted"));
    }
    let keys = by_id(visit.app.store.keys_by_owner(Kind::User, &marked.ids).await?);
    let mut affected = Vec::new();
    for id in &marked.ids {
        let user = read(visit, id).await?;
        let keys = keys.get(id).copied().unwrap_or_default();
        affected.push(Affected {
            name: name_of(&user).to_owned(),
            note: format!("keys: {}, {} spent in total", count(keys), usd(user.total_spend.usd())),
            at: None,
        });
    }
    Ok(marked.ask(visit, ROWS, ("Delete", MEANING), affected))
}
