//! Switchboard: an LLM gateway inside Envoy.
//!
//! The module has two roles. As a listener's filter (**downstream**) it admits requests. As the filter of every model
//! group's cluster (**upstream**) it translates the request and the response of an attempt at a provider. Envoy does
//! the rest: load balancing, retries, timeouts, TLS, connection pools.
//!
//! # Modules
//!
//! ```text
//!   config ── table ── route            the configuration
//!   key ── keyring, ledger, price       callers and costs (price_list: models named only by a request or response;
//!                                       price_map: for the launcher and the key service)
//!   lease ── limits                     enforces limits that all Envoys share
//!   sync                                exchanges state between a worker and the key service
//!   access_tokens                       tokens that the key service fetches for providers
//!   facts                               the contents of a response, independent of any format
//!   openai                              the common format of requests and errors: OpenAI's
//!   inbound                             the clients' formats
//!   dialects ── providers, auth         the providers' formats, and which provider uses which
//!   tokens                              estimates token counts
//!   frame, json, uri, hex               splits bytes into frames; JSON; percent-encoding; hexadecimal
//!   exchange                            the life of a request, without a host
//!   filter                              connects a host's callbacks to exchange
//!   hosts                               proxy-wasm, only for wasm; the native host is the package module/
//! ```
//!
//! All modules except `filter` and `hosts` are pure: bytes and facts go in, steps come out. They have no clock, randomness
//! or I/O, and do not panic. `filter` has them from its host. A native build without the host's crates verifies this.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod access_tokens;
pub mod auth;
pub mod config;
pub mod dialects;
pub mod exchange;
pub mod facts;
pub mod filter;
pub mod frame;
pub mod hex;
#[cfg(target_arch = "wasm32")]
mod hosts;
pub mod inbound;
pub mod json;
pub mod key;
pub mod keyring;
pub mod lease;
pub mod ledger;
pub mod limits;
#[cfg(not(target_arch = "wasm32"))]
pub mod model_map;
pub mod openai;
pub mod price;
pub mod price_list;
#[cfg(not(target_arch = "wasm32"))]
pub mod price_map;
pub mod providers;
pub mod route;
pub mod secret;
pub mod sync;
pub mod table;
pub mod tokens;
pub mod uri;
