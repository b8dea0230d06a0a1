//! `/key/*` and `/v2/key/*`

pub mod aliases;
pub mod block;
pub mod bulk_update;
pub mod change;
pub mod delete;
pub mod generate;
pub mod health;
pub mod info;
pub mod info_v2;
pub mod list;
pub(super) mod paths;
pub mod regenerate;
pub mod reset_spend;
pub mod schema;
pub mod unblock;
pub mod update;
