//! `GET /ui/models`: model groups and their deployments.

use askama::Template;
use axum::response::Response;

use super::super::form::segment;
use super::super::page::{Frame, answer, html};
use super::super::show::count;
use super::super::visit::Visit;
use super::view::{All, Deployment, all};
use super::{SECTION, see};
use crate::error::ApiError;
use crate::query::Query;
use crate::rights::Operation;

/// Deployments that are shown at most.
const MOST: usize = 500;

#[derive(Template)]
#[template(path = "models/list.html")]
struct List {
    frame: Frame,
    search: String,
    groups: Vec<Group>,
    unused: Vec<Unused>,
    deployments: usize,
    hidden: usize,
    total: String,
    is_configured: bool,
    has_states: bool,
    problem: Option<String>,
    stores: bool,
    may_create: bool,
}

struct Group {
    name: String,
    deployments: Vec<Deployment>,
}

/// A model of the database that is not served.
struct Unused {
    href: String,
    name: String,
    why: String,
}

pub(in super::super) async fn list(visit: Visit, query: Query) -> Response {
    answer(&visit, SECTION, page(&visit, &query).await)
}

async fn page(visit: &Visit, query: &Query) -> Result<Response, ApiError> {
    see(visit)?;
    let search = query.text("search").unwrap_or_default().trim().to_owned();
    let wanted = search.to_lowercase();
    let contains = |text: &str| text.to_lowercase().contains(&wanted);
    let All { deployments: mut found, has_states, problem } = all(&visit.app).await?;
    found
        .retain(|one| [&one.group, &one.model, &one.id, &one.address].into_iter().any(|text| contains(text)));
    let deployments = found.len();
    let mut groups: Vec<Group> = Vec::new();
    for deployment in found.into_iter().take(MOST) {
        match groups.last_mut() {
            Some(group) if group.name == deployment.group => group.deployments.push(deployment),
            _ => groups.push(Group { name: deployment.group.clone(), deployments: vec![deployment] }),
        }
    }
    let (_, rows) = visit.app.store.stored_models().await?;
    let unused = rows.into_iter().filter_map(|row| {
        let why = match row.rejected {
            Some(why) => format!("Envoy rejects it: {why}"),
            None if visit.app.control.has_deployment(&row.id) => return None,
            None => "It has errors, or was encrypted with another key. The key service's log has the reason."
                .to_owned(),
        };
        Some(Unused { href: format!("/ui/models/{}", segment(&row.id)), name: row.name, why })
    });
    Ok(html(&List {
        frame: Frame::of(visit, SECTION),
        search,
        groups,
        unused: unused.take(MOST).collect(),
        hidden: deployments.saturating_sub(MOST),
        total: count(i64::try_from(deployments).unwrap_or(i64::MAX)),
        deployments,
        has_states,
        problem,
        is_configured: visit.app.control.is_used(),
        stores: visit.app.control.stores_models(),
        may_create: visit.might(Operation::ModelNew) && visit.app.control.stores_models(),
    }))
}
