//! Pages of requests: `/ui/requests`, from the spend log. Users see their own.

pub(super) mod detail;
pub(super) mod export;
mod filter;
pub(super) mod list;
mod view;

/// The section that these pages belong to.
const SECTION: &str = "requests";
