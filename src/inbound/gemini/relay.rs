//! Responses of providers with the same API, which pass as they are.

use super::events::EventWriter;
use super::whole::ContentWriter;
use crate::facts::Relay;
use crate::json::JsonStr;

impl Relay for ContentWriter<'_> {
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

    fn bytes(&mut self, pieces: &[&[u8]]) {
        if self.output.ended {
            return;
        }
        self.form.open(!core::mem::replace(&mut self.begun, true), &mut self.output.bytes);
        let start = self.output.bytes.len();
        for piece in pieces {
            self.output.bytes.extend_from_slice(piece);
        }
        // A line break can only be between tokens, and would end the event.
        for byte in self.output.bytes.iter_mut().skip(start).filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        self.form.close(false, &mut self.output.bytes);
    }

    fn end(&mut self) {
        if !core::mem::replace(&mut self.output.ended, true) {
            self.form.finish(!self.begun, &mut self.output.bytes);
        }
    }
}
