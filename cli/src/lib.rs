//! The launcher of Switchboard: `LiteLLM`'s `config.yaml` in, a running Envoy out. What the file means is decided by
//! [`switchboard_compile`].
//!
//! - [`memory`] says how much of it there is,
//! - [`render`] writes the configuration down for Kubernetes, Istio and Envoy Gateway,
//! - [`up`] runs Envoy and the key service,
//! - [`doctor`] says what is wrong with an Envoy that somebody else has set up,
//! - [`commands`] is the command line.

pub mod commands;
pub mod doctor;
pub mod memory;
pub mod render;
mod secrets;
pub mod up;
