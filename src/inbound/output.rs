//! What the writers of all formats keep, and what they do with a response that is in the client's format already.

use crate::facts::{Relay, Usage};
use crate::json::JsonStr;
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

impl Output {
    /// The data of an event, which must be one line. A line break in JSON can only be between tokens, where a space means the
    /// same.
    pub(super) fn line(&mut self, pieces: &[&[u8]]) {
        for piece in pieces {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(piece);
            let added = self.bytes.get_mut(start..).unwrap_or_default();
            added.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
        }
    }

    /// A relayed event with a name.
    pub(super) fn named_event(&mut self, name: &str, data: &[&[u8]]) {
        for piece in ["event: ", name, "\ndata: "] {
            self.bytes.extend_from_slice(piece.as_bytes());
        }
        self.line(data);
        self.bytes.extend_from_slice(b"\n\n");
    }
}

/// A complete response in the client's format.
#[derive(Debug, Default)]
pub(super) struct Relayed {
    /// Its id, as the contents of a JSON string.
    pub(super) id: String,
    /// The response, if there is one.
    pub(super) body: Option<Vec<u8>>,
}

impl Relay for Relayed {
    fn id(&self) -> &str {
        &self.id
    }

    fn set_id(&mut self, id: JsonStr<'_>) {
        id.inner().clone_into(&mut self.id);
    }

    fn words(&mut self, _: &str) {}

    fn bytes(&mut self, pieces: &[&[u8]]) {
        self.body = Some(pieces.concat());
    }

    fn end(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn the_data_of_an_event_is_one_line() {
        let mut output = Output::default();
        output.named_event("message_stop", &[b"{\"a\":\n", b" 1\r\n}"]);
        assert_eq!(output.bytes, b"event: message_stop\ndata: {\"a\":  1  }\n\n");
    }
}
