//! `GET /ui/requests`: the log with filters, the latest requests first.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::super::page::{Frame, answer, html};
use super::super::show::Moment;
use super::super::visit::Visit;
use super::SECTION;
use super::filter::{STATUSES, Typed, cursor, cursor_text, restrict};
use super::view::RequestView;
use crate::error::ApiError;
use crate::query::Query;
use crate::store::RequestPage;
use crate::usage::Sight;

/// Requests on a page.
const SIZE: usize = 50;

#[derive(Template)]
#[template(path = "requests/list.html")]
struct List {
    frame: Frame,
    typed: Typed,
    statuses: &'static [(&'static str, &'static str)],
    /// A status that is none of them.
    other_status: Option<String>,
    /// The field that is wrong, and why.
    wrong: Option<(&'static str, String)>,
    requests: Vec<RequestView>,
    is_logged: bool,
    sees_all: bool,
    searched_until: Option<Moment>,
    first: Option<String>,
    next: Option<String>,
    csv: String,
    json_lines: String,
}

pub(in super::super) async fn list(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    let typed = Typed::of(query);
    let (filter, wrong) = match typed.filter() {
        Ok(filter) => (Some(filter), None),
        Err(wrong) => (None, Some(wrong)),
    };
    let after = query.text("after").and_then(cursor);
    let found = match filter {
        Some(filter) => {
            let filter = restrict(visit, filter).await?;
            visit.app.store.request_page(&filter, after, SIZE).await?
        }
        // Whether the caller may see the page at all is checked first.
        None => {
            restrict(visit, crate::store::RequestFilter::default()).await.map(|_| RequestPage::default())?
        }
    };
    let next = found.next.map(|cursor| typed.link("/ui/requests", &[("after", &cursor_text(cursor))]));
    let status = if wrong.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let list = List {
        frame: Frame::of(visit, SECTION),
        statuses: &STATUSES,
        other_status: Some(typed.text("status"))
            .filter(|status| STATUSES.iter().all(|(known, _)| known != status))
            .map(str::to_owned),
        wrong,
        requests: found.rows.iter().map(RequestView::of).collect(),
        is_logged: visit.app.spend_log,
        sees_all: Sight::of(&visit.caller) == Sight::All,
        searched_until: found.searched_until.map(Moment::of),
        first: after.map(|_| typed.link("/ui/requests", &[])),
        next,
        csv: typed.link("/ui/requests/export", &[("format", "csv")]),
        json_lines: typed.link("/ui/requests/export", &[("format", "jsonl")]),
        typed,
    };
    Ok((status, html(&list)).into_response())
}
