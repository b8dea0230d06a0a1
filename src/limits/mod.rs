//! Limits: decides whether a request may proceed, and updates what is left.
//!
//! ```text
//!   admission ── Claim ──►  Limits (one per worker)  ──►  Record (one per account, shared by all workers)
//!                                │       ▲                  reserve, settle, ask, answer
//!                                ▼       │
//!                            LeaseAsk  Lease                the key service, for all Envoys
//! ```
//!
//! Every limited account has a `Record` in memory that the workers of an Envoy process share. Each change is a read, a
//! pure function, and a write that fails if another worker was faster. The process leases its share of each limit from
//! the key service (`docs/decisions/0020-leases.md`), so requests within its share need no call. The usage of a request
//! is estimated before it is sent and settled afterwards (`docs/decisions/0021-reservations.md`).
//!
//! There is no clock and no host: time is in milliseconds of a monotonic clock that all workers share, and the shared
//! memory is a [`SharedMemory`].

mod account;
mod asking;
mod codec;
mod estimate;
mod record;
mod roster;
mod shared;
mod shelf;
#[cfg(test)]
pub(crate) mod testing;
mod window;
mod worker;

pub use account::{Refusal, Resource, Standing};
pub use asking::Pace;
pub use estimate::{Amount, Habits, Prospect, within_window};
pub use shared::{SharedMemory, Version};
pub use worker::{Charge, Claim, Entry, LeaseCall, Limits};
