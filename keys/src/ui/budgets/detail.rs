//! `GET /ui/budgets/{budget}`: a budget, and the keys that have spent most of it.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::super::form::segment;
use super::super::page::{Frame, answer, html};
use super::super::show::{Bar, Moment, count, usd};
use super::super::spent::limits;
use super::super::visit::Visit;
use super::SECTION;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::store::{AccountRow, KeyFilter, KeyRow, Kind, Order};

/// Keys that are shown.
const MOST_KEYS: u64 = 50;

#[derive(Template)]
#[template(path = "budgets/detail.html")]
struct Detail {
    frame: Frame,
    href: String,
    budget: AccountRow,
    limit: Option<String>,
    limits: Vec<(&'static str, String)>,
    created: Moment,
    keys: Vec<Key>,
    total: String,
    is_all: bool,
    may_edit: bool,
    may_delete: bool,
}

struct Key {
    href: String,
    name: String,
    spend: String,
    bar: Option<Bar>,
}

impl Key {
    fn of(key: &KeyRow, budget: &AccountRow) -> Self {
        Self {
            href: format!("/ui/keys/{}", key.token),
            name: key.key_alias.clone().unwrap_or_else(|| key.key_name.clone()),
            spend: usd(key.spend.usd()),
            bar: budget.max_budget.map(|limit| Bar::of(key.spend.usd(), limit)),
        }
    }
}

/// The budget, if the caller may see it.
pub(super) async fn read(visit: &Visit, id: &str) -> Result<AccountRow, ApiError> {
    visit.allowed(Operation::BudgetInfo).await?;
    let budget = visit.app.store.account(Kind::Budget, id).await?;
    budget.ok_or_else(|| ApiError::missing(format!("There is no budget {id}.")))
}

pub(in super::super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    let budget = read(visit, id).await?;
    let filter = KeyFilter { budget_id: Some(id.to_owned()), ..KeyFilter::default() };
    let order = Order { column: "spend", descending: true };
    let keys = visit.app.store.key_page(&filter, order, 1, MOST_KEYS).await?;
    Ok(html(&Detail {
        frame: Frame::of(visit, SECTION),
        href: format!("/ui/budgets/{}", segment(id)),
        limit: budget.max_budget.map(usd),
        limits: limits(&budget.settings),
        created: Moment::of(budget.created_at),
        total: count(i64::try_from(keys.total).unwrap_or(i64::MAX)),
        is_all: keys.total <= MOST_KEYS,
        keys: keys.keys.iter().map(|key| Key::of(key, &budget)).collect(),
        may_edit: visit.might(Operation::BudgetUpdate),
        may_delete: visit.might(Operation::BudgetDelete),
        budget,
    }))
}
