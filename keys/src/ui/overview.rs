//! `GET /ui/overview`: what was used in a range, from the roll-ups. Users see their own usage.

mod asked;
mod budgets;
mod latency;
mod panels;
mod read;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};

use super::chart::Chart;
use super::models::{self, Ejected};
use super::page::{Frame, answer, html};
use super::visit::Visit;
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::{Operation, Subject, Whose};
use crate::usage::Sight;
use asked::{Asked, Choice};
use budgets::BudgetView;
use panels::{DeploymentView, FailureView, PartView, Tile};

const SECTION: &str = "overview";

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    ranges: Vec<Choice>,
    parts_by: Vec<Choice>,
    by: &'static str,
    range: &'static str,
    is_filling: bool,
    is_empty: bool,
    may_create: bool,
    tiles: Vec<Tile>,
    charts: Vec<Chart>,
    parts: Vec<PartView>,
    failures: Vec<FailureView>,
    deployments: Option<Vec<DeploymentView>>,
    ejected: Option<Vec<Ejected>>,
    budgets: Vec<BudgetView>,
}

/// `GET /ui`: the overview, or the keys for a caller whose key may not call its paths.
pub(super) async fn first(visit: Visit) -> Response {
    let page = if visit.might(Operation::GlobalActivity) { "/ui/overview" } else { "/ui/keys" };
    Redirect::to(page).into_response()
}

pub(super) async fn show(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    let caller = visit.calling(Operation::GlobalActivity)?;
    caller.may(&visit.app, Operation::GlobalActivity, Whose::Anything, Subject::default()).await?;
    let sight = Sight::of(&caller);
    let asked = Asked::of(query, &sight);
    let read = read::read(&visit.app, &asked, &sight).await?;
    let overview = Overview {
        frame: Frame::of(visit, SECTION),
        ranges: asked.ranges(),
        parts_by: asked.parts_by(&sight),
        by: asked.by.name(),
        range: asked.range.name(),
        is_filling: visit.app.store.is_filling_usage().await?,
        is_empty: read.total.requests == 0,
        may_create: visit.might(Operation::KeyGenerate),
        tiles: panels::tiles(&asked, &read),
        charts: panels::charts(&asked, &read),
        parts: panels::parts(&asked, &read),
        failures: panels::failures(&asked, &read),
        deployments: panels::deployments(&read),
        ejected: if models::may_see(visit) { models::ejected(&visit.app).await? } else { None },
        budgets: budgets::read(visit, &sight).await?,
    };
    Ok(html(&overview))
}
