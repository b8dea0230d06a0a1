//! Compaction: the model writes a summary, which replaces the conversation in the client's next request.
//!
//! `OpenAI`'s own is encrypted. This one is a text in the carrier of other state, so that any model can continue with it.

use super::super::carrier::{Carried, open};
use crate::json::{JsonStr, JsonString, Writer};

/// What the model is asked for, after the conversation.
const TASK: &str = "Summarize this conversation so that another assistant can continue it without having seen it. \
State the user's requests and constraints in their own words, the decisions and why they were made, the current state \
(files, commands and their results, errors), and what remains to be done. Keep names, paths, identifiers and numbers \
exactly. Answer with the summary alone, and call no tools.";

/// What another model reads before the summary.
const INTRODUCTION: &str = "Summary of the conversation so far:\n\n";

/// Writes the message that asks for a summary.
pub(super) fn write_task(w: &mut Writer<'_>) {
    w.object().key("role").string("user").key("content").string(TASK).end_object();
}

/// Writes a summary as a message.
pub(super) fn write_summary(w: &mut Writer<'_>, encrypted: JsonStr<'_>) {
    let Some(json) = open(encrypted) else { return };
    let Some(summary) = Carried::read(&json).and_then(|carried| carried.summary) else { return };
    let introduction = JsonString::new(INTRODUCTION);
    w.object()
        .key("role")
        .string("user")
        .key("content")
        .joined([introduction.as_str(), summary])
        .end_object();
}

/// Whether an item's state is a summary of this gateway.
pub(super) fn is_ours(encrypted: Option<JsonStr<'_>>) -> bool {
    encrypted.and_then(open).is_some_and(|json| Carried::read(&json).is_some_and(|it| it.summary.is_some()))
}
