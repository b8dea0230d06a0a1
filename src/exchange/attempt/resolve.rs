//! Resolves references through the key service before a request is written.

use crate::json::Writer;
use crate::key::{MEDIA_PATH, TEXTS_PATH};
use crate::openai::Wanted;

use super::super::Reply;
use super::{Attempt, Outgoing, Phase};

impl Attempt {
    /// Takes the key service's response to [`Outgoing::Resolve`], if there was one. Then the request must be
    /// written again. The call keeps the response for later attempts until one of them succeeds.
    pub fn resolved(&mut self, answer: Option<Vec<u8>>) {
        if self.heard(answer.as_deref()) {
            return;
        }
        self.call.resolved.borrow_mut().extend(answer);
    }

    /// The call to the key service.
    pub(super) fn resolve(&mut self, wanted: &Wanted) -> Outgoing {
        if core::mem::replace(&mut self.asked, true) {
            // It is unavailable, or a different version.
            self.phase = Phase::Closed;
            return Outgoing::Reply(self.call.in_language(Reply::unresolved()));
        }
        // Discard what the dialect recorded; it will record it again.
        self.memo = self.call.memo.clone();
        let mut body = Vec::new();
        let mut w = Writer::new(&mut body);
        w.object();
        let path = match wanted {
            Wanted::Media(urls) => {
                w.key("urls").array();
                for url in urls {
                    w.string(url);
                }
                w.end_array();
                MEDIA_PATH
            }
            Wanted::Texts(input) => {
                w.key("model").string(&self.memo.model).key("input").raw(input);
                TEXTS_PATH
            }
        };
        w.end_object();
        Outgoing::Resolve { path, body }
    }
}
