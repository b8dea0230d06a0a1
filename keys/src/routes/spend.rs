//! `/spend/*`

pub mod calculate;
pub mod logs;
