//! `/spend/*`

pub mod calculate;
pub mod keys;
pub mod logs;
pub(super) mod paths;
pub mod users;
