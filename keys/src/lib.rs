//! Switchboard's key service: virtual keys, their spend, and a feed of changes.
//!
//! There are two ports. The *public* one provides `LiteLLM`'s key API ([`routes`]: one file per path, in
//! directories named like the paths) and is reached through Envoy. The *internal* one ([`internal`]) is only
//! for the filter, which verifies keys, reports usage and receives changes. Both use one [`store`], the only
//! module with SQL.
//!
//! A request on the public port passes [`auth`] (authentication), [`rights`] (authorization), [`fields`]
//! (validation), its handler and the store, and is answered with a row or an [`error`]. Self-contained parts
//! have their own modules: [`ui`] (the console: pages that call the same handlers), [`control`] (Envoy's configuration), [`envoys`] (the health of deployments), [`credentials`] (providers' credentials for the filter;
//! [`configured`]: which), [`media`] (files by URL, and which URLs
//! are allowed), [`encoding`] (tokens to text), [`duration`] (`30d`, and budget resets), [`money`],
//! [`clock`], [`token`].

pub mod app;
pub mod audit;
pub mod auth;
pub mod body;
pub mod clock;
pub mod configured;
pub mod control;
pub mod credentials;
pub mod defaults;
pub mod duration;
pub mod encoding;
pub mod envoys;
pub mod error;
pub mod fields;
pub mod housekeeping;
pub mod import;
pub mod internal;
pub mod lease;
pub mod login_attempts;
pub mod media;
pub mod metrics;
pub mod money;
pub mod openapi;
pub mod prices;
pub mod public;
pub mod query;
pub mod ready;
pub mod rights;
pub mod role;
pub mod routes;
pub mod seal;
pub mod secret;
pub mod serve;
pub mod sso;
pub mod store;
pub mod token;
pub mod ui;
pub mod usage;
pub mod usage_metrics;
