//! Pages about models: what is served, and those that the API may change.

pub(super) mod change;
pub(super) mod delete;
pub(super) mod detail;
mod form;
pub(super) mod list;
mod view;

use super::visit::Visit;
use crate::app::App;
use crate::error::ApiError;

/// The name of these pages in the frame.
const SECTION: &str = "models";

/// The path of the gateway that has the same facts.
const PATH: &str = "/model/info";

/// Whether the caller may see where models are and in what state: who may read everything.
pub(super) fn may_see(visit: &Visit) -> bool {
    visit.caller.views_all() && visit.caller.reach(PATH).is_ok()
}

/// A deployment that Envoys have ejected.
#[derive(Debug)]
pub(super) struct Ejected {
    pub(super) href: String,
    pub(super) group: String,
    pub(super) model: String,
    pub(super) state: &'static str,
    pub(super) class: &'static str,
    pub(super) attempts: String,
    pub(super) errors: String,
}

/// The deployments that are cooling down; `None` if Envoys do not say.
pub(super) async fn ejected(app: &App) -> Result<Option<Vec<Ejected>>, ApiError> {
    let all = view::all(app).await?;
    let ejected = all.deployments.into_iter().filter_map(|one| {
        let state = one.state.filter(view::State::is_ejected)?;
        Some(Ejected {
            href: one.href,
            group: one.group,
            model: one.model,
            state: state.name,
            class: state.class,
            attempts: state.attempts,
            errors: state.errors,
        })
    });
    Ok(all.has_states.then(|| ejected.collect()))
}

/// Rejects everybody else.
fn see(visit: &Visit) -> Result<(), ApiError> {
    visit.caller.reach(PATH)?;
    if visit.caller.views_all() {
        return Ok(());
    }
    Err(ApiError::admin_only(PATH, visit.caller.role(), visit.caller.user_id()))
}
