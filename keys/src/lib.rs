//! The key service of Switchboard: virtual keys, their spend, and what changed.
//!
//! Two ports. The *public* one speaks `LiteLLM`'s key API ([`routes`]: one file per path, in folders named like
//! the paths) and is reached through Envoy. The *internal* one ([`internal`]) is for the filter alone: it learns
//! a key, reports usage, and hears what changed. Behind both is one [`store`], the only room that knows SQL.
//!
//! A request on the public port passes [`auth`] (who calls?), [`rights`] (may it?), [`fields`] (is the body what it should be?), its
//! handler, the store, and leaves as a row or as an [`error`]. What takes time to get right without any of these
//! has its own file: [`google`] (access tokens for the filter), [`media`]
//! (files by URL, and where a URL may lead), [`encoding`] (tokens to text), [`duration`] (`30d`, and when a budget starts again), [`money`], [`clock`], [`token`].

pub mod app;
pub mod auth;
pub mod body;
pub mod clock;
pub mod duration;
pub mod encoding;
pub mod error;
pub mod fields;
pub mod google;
pub mod housekeeping;
pub mod import;
pub mod internal;
pub mod lease;
pub mod media;
pub mod metrics;
pub mod money;
pub mod openapi;
pub mod prices;
pub mod query;
pub mod ready;
pub mod rights;
pub mod routes;
pub mod secret;
pub mod serve;
pub mod store;
pub mod token;
pub mod usage_metrics;
