//! The key service as its callers see it: the real routers over a real database, and the real program.
//!
//! The database is a SQLite file, or Postgres with `TEST_DATABASE=postgres`: the same tests for both.
//!
//! Files are named like the paths that they test.

// `json!` with every field of a key.
#![recursion_limit = "512"]
#![allow(unreachable_pub, reason = "a test binary exports nothing; `pub` is for its own modules")]

mod app;
mod audit;
mod auth;
mod budget;
mod customer;
mod defaults;
mod gateway;
mod health;
mod housekeeping;
mod import;
mod internal;
mod key;
mod leases;
mod machines;
mod metrics;
mod openapi;
mod organization;
mod postgres;
mod program;
mod replicas;
mod reports;
mod restart;
mod rights;
mod rollups;
mod segments;
mod spend;
mod tag;
mod team;
mod ui;
mod user;
