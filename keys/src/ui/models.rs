//! Pages about models: what is served, and those that the API may change.

pub(super) mod change;
pub(super) mod delete;
pub(super) mod detail;
mod form;
pub(super) mod list;
mod view;

use super::visit::Visit;
use crate::error::ApiError;

/// The name of these pages in the frame.
const SECTION: &str = "models";

/// The path of the gateway that has the same facts.
const PATH: &str = "/model/info";

/// Whether the caller may see where models are and in what state: who may read everything.
pub(super) fn may_see(visit: &Visit) -> bool {
    visit.caller.views_all() && visit.caller.reach(PATH).is_ok()
}

/// Rejects everybody else.
fn see(visit: &Visit) -> Result<(), ApiError> {
    visit.caller.reach(PATH)?;
    if visit.caller.views_all() {
        return Ok(());
    }
    Err(ApiError::admin_only(PATH, visit.caller.role(), visit.caller.user_id()))
}
