//! Before a request can be written: having the key service resolve what it refers to.

use crate::json::Writer;
use crate::key::{MEDIA_PATH, TEXTS_PATH};
use crate::openai::Wanted;

use super::super::Reply;
use super::{Attempt, Outgoing, Phase};

impl Attempt {
    /// Takes the key service's answer to [`Outgoing::Resolve`], if there is one. The request is to be written anew
    /// then. The call keeps the answer for its other attempts, until one of them succeeds.
    pub fn resolved(&mut self, answer: Option<Vec<u8>>) {
        self.call.resolved.borrow_mut().extend(answer);
    }

    /// What the key service is to be asked for.
    pub(super) fn resolve(&mut self, wanted: &Wanted) -> Outgoing {
        if core::mem::replace(&mut self.asked, true) {
            // It is away, or of another version.
            self.phase = Phase::Closed;
            return Outgoing::Reply(Reply::unresolved());
        }
        // What the dialect has noted down, it will note down again.
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
