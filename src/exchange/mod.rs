//! The life of a request, told without a host: it takes bytes and facts, and returns what is to be done.

mod streaming;

pub use streaming::Streaming;
