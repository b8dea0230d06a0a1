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
//!                                       price_map, model_map: for the launcher and the key service)
//!   limits                              enforces limits that all Envoys share
//!   tags                                the deployments that serve a request's tags
//!   credentials                         providers' credentials, which the key service hands out
//!   facts                               the contents of a response, independent of any format
//!   openai                              the common format of requests and errors: OpenAI's
//!   inbound                             the clients' formats
//!   dialect ── dialects ── providers    what a provider's format is, all of them, and which provider uses which
//!   wordings                            errors of providers that only their messages distinguish
//!   headers ── sigv4, auth              header lists, and credentials in them
//!   tokens                              estimates token counts
//!   secret                              values that are never shown
//!   frame, json, form, uri, hex         splits bytes into frames; JSON; multipart forms; percent-encoding; hexadecimal
//!   sorted                              sorts by numbers
//!   exchange                            the life of a request, without a host
//!   worker                              what a worker does between the callbacks of its requests, without a host
//!   filter                              connects a host's callbacks to exchange and worker
//!   hosts                               proxy-wasm, only for wasm; the native host is the package module/
//! ```
//!
//! All modules except `filter` and `hosts` are pure: bytes and facts go in, steps come out. They have no clock, randomness
//! or I/O, and do not panic. `filter` has them from its host. A native build without the host's crates verifies this.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod auth;
pub mod config;
pub mod credentials;
pub mod dialect;
pub mod dialects;
pub mod exchange;
pub mod facts;
pub mod filter;
pub mod form;
pub mod frame;
pub mod headers;
pub mod hex;
#[cfg(target_arch = "wasm32")]
mod hosts;
pub mod inbound;
pub mod json;
pub mod key;
pub mod keyring;
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
pub mod sigv4;
pub mod sorted;
pub mod table;
pub mod tags;
pub mod tokens;
pub mod uri;
pub mod wordings;
pub mod worker;
