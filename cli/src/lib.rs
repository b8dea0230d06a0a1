//! The launcher of Switchboard: `LiteLLM`'s `config.yaml` in, a running Envoy out.
//!
//! - [`config`] reads the file and reports every mistake with its place,
//! - [`compile`] decides what it means: the filter's document and the model of an Envoy,
//! - [`envoy`] writes that model down as Envoy's configuration,
//! - [`memory`] says how much of it there is,
//! - [`render`] writes it down for Kubernetes, Istio and Envoy Gateway,
//! - [`up`] runs Envoy and the key service,
//! - [`doctor`] says what is wrong with an Envoy that somebody else has set up,
//! - [`commands`] is the command line.

pub mod commands;
pub mod compile;
pub mod config;
pub mod doctor;
pub mod envoy;
pub mod memory;
pub mod render;
pub mod up;
