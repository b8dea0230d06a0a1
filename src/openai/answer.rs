//! A complete response.

use crate::facts::Usage;

/// A complete response in the client's format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The body.
    pub body: Vec<u8>,
    /// Its token usage.
    pub usage: Usage,
    /// Its `id`; empty if it has none.
    pub id: Box<str>,
}
