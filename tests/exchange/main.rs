//! The life of a request without a host: both roles driven by hand.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

mod admission;
mod amended;
mod attempt;
mod costs;
mod counts;
mod enforced;
mod fallback;
mod features;
mod messages;
mod models;
mod mutated;
mod native;
mod operations;
mod parts;
mod reservation;
mod resolve;
mod stored;
mod streams;
mod support;
mod teams;
