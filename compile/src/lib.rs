//! The compiler of Switchboard: the text of `LiteLLM`'s `config.yaml` in; diagnostics, the filter's table and Envoy's
//! resources out.
//!
//! - [`config`] reads the text and reports every mistake with its place,
//! - [`plan`] decides what it means: the filter's document and the model of an Envoy,
//! - [`envoy`] writes that model down as Envoy's configuration.
//!
//! It opens no files and starts nothing: what it needs of the environment is passed to it.

pub mod config;
pub mod envoy;
pub mod plan;
