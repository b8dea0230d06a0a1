//! Switchboard: an LLM gateway inside Envoy.
//!
//! One module, two roles. As a listener's filter (**downstream**) it admits requests; as the filter of every
//! model group's cluster (**upstream**) it translates one attempt at one provider, there and back. Envoy does
//! everything between: balancing, retries, time-outs, TLS, pools.
//!
//! # The map
//!
//! ```text
//!   config ── table ── route            what the operator says
//!   key ── keyring, ledger, price       who calls, and what it costs (price_list: of models that a request names;
//!                                       price_map: for the programs beside)
//!   lease ── limits                     may it, now, within what all Envoys share
//!   sync                                what a worker and the key service tell each other
//!   access_tokens                       what the key service fetches for providers
//!   facts                               what an answer says, apart from any language
//!   openai                              the common form of requests and errors: OpenAI's
//!   inbound                             the clients' languages
//!   dialects ── providers, auth         the upstreams' languages, and who speaks them
//!   tokens                              how long a text is, roughly
//!   frame, json, uri, hex               bytes → frames; the only clever JSON; percent-encoding; digits
//!   exchange                            the life of a request, told without a host
//!   filter                              the host: the only room that names proxy-wasm, and only in wasm
//! ```
//!
//! Everything but `filter` is pure: bytes and facts go in, steps come out. There is no clock, no randomness, no
//! I/O, and nothing that panics; a native build without the host's crates proves it.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod access_tokens;
pub mod auth;
pub mod config;
pub mod dialects;
pub mod exchange;
pub mod facts;
#[cfg(target_arch = "wasm32")]
mod filter;
pub mod frame;
pub mod hex;
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
