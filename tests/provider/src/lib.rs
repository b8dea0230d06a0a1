//! A provider for tests and benches.
//!
//! It speaks the dialects of [`dialects`] as the real providers do: it refuses a request that they would refuse,
//! and answers the others with a small deterministic [`model`]. What a test wants otherwise it scripts in a
//! [`case::Case`]: a reply in neutral words, a recorded answer byte for byte, and any of the [`faults`]. Every
//! request is recorded.
//!
//! A request belongs to the case whose marker stands anywhere in its body (`[case 2a]`): prompts pass through every
//! translation, so parallel tests share one provider, and one gateway, without seeing each other.
//!
//! One file per dialect, one per fault: a new one of either is a file and a line in its `mod.rs`.

pub mod canned;
pub mod case;
pub mod control;
pub mod dialects;
mod eventstream;
pub mod faults;
pub mod model;
pub mod replays;
pub mod script;
pub mod server;
pub mod state;
pub mod tls;

pub use case::{Case, Recorded, Step};
pub use faults::Fault;
pub use model::{Finish, Reply, ToolCall, Usage};
pub use server::{Provider, refusing_port};
