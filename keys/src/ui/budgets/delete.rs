//! `/ui/budgets/{budget}/delete`, like `/budget/delete`.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;

use super::super::form::{Affected, Link, Question, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::show::count;
use super::super::visit::Visit;
use super::SECTION;
use super::detail::read;
use crate::body::Object;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::budget;
use crate::store::Kind;

pub(super) const MEANING: &str = "Keys that refer to it are no longer limited by it: those without other limits become unlimited within about a second. \
                       This cannot be undone.";

pub(in super::super) async fn ask(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, question(&visit, &id).await)
}

async fn question(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    visit.allowed(Operation::BudgetDelete).await?;
    read(visit, id).await?;
    let own = format!("/ui/budgets/{}", segment(id));
    let keys = visit.app.store.keys_by_owner(Kind::Budget, &[id.to_owned()]).await?;
    let keys = keys.first().map_or(0, |(_, keys)| *keys);
    let question = Question {
        section: SECTION,
        above: Link::to(own.as_str(), id),
        title: format!("Delete {id}?"),
        meaning: MEANING.to_owned(),
        affected: vec![Affected {
            name: if keys == 1 { "1 key".to_owned() } else { format!("{} keys", count(keys)) },
            note: "refer to it".to_owned(),
            at: None,
        }],
        action: format!("{own}/delete"),
        back: own,
        verb: "Delete budget",
        hidden: Vec::new(),
    };
    Ok(question.page(visit))
}

pub(in super::super) async fn delete(Path(id): Path<String>, Posted { visit, .. }: Posted) -> Response {
    let done = async {
        let allowed = visit.allowed(Operation::BudgetDelete).await?;
        let body = Object([("id".to_owned(), json!(id))].into_iter().collect());
        budget::delete::delete(State(visit.app.clone()), allowed, body).await
    };
    let done = done.await.map(|_| Redirect::to("/ui/budgets?done=budget-deleted").into_response());
    answer(&visit, SECTION, done)
}
