//! A whole answer.

use crate::facts::Usage;

/// A whole answer in the client's language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The body.
    pub body: Vec<u8>,
    /// What it cost in tokens.
    pub usage: Usage,
    /// Its `id`; empty where it has none.
    pub id: Box<str>,
}
