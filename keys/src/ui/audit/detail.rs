//! `GET /ui/audit/{id}`: one change, with its fields before and after.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;

use super::super::page::{Frame, answer, html};
use super::super::visit::Visit;
use super::SECTION;
use super::view::Entry;
use crate::error::ApiError;
use crate::rights::Operation;
use crate::routes::audit;

#[derive(Template)]
#[template(path = "audit/detail.html")]
struct Detail {
    frame: Frame,
    entry: Entry,
}

pub(in super::super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, page(&visit, id).await)
}

async fn page(visit: &Visit, id: String) -> Result<Response, ApiError> {
    let allowed = visit.allowed(Operation::AuditInfo).await?;
    let Json(row) = audit::info(State(visit.app.clone()), allowed, Path(id.clone())).await?;
    let entry = Entry::all(&visit.app, &[row]).await?.pop();
    let entry = entry.ok_or_else(|| ApiError::no_such_audit_log(&id))?;
    Ok(html(&Detail { frame: Frame::of(visit, SECTION), entry }))
}
