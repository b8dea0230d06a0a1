//! Switchboard.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod config;
pub mod dialects;
pub mod exchange;
pub mod frame;
pub mod json;
pub mod key;
pub mod openai;
pub mod providers;
