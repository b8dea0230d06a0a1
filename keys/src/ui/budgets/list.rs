//! `GET /ui/budgets`: the limits that keys share, for those whom `/budget/list` answers.

use askama::Template;
use axum::response::Response;

use super::super::directory::{Asked, Column, Head, by_id};
use super::super::form::segment;
use super::super::page::{Frame, answer, html};
use super::super::show::{count, usd};
use super::super::spent::limits;
use super::super::visit::Visit;
use super::SECTION;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;
use crate::store::{AccountRow, Kind, Sort};

const HEADS: [Head; 5] = [
    ("Budget", Some(Sort::Name), false),
    ("Limit", Some(Sort::Budget), true),
    ("Period", None, false),
    ("Rate limits", None, false),
    ("Keys", None, true),
];

#[derive(Template)]
#[template(path = "budgets/list.html")]
struct List {
    frame: Frame,
    asked: Asked,
    columns: Vec<Column>,
    budgets: Vec<Budget>,
    total: String,
    is_one: bool,
    first: Option<String>,
    next: Option<String>,
    may_create: bool,
    may_act: bool,
}

struct Budget {
    href: String,
    id: String,
    limit: Option<String>,
    period: Option<String>,
    limits: String,
    keys: String,
}

impl Budget {
    fn of(budget: &AccountRow, keys: i64) -> Self {
        let limits: Vec<_> = limits(&budget.settings)
            .iter()
            .map(|(label, value)| format!("{value} {}", label.to_lowercase()))
            .collect();
        Self {
            href: format!("/ui/budgets/{}", segment(&budget.id)),
            id: budget.id.clone(),
            limit: budget.max_budget.map(usd),
            period: budget.budget_duration.clone(),
            limits: limits.join(", "),
            keys: count(keys),
        }
    }
}

pub(in super::super) async fn list(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    visit.allowed(Operation::BudgetList).await?;
    let asked = Asked::of("/ui/budgets", query, &[]);
    let found = visit.app.store.list_accounts(&asked.listing(Kind::Budget)).await?;
    let ids: Vec<_> = found.rows.iter().map(|budget| budget.id.clone()).collect();
    let keys = by_id(visit.app.store.keys_by_owner(Kind::Budget, &ids).await?);
    let budgets = found.rows.iter();
    Ok(html(&List {
        frame: Frame::of(visit, SECTION),
        columns: asked.columns(&HEADS),
        budgets: budgets
            .map(|budget| Budget::of(budget, keys.get(&budget.id).copied().unwrap_or_default()))
            .collect(),
        total: count(i64::try_from(found.total).unwrap_or(i64::MAX)),
        is_one: found.total == 1,
        first: asked.first(),
        next: asked.next(&found),
        may_create: visit.might(Operation::BudgetNew),
        may_act: visit.allowed(Operation::BudgetDelete).await.is_ok(),
        asked,
    }))
}
