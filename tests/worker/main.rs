//! What a worker does between the callbacks of its requests: the state machine as it is, on hosts and with a key service of
//! the tests. Responses are late, lost or repeated, configurations change, clocks jump, and clients leave.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests fail by panicking")]

// The service's crate depends on this one; its arithmetic needs nothing of the rest of it.
#[path = "../../keys/src/lease.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a module of another crate")]
mod book;

mod envoy;
mod memory;
mod properties;
mod request;
mod service;
mod world;
