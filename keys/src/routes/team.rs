//! `/team/*`

pub mod block;
pub mod delete;
pub mod info;
pub mod list;
pub mod member_add;
pub mod new;
pub mod permissions;
pub mod schema;
pub mod unblock;
pub mod update;
