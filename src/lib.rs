//! Switchboard.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod auth;
pub mod config;
pub mod dialects;
pub mod exchange;
#[cfg(target_arch = "wasm32")]
mod filter;
pub mod frame;
pub mod json;
pub mod key;
pub mod keyring;
pub mod ledger;
pub mod openai;
pub mod price;
pub mod providers;
pub mod route;
pub mod secret;
pub mod table;
