//! Pairs calls with their results. Other APIs reject a call without a result and a result without a call, which Anthropic's
//! clients leave behind when they shorten a conversation.

use crate::json::{JsonStr, Writer};

/// The calls of the assistant's last turn that have no result yet.
#[derive(Default)]
pub(super) struct Pending<'a> {
    ids: Vec<JsonStr<'a>>,
    /// A message that came before the results, and may not be between them and their calls.
    held: Vec<u8>,
}

impl<'a> Pending<'a> {
    /// The assistant calls these.
    pub(super) fn open(&mut self, ids: impl Iterator<Item = JsonStr<'a>>) {
        self.ids.extend(ids);
    }

    /// A result: whether its call is one of them.
    pub(super) fn take(&mut self, id: JsonStr<'_>) -> bool {
        let at = self.ids.iter().position(|pending| pending.token() == id.token());
        at.map(|at| self.ids.remove(at)).is_some()
    }

    /// Writes a message now, or after the results if some are missing.
    pub(super) fn or_now<T>(&mut self, w: &mut Writer<'_>, write: impl FnOnce(&mut Writer<'_>) -> T) -> T {
        if self.ids.is_empty() { write(w) } else { write(&mut Writer::new(&mut self.held)) }
    }

    /// Writes results for calls that have none, because others follow now.
    pub(super) fn close(&mut self, w: &mut Writer<'_>) {
        for id in self.ids.drain(..) {
            w.object().key("role").string("tool").key("tool_call_id").raw(id.token());
            w.key("content").string("(no result)").end_object();
        }
        if !self.held.is_empty() {
            w.raw(&String::from_utf8_lossy(&self.held));
            self.held.clear();
        }
    }
}
