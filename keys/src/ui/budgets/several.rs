//! `/ui/budgets/selected`: deletes several budgets.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::super::directory::by_id;
use super::super::form::Affected;
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::several::{Marked, Rows, done, no_action};
use super::super::show::count;
use super::super::visit::Visit;
use super::SECTION;
use super::delete::MEANING;
use super::detail::read;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::budget;
use crate::store::Kind;

const ROWS: Rows =
    Rows { section: SECTION, list: "Budgets", path: "/ui/budgets", one: "budget", many: "budgets" };

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
    visit.allowed(Operation::BudgetDelete).await?;
    if marked.is_confirmed {
        for id in &marked.ids {
            let allowed = visit.allowed(Operation::BudgetDelete).await?;
            let body = Object([("id".to_owned(), json!(id))].into_iter().collect());
            budget::delete::delete(State(visit.app.clone()), allowed, body).await.map(drop)?;
        }
        return Ok(done(ROWS, "budgets-deleted"));
    }
    let keys = by_id(visit.app.store.keys_by_owner(Kind::Budget, &marked.ids).await?);
    let mut affected = Vec::new();
    for id in &marked.ids {
        read(visit, id).await?;
        let keys = keys.get(id).copied().unwrap_or_default();
        affected.push(Affected { name: id.clone(), note: format!("keys: {}", count(keys)), at: None });
    }
    Ok(marked.ask(visit, ROWS, ("Delete", MEANING), affected))
}
