//! Translates `messages` to `system` and turns.
//!
//! Turns alternate, so consecutive messages of one side become a single turn. Tool results are grouped in a
//! user turn, before its text.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::super::claude::thinking::thinking_blocks;
use super::blocks::{Blocks, has_words, says_something};
use super::models::{Model, Reasoning};
use crate::json::{JsonStr, JsonString, Writer, fields, read};
use crate::openai::{Call, Content, ErrorBody, Message, ToolNames, bare_id, safe_id};

/// Maximum length of a call's id, bytes.
const ID_LIMIT: usize = 64;

/// A message and its index, for errors.
type Placed<'m, 'a> = (usize, &'m Message<'a>);

/// Writes `system` and `messages`.
pub(super) struct Turns<'t, 'a> {
    pub(super) messages: &'t [Message<'a>],
    pub(super) model: &'t Model,
    pub(super) names: &'t ToolNames,
    /// Additional instructions.
    pub(super) notes: &'t [String],
    documents: Vec<String>,
}

impl<'t, 'a> Turns<'t, 'a> {
    /// Creates the turns of these messages.
    pub(super) fn new(
        messages: &'t [Message<'a>],
        model: &'t Model,
        names: &'t ToolNames,
        notes: &'t [String],
    ) -> Self {
        Self { messages, model, names, notes, documents: Vec::new() }
    }

    /// Writes both. Instructions at the start of the conversation become `system`. Later ones stay in place,
    /// because moving them would invalidate the prompt cache.
    pub(super) fn write(mut self, w: &mut Writer<'_>) -> Result<(), ErrorBody> {
        let leading = self.messages.iter().take_while(|message| is_system(message)).count();
        let lifted = if self.model.system { leading } else { 0 };
        let (leaders, notes) = (self.messages.get(..lifted).unwrap_or_default(), self.notes);
        let has_notes = self.model.system && !notes.is_empty();
        if has_notes || leaders.iter().any(|message| says_something(&message.content)) {
            w.key("system").array();
            for placed in leaders.iter().enumerate() {
                self.instructions(w, placed)?;
            }
            if has_notes {
                self.write_notes(w);
            }
            w.end_array();
        }
        self.write_messages(w, lifted)
    }

    fn write_notes(&mut self, w: &mut Writer<'_>) {
        for note in self.notes {
            self.blocks(w).text(JsonString::new(note).as_str(), None);
        }
    }

    fn write_messages(&mut self, w: &mut Writer<'_>, from: usize) -> Result<(), ErrorBody> {
        let messages = self.messages;
        let said: Vec<Placed<'_, '_>> =
            messages.iter().enumerate().skip(from).filter(|(_, message)| self.has_block(message)).collect();
        let mut notes = !self.model.system && !self.notes.is_empty();
        w.key("messages").array();
        if said.first().is_none_or(|(_, message)| is_assistant(message)) {
            // The first turn must be the user's, and not empty.
            w.object().key("role").string("user").key("content").array();
            if core::mem::take(&mut notes) {
                self.write_notes(w);
            }
            w.object().key("text").string(".").end_object().end_array().end_object();
        }
        let last = said.last().map(|(at, _)| *at);
        for turn in said.chunk_by(|(_, a), (_, b)| is_assistant(a) == is_assistant(b)) {
            let is_assistants = turn.first().is_some_and(|(_, message)| is_assistant(message));
            w.object().key("role").string(if is_assistants { "assistant" } else { "user" });
            w.key("content").array();
            if is_assistants {
                for placed in turn {
                    self.assistant(w, *placed, last == Some(placed.0))?;
                }
            } else {
                if core::mem::take(&mut notes) {
                    self.write_notes(w);
                }
                self.user_turn(w, turn)?;
            }
            w.end_array().end_object();
        }
        w.end_array();
        Ok(())
    }

    /// Whether a message has a block; an empty turn is rejected.
    fn has_block(&self, message: &Message<'_>) -> bool {
        is_result(message)
            || says_something(&message.content)
            || is_assistant(message)
                && (message.calls().next().is_some()
                    || message.refusal.is_some_and(|refusal| !refusal.is_blank())
                    || self.keeps_reasoning() && !thinking_blocks(message).is_empty())
    }

    /// Whether reasoning is sent back: only Claude signs it, and other models reject it.
    fn keeps_reasoning(&self) -> bool {
        self.model.reasoning == Reasoning::Claude || self.model.name.is_empty()
    }

    fn user_turn(&mut self, w: &mut Writer<'_>, turn: &[Placed<'_, '_>]) -> Result<(), ErrorBody> {
        for placed in turn.iter().filter(|(_, message)| is_result(message)) {
            self.tool_result(w, *placed)?;
        }
        let documents = self.documents.len();
        let mut words = false;
        for (at, message) in turn.iter().filter(|(_, message)| !is_result(message)) {
            words |= has_words(&message.content);
            if is_system(message) {
                self.instructions(w, (*at, message))?;
            } else {
                self.blocks(w).content(&message.content, message.cache_control, &place(*at))?;
            }
        }
        if self.documents.len() > documents && !words {
            // A document without text next to it is rejected.
            w.object().key("text").string(".").end_object();
        }
        Ok(())
    }

    /// The texts of a system message.
    fn instructions(&mut self, w: &mut Writer<'_>, (at, message): Placed<'_, '_>) -> Result<(), ErrorBody> {
        if let Content::Parts(parts) = &message.content
            && let Some(n) = parts.iter().position(|part| &*part.kind != "text")
        {
            return Err(ErrorBody::invalid(
                format!("{}.content[{n}].type", place(at)),
                "system and developer messages must be text",
            ));
        }
        self.blocks(w).content(&message.content, message.cache_control, &place(at))
    }

    fn tool_result(&mut self, w: &mut Writer<'_>, (at, message): Placed<'_, '_>) -> Result<(), ErrorBody> {
        w.object().key("toolResult").object().key("toolUseId");
        match message.tool_call_id {
            Some(id) => w.string(&call_id(id, || format!("{}.tool_call_id", place(at)))?),
            None if &*message.role == "function" => {
                // The deprecated form has no ids: a result belongs to the call before it.
                let call = self.messages.iter().take(at).rposition(|earlier| earlier.function_call.is_some());
                w.string(&function_call_id(call.unwrap_or_default()))
            }
            None => {
                return Err(ErrorBody::invalid(
                    format!("{}.tool_call_id", place(at)),
                    "a 'tool' message must have a 'tool_call_id'",
                ));
            }
        };
        w.key("content").array();
        if says_something(&message.content) {
            let mut blocks = self.blocks(w);
            blocks.caching = false;
            blocks.content(&message.content, None, &place(at))?;
        } else {
            // Blank text is rejected.
            w.object().key("text").string(".").end_object();
        }
        w.end_array().end_object().end_object();
        self.blocks(w).cache_point(message.cache_control);
        Ok(())
    }

    fn assistant(
        &mut self,
        w: &mut Writer<'_>,
        (at, message): Placed<'_, '_>,
        last: bool,
    ) -> Result<(), ErrorBody> {
        if self.keeps_reasoning() {
            reasoning(w, message);
        }
        let calls = message.calls().count();
        let mark = message.cache_control.filter(|_| calls == 0);
        let mut blocks = self.blocks(w);
        blocks.trim = last && calls == 0;
        blocks.content(&message.content, mark, &place(at))?;
        if let Some(refusal) = message.refusal {
            blocks.text(refusal, mark.filter(|_| !says_something(&message.content)));
        }
        for (n, Call { id, function, cache_control }) in message.calls().enumerate() {
            let field = format!("{}.tool_calls[{n}]", place(at));
            w.object().key("toolUse").object().key("toolUseId");
            match id {
                Some(id) => w.string(&call_id(id, || format!("{field}.id"))?),
                None if message.function_call.is_some() => w.string(&function_call_id(at)),
                None => {
                    return Err(ErrorBody::invalid(format!("{field}.id"), "a tool call must have an 'id'"));
                }
            };
            w.key("name").string(&self.names.sent(&function.name));
            w.key("input").raw(&function.input(&field)?).end_object().end_object();
            let mark = cache_control.or(message.cache_control.filter(|_| n + 1 == calls));
            self.blocks(w).cache_point(mark);
        }
        Ok(())
    }

    fn blocks<'w, 'o>(&'w mut self, w: &'w mut Writer<'o>) -> Blocks<'w, 'o> {
        Blocks { w, caching: self.model.caching, documents: &mut self.documents, trim: false }
    }
}

