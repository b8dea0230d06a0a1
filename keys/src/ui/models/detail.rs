//! `GET /ui/models/{id}`: a deployment.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::super::page::{Frame, answer, html};
use super::super::visit::Visit;
use super::view::{Deployment, all};
use super::{SECTION, see};
use crate::error::ApiError;
use crate::rights::Operation;

#[derive(Template)]
#[template(path = "models/detail.html")]
struct Detail {
    frame: Frame,
    id: String,
    href: String,
    title: String,
    one: Option<Deployment>,
    rejected: Option<String>,
    is_stored: bool,
    may_edit: bool,
    may_delete: bool,
}

pub(in super::super) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    answer(&visit, SECTION, page(&visit, &id).await)
}

async fn page(visit: &Visit, id: &str) -> Result<Response, ApiError> {
    see(visit)?;
    let one = all(&visit.app).await?.deployments.into_iter().find(|one| one.id == id);
    let row = visit.app.store.stored_model(id).await?;
    let title = match (&one, &row) {
        (Some(one), _) => one.model.clone(),
        (None, Some(row)) => row.name.clone(),
        (None, None) => return Err(ApiError::missing(format!("There is no model {id}."))),
    };
    let is_stored = row.is_some();
    Ok(html(&Detail {
        frame: Frame::of(visit, SECTION),
        id: id.to_owned(),
        href: format!("/ui/models/{}", super::super::form::segment(id)),
        title,
        one,
        rejected: row.and_then(|row| row.rejected),
        may_edit: is_stored && visit.might(Operation::ModelUpdate) && visit.app.control.stores_models(),
        may_delete: is_stored && visit.might(Operation::ModelDelete) && visit.app.control.stores_models(),
        is_stored,
    }))
}
