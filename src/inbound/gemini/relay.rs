//! Responses of providers with the same API, which pass as they are.

use super::events::EventWriter;
use crate::facts::Relay;
use crate::json::JsonStr;

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
        self.output.line(pieces);
        self.form.close(false, &mut self.output.bytes);
    }

    fn end(&mut self) {
        if !core::mem::replace(&mut self.output.ended, true) {
            self.form.finish(!self.begun, &mut self.output.bytes);
        }
    }
}
