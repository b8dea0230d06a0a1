//! `/user/*`

pub mod delete;
pub mod info;
pub mod list;
pub mod new;
pub mod schema;
pub mod update;
