//! Responses of providers with the same API, which pass as they are.

use super::writer::ResponseWriter;
use crate::facts::Relay;
use crate::json::JsonStr;

impl Relay for ResponseWriter {
    fn id(&self) -> &str {
        &self.head.id
    }

    fn set_id(&mut self, id: JsonStr<'_>) {
        // Every event of the beginning and of the end has it.
        if !core::mem::replace(&mut self.begun, true) {
            id.inner().clone_into(&mut self.head.id);
        }
    }

    fn words(&mut self, words: &str) {
        self.frames.output.produced.add(words);
    }

    fn bytes(&mut self, pieces: &[&[u8]]) {
        self.relayed = Some(pieces.concat());
    }

    fn named_event(&mut self, name: &str, data: &[&[u8]]) {
        self.frames.relay(name, data);
    }

    fn end(&mut self) {
        self.frames.output.ended = true;
    }
}
