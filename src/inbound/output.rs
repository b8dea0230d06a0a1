//! What the writers of all streams keep.

use crate::facts::Usage;
use crate::tokens::Tokens;

/// The state of a streamed response.
#[derive(Debug, Default)]
pub struct Output {
    /// The bytes to send to the client.
    pub bytes: Vec<u8>,
    /// The usage so far.
    pub usage: Usage,
    /// Tokens generated so far, estimated.
    pub produced: Tokens,
    /// Whether the response has ended, normally or with an error.
    pub ended: bool,
}
