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

    /// Every event of this API has a name.
    fn bytes(&mut self, _: &[&[u8]]) {}

    fn named_event(&mut self, name: &str, data: &[&[u8]]) {
        if self.output.ended {
            return;
        }
        self.output.named_event(name, data);
    }

    fn end(&mut self) {
        self.output.ended = true;
    }
}
