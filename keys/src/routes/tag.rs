//! `/tag/*`: tags of requests, with a budget and rates.

pub mod delete;
pub mod info;
pub mod list;
pub mod new;
pub(super) mod paths;
pub mod schema;
pub mod update;

use crate::error::ApiError;

/// The tag does not exist.
fn not_found(name: &str) -> ApiError {
    ApiError::missing(format!("Tag {name} not found"))
}
