//! `/key/*`: virtual keys.

pub mod block;
pub mod delete;
pub mod generate;
pub mod info;
pub mod schema;
pub mod unblock;
