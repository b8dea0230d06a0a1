//! Limits, with both sides of the leases: the filter's workers as they are, and the key service's arithmetic as it is.

// The service's crate depends on this one; its arithmetic needs nothing of the rest of it.
#[path = "../../keys/src/lease.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a module of another crate")]
mod service;

mod races;
mod simulation;
mod world;
