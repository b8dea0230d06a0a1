//! Responses of providers with the same API, which pass as they are.

use super::events::EventWriter;
use super::whole::MessageWriter;
use crate::facts::Relay;
use crate::json::JsonStr;

impl Relay for MessageWriter<'_> {
    fn id(&self) -> &str {
        &self.id
    }

    fn set_id(&mut self, id: JsonStr<'_>) {
        id.inner().clone_into(&mut self.id);
    }

    fn words(&mut self, _: &str) {}

    fn bytes(&mut self, pieces: &[&[u8]]) {
        self.relayed = Some(pieces.concat());
    }

    fn end(&mut self) {}
}

impl Relay for EventWriter {
    fn id(&self) -> &str {
        &self.id
    }

    fn set_id(&mut self, id: JsonStr<'_>) {
        id.inner().clone_into(&mut self.id);
    }

    fn words(&mut self, words: &str) {
        self.output.produced.add(words);
    }

    /// Every event of this API has a name.
    fn bytes(&mut self, _: &[&[u8]]) {}

    fn named_event(&mut self, name: &str, data: &[&[u8]]) {
        if self.output.ended {
            return;
        }
        let out = &mut self.output.bytes;
        for piece in ["event: ", name, "\ndata: "] {
            out.extend_from_slice(piece.as_bytes());
        }
        for piece in data {
            for (n, line) in piece.split(|byte| *byte == b'\n').enumerate() {
                if n > 0 {
                    out.extend_from_slice(b"\ndata: ");
                }
                out.extend_from_slice(line);
            }
        }
        out.extend_from_slice(b"\n\n");
    }

    fn end(&mut self) {
        self.output.ended = true;
    }
}
