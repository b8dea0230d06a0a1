//! `/customer/*`, and the same below `/end_user/`: the clients' end users, whom requests name.

pub mod block;
pub mod delete;
pub mod info;
pub mod list;
pub mod new;
pub(super) mod paths;
pub mod schema;
pub mod update;
