//! Switchboard as a whole. One file per topic; the names of the tests are sentences about behaviour.

mod auth;
mod chat;
mod conformance;
mod dialects;
mod embeddings;
mod envoy_facts;
mod fallbacks;
mod fault_table;
mod faults;
mod keys;
mod lifecycle;
mod limits;
mod models;
mod prices;
mod readme;
mod recordings;
mod reload;
mod rescue;
mod retry;
mod revocation;
mod sdk;
mod secrets;
mod stream;
mod tls;
mod tools;
mod upstream_errors;
