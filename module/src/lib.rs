//! The native host of the filter: an Envoy dynamic module.
//!
//! ```text
//!   abi       Envoy's C interface, declared and wrapped: the only file with unsafe code
//!   config    a filter's configuration in Envoy, and the root on its main thread
//!   stream    a filter in Envoy: one request, or one attempt
//!   current   what the host's functions act on, and what they put off until the callback has ended
//!   host      implements `switchboard::filter::Host`
//!   ticker    the thread that ticks roots and idle streams
//!   memory    what the workers share, by name
//!   metrics   counters and histograms in Envoy's statistics
//! ```
//!
//! Keys, limits and usage belong to the process: all workers share them under locks, and Envoy's main thread exchanges
//! them with the key service. Everything else belongs to a worker's thread, as in a wasm VM.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod abi;
#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests may panic")]
mod boundary;
mod config;
mod current;
mod host;
mod memory;
mod metrics;
mod stream;
mod ticker;
#[cfg(feature = "panic-trigger")]
mod trigger;
