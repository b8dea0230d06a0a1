//! `/budget/*`

pub mod delete;
pub mod info;
pub mod list;
pub mod new;
pub(super) mod paths;
pub mod schema;
pub mod update;
