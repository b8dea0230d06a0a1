//! The harness of the end-to-end tests and of the bench.
//!
//! Nothing of ours is mocked: [`Stack`] is the launcher with the key service and Envoy under it, [`Rendered`] is
//! Envoy started by hand from a configuration that a test has changed. Only the provider is a fake, and it is fake as
//! real providers are real: over HTTP on loopback.
#![allow(clippy::missing_panics_doc, reason = "a harness tells by a panic what went wrong")]

mod artefacts;
mod client;
mod collector;
mod config;
mod families;
mod fleet;
mod formats;
mod languages;
pub mod mesh;
mod nursery;
mod pictures;
mod ports;
pub mod process;
mod rendered;
mod sse;
mod stack;
mod world;

pub use artefacts::{envoy, filter, is_native, launcher, module, panicking_filter, panicking_module};
pub use client::{Answer, Call, Client, Opened};
pub use collector::{Collector, Span};
pub use config::{Config, anthropic, openai};
pub use families::families;
pub use fleet::{Fleet, Member};
pub use formats::{Format, Streamed};
pub use languages::{
    AWS_ACCESS_KEY, AWS_SECRET_KEY, AWS_SESSION_TOKEN, AZURE_V1, Languages, SIGNED, SIGNED_MODEL, golden,
    key_of, languages, speakers,
};
pub use nursery::{Child, Logs};
pub use pictures::Pictures;
pub use ports::{free_port, free_ports};
pub use rendered::Rendered;
pub use sse::Events;
pub use stack::{MASTER_KEY, Setup, Stack};
pub use world::{ANTHROPIC_KEY, OPENAI_KEY, World, question, world};
