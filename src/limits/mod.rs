//! Limits: may a request of this key go on now, and what does that leave for the next?
//!
//! ```text
//!   admission ── Claim ──►  Limits (one a worker)  ──►  Record (one an account, shared by all workers)
//!                                │       ▲                 reserve, settle, ask, answer
//!                                ▼       │
//!                            LeaseAsk  Lease               the key service, for all Envoys
//! ```
//!
//! Every limited account has a `Record` in the memory that the workers of one Envoy process share, and
//! every change of it is a read, a pure function, and a write that fails when another worker was faster. What the
//! process may use it has leased from the key service (`docs/decisions/0020-leases.md`), so within its share it asks
//! nobody. What a request will use is estimated before and settled after (`docs/decisions/0021-reservations.md`).
//!
//! No clock and no host: time is a number of milliseconds on a clock that never jumps and is the same for all
//! workers, and the shared memory is a [`SharedMemory`].

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
pub use worker::{Asked, Charge, Claim, Entry, Limits};
