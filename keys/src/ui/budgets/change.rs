//! `/ui/budgets/new` and `/ui/budgets/{budget}/edit`, like `/budget/new` and `/budget/update`.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, json};

use super::super::fields::Filled;
use super::super::form::{Form, Link, segment};
use super::super::page::answer;
use super::super::posted::Posted;
use super::super::visit::Visit;
use super::SECTION;
use super::detail::read;
use super::form::{KNOWN, NEW};
use crate::body::Object;
use crate::rights::Operation;
use crate::routes::budget;
use crate::routes::budget::schema::show as shown;

pub(in super::super) async fn show_new(visit: Visit) -> Response {
    let allowed = visit.allowed(Operation::BudgetNew).await;
    answer(&visit, SECTION, allowed.map(|_| new_page(&visit, Filled::of(&NEW, &Map::new()))))
}

fn new_page(visit: &Visit, form: Filled) -> Response {
    let page = Form {
        section: SECTION,
        above: Link::to("/ui/budgets", "Budgets"),
        title: "New budget".to_owned(),
        note: Some("Each key that refers to it has these limits for itself. A limit of the key overrides that of the budget.".to_owned()),
        action: "/ui/budgets/new".to_owned(),
        back: "/ui/budgets".to_owned(),
        verb: "Create budget",
    };
    page.page(visit, form)
}

pub(in super::super) async fn create(Posted { visit, form }: Posted) -> Response {
    let mut filled = Filled::sent(&NEW, &form);
    let Some(body) = filled.changes() else { return new_page(&visit, filled) };
    let made = async {
        let allowed = visit.allowed(Operation::BudgetNew).await?;
        budget::new::new(State(visit.app.clone()), allowed, Object(body)).await
    };
    match made.await {
        Ok(Json(made)) => {
            let id = made["budget_id"].as_str().unwrap_or_default();
            Redirect::to(&format!("/ui/budgets/{}?done=budget-created", segment(id))).into_response()
        }
        Err(error) => {
            filled.complain(&error);
            new_page(&visit, filled)
        }
    }
}

pub(in super::super) async fn show_edit(visit: Visit, Path(id): Path<String>) -> Response {
    let page = async {
        visit.allowed(Operation::BudgetUpdate).await?;
        let budget = read(&visit, &id).await?;
        Ok(edit_page(&visit, &id, Filled::of(&KNOWN, &shown(&budget))))
    };
    answer(&visit, SECTION, page.await)
}

fn edit_page(visit: &Visit, id: &str, form: Filled) -> Response {
    let own = format!("/ui/budgets/{}", segment(id));
    let page = Form {
        section: SECTION,
        above: Link::to(own.as_str(), id),
        title: format!("Edit {id}"),
        note: Some("Changes apply to all keys with this budget within about a second.".to_owned()),
        action: format!("{own}/edit"),
        back: own,
        verb: "Save changes",
    };
    page.page(visit, form)
}

pub(in super::super) async fn save(Path(id): Path<String>, Posted { visit, form }: Posted) -> Response {
    let own = format!("/ui/budgets/{}", segment(&id));
    let mut filled = Filled::sent(&KNOWN, &form);
    let Some(mut body) = filled.changes() else { return edit_page(&visit, &id, filled) };
    if body.is_empty() {
        return Redirect::to(&format!("{own}?done=unchanged")).into_response();
    }
    body.insert("budget_id".to_owned(), json!(id));
    let saved = async {
        let allowed = visit.allowed(Operation::BudgetUpdate).await?;
        budget::update::update(State(visit.app.clone()), allowed, Object(body)).await
    };
    match saved.await {
        Ok(_) => Redirect::to(&format!("{own}?done=saved")).into_response(),
        Err(error) => {
            filled.complain(&error);
            edit_page(&visit, &id, filled)
        }
    }
}