/// Writes the reasoning that can be sent back, unchanged.
fn reasoning(w: &mut Writer<'_>, message: &Message<'_>) {
    struct Wire<'a> {
        thinking: Option<JsonStr<'a>>,
        signature: Option<JsonStr<'a>>,
        data: Option<JsonStr<'a>>,
    }
    fields!(Wire<'a> { thinking, signature, data });
    for block in thinking_blocks(message) {
        let Ok(wire) = read::<Wire<'_>>(block) else { continue };
        w.object().key("reasoningContent").object();
        if let Some(data) = wire.data {
            w.key("redactedContent").raw(data.token());
        } else {
            w.key("reasoningText").object();
            w.key("text").raw(wire.thinking.unwrap_or(JsonStr::EMPTY).token());
            w.key("signature").raw(wire.signature.unwrap_or(JsonStr::EMPTY).token()).end_object();
        }
        w.end_object().end_object();
    }
}

fn is_assistant(message: &Message<'_>) -> bool {
    &*message.role == "assistant"
}

fn is_system(message: &Message<'_>) -> bool {
    matches!(&*message.role, "system" | "developer")
}

fn is_result(message: &Message<'_>) -> bool {
    matches!(&*message.role, "tool" | "function")
}

/// Shortens an id to at most [`ID_LIMIT`] valid characters. The ids of a call and its result both pass
/// through here in every turn, so the same id always gives the same result.
fn call_id(id: JsonStr<'_>, field: impl FnOnce() -> String) -> Result<Cow<'_, str>, ErrorBody> {
    let Some(id) = id.decode().map(bare_id).filter(|id| !id.is_empty()) else {
        return Err(ErrorBody::invalid(field(), "expected a non-empty string"));
    };
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    if id.len() <= ID_LIMIT && id.bytes().all(is_fine) {
        return Ok(id);
    }
    let safe = safe_id(&id).into_owned();
    if safe.len() <= ID_LIMIT {
        return Ok(Cow::Owned(safe));
    }
    // Long ids may differ only near the end, so a digest replaces it.
    let digest = Sha256::digest(id.as_bytes());
    let start = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    Ok(Cow::Owned(format!("call_{start:032x}")))
}

/// An id for the deprecated `function_call` of the message at that index.
fn function_call_id(at: usize) -> String {
    format!("function_call_{at}")
}

fn place(at: usize) -> String {
    format!("messages[{at}]")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(id: &str) -> String {
        call_id(JsonString::new(id).as_str(), String::new).unwrap().into_owned()
    }

    #[test]
    fn fine_ids_stay() {
        assert_eq!(sent("tooluse_a.b:c-1"), "tooluse_a.b:c-1");
        assert_eq!(sent("call|1"), "call_7c1");
    }

    proptest! {
        #[test]
        fn every_id_becomes_one_that_is_taken_and_always_the_same(id in ".{1,90}", other in ".{1,90}") {
            let made = sent(&id);
            prop_assert!(!made.is_empty() && made.len() <= ID_LIMIT);
            prop_assert!(made.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte)));
            prop_assert_eq!(&made, &sent(&id));
            if id.len() > ID_LIMIT && other.len() > ID_LIMIT && id != other {
                prop_assert_ne!(made, sent(&other));
            }
        }
    }
}
