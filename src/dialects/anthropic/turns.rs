//! Translates `messages` to `system` and turns.
//!
//! Turns alternate, so consecutive messages of one side become a single turn. Tool results are grouped in a
//! user turn, before its text.

use super::super::claude::models::Model;
use super::super::claude::thinking::thinking_blocks;
use super::betas::Betas;
use super::blocks::{Blocks, says_something};

use crate::json::{JsonStr, Object, Raw, Writer};
use crate::openai::{Call, Content, ErrorBody, Message, ToolNames, bare_id, safe_id};

/// A message and its index, for errors.
type Placed<'m, 'a> = (usize, &'m Message<'a>);

/// Writes `system` from the messages at the start of the conversation. Moving later ones there would
/// invalidate the prompt cache. `given` is the client's own `system`, and `note` is an additional
/// instruction. Returns the number of messages used.
pub(super) fn write_system(
    w: &mut Writer<'_>,
    messages: &[Message<'_>],
    given: Option<Raw<'_>>,
    note: Option<&str>,
) -> Result<usize, ErrorBody> {
    let leading = messages.iter().take_while(|message| is_system(message)).count();
    let before = w.bytes().len();
    w.key("system").array();
    let empty = w.bytes().len();
    if let Some(given) = given {
        write_given(w, given)?;
    }
    for (at, message) in messages.iter().enumerate().take(leading) {
        instructions(w, (at, message))?;
    }
    if let Some(note) = note {
        w.object().key("type").string("text").key("text").string(note).end_object();
    }
    if w.bytes().len() == empty {
        w.bytes().truncate(before);
    } else {
        w.end_array();
    }
    Ok(leading)
}

/// The client's own `system`: a text, or blocks that are copied verbatim.
fn write_given(w: &mut Writer<'_>, given: Raw<'_>) -> Result<(), ErrorBody> {
    if let Some(text) = JsonStr::of(given) {
        blocks(w, &mut Betas::default()).text(text, None);
        return Ok(());
    }
    let blocks = given.get().strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let blocks =
        blocks.ok_or_else(|| ErrorBody::invalid("system", "expected a string or an array of text blocks"))?;
    if !blocks.trim().is_empty() {
        w.raw(blocks.trim());
    }
    Ok(())
}

/// Writes `messages`, skipping the first `from`.
pub(super) fn write_messages(
    w: &mut Writer<'_>,
    messages: &[Message<'_>],
    from: usize,
    model: &Model,
    names: &ToolNames,
    betas: &mut Betas,
) -> Result<(), ErrorBody> {
    let said: Vec<Placed<'_, '_>> =
        messages.iter().enumerate().skip(from).filter(|(_, message)| has_block(message)).collect();
    w.key("messages").array();
    if said.first().is_none_or(|(_, message)| is_assistant(message)) {
        // The first turn must be the user's, and not empty.
        w.object().key("role").string("user").key("content").string(".").end_object();
    }
    let last = said.last().map(|(at, _)| *at);
    for turn in said.chunk_by(|(_, a), (_, b)| is_assistant(a) == is_assistant(b)) {
        let is_assistants = turn.first().is_some_and(|(_, message)| is_assistant(message));
        if is_assistants {
            w.object().key("role").string("assistant").key("content").array();
            for placed in turn {
                assistant(w, *placed, last == Some(placed.0), names, betas)?;
            }
            w.end_array().end_object();
        } else {
            user_turn(w, turn, messages, model, betas)?;
        }
    }
    w.end_array();
    Ok(())
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

/// Whether a message has a block; an empty turn is rejected.
fn has_block(message: &Message<'_>) -> bool {
    is_result(message)
        || says_something(&message.content)
        || is_assistant(message)
            && (message.calls().next().is_some()
                || message.refusal.is_some_and(|refusal| !refusal.is_blank())
                || !thinking_blocks(message).is_empty())
}

fn user_turn(
    w: &mut Writer<'_>,
    turn: &[Placed<'_, '_>],
    messages: &[Message<'_>],
    model: &Model,
    betas: &mut Betas,
) -> Result<(), ErrorBody> {
    // Where `system` turns are supported, they must follow a user's turn, so those inside a turn are written
    // after it.
    let apart = model.system_turns && turn.iter().any(|(_, message)| !is_system(message));
    w.object().key("role").string("user").key("content").array();
    for placed in turn.iter().filter(|(_, message)| is_result(message)) {
        tool_result(w, *placed, messages, betas)?;
    }
    for (at, message) in turn.iter().filter(|(_, message)| !is_result(message)) {
        if is_system(message) {
            if !apart {
                instructions(w, (*at, message))?;
            }
        } else {
            blocks(w, betas).content(&message.content, message.cache_control, &place(*at))?;
        }
    }
    w.end_array().end_object();
    if apart && turn.iter().any(|(_, message)| is_system(message)) {
        w.object().key("role").string("system").key("content").array();
        for placed in turn.iter().filter(|(_, message)| is_system(message)) {
            instructions(w, *placed)?;
        }
        w.end_array().end_object();
    }
    Ok(())
}

/// The texts of a system message.
fn instructions(w: &mut Writer<'_>, (at, message): Placed<'_, '_>) -> Result<(), ErrorBody> {
    if let Content::Parts(parts) = &message.content
        && let Some(n) = parts.iter().position(|part| &*part.kind != "text")
    {
        return Err(ErrorBody::invalid(
            format!("{}.content[{n}].type", place(at)),
            "system and developer messages must be text",
        ));
    }
    blocks(w, &mut Betas::default()).content(&message.content, message.cache_control, &place(at))
}

fn tool_result(
    w: &mut Writer<'_>,
    (at, message): Placed<'_, '_>,
    messages: &[Message<'_>],
    betas: &mut Betas,
) -> Result<(), ErrorBody> {
    w.object().key("type").string("tool_result").key("tool_use_id");
    match message.tool_call_id {
        Some(id) => w.string(&call_id(id, || format!("{}.tool_call_id", place(at)))?),
        None if &*message.role == "function" => {
            // The deprecated form has no ids: a result belongs to the call before it.
            let call = messages.iter().take(at).rposition(|earlier| earlier.function_call.is_some());
            w.string(&function_call_id(call.unwrap_or_default()))
        }
        None => {
            return Err(ErrorBody::invalid(
                format!("{}.tool_call_id", place(at)),
                "a 'tool' message must have a 'tool_call_id'",
            ));
        }
    };
    match &message.content {
        Content::Text(text) if !text.is_blank() => {
            w.key("content").raw(text.token());
        }
        content if says_something(content) => {
            w.key("content").array();
            blocks(w, betas).content(content, None, &place(at))?;
            w.end_array();
        }
        _ => {}
    }
    if let Some(mark) = message.cache_control {
        w.key("cache_control").raw(mark.get());
    }
    w.end_object();
    Ok(())
}

fn assistant(
    w: &mut Writer<'_>,
    (at, message): Placed<'_, '_>,
    last: bool,
    names: &ToolNames,
    betas: &mut Betas,
) -> Result<(), ErrorBody> {
    for block in thinking_blocks(message) {
        write_thinking(w, block);
    }
    let calls = message.calls().count();
    let mut blocks = Blocks { w, betas, trim: last && calls == 0 };
    let mark = message.cache_control.filter(|_| calls == 0);
    blocks.content(&message.content, mark, &place(at))?;
    if let Some(refusal) = message.refusal {
        blocks.text(refusal, mark.filter(|_| !says_something(&message.content)));
    }
    for (n, Call { id, function, cache_control }) in message.calls().enumerate() {
        let field = format!("{}.tool_calls[{n}]", place(at));
        w.object().key("type").string("tool_use").key("id");
        match id {
            Some(id) => w.string(&call_id(id, || format!("{field}.id"))?),
            None if message.function_call.is_some() => w.string(&function_call_id(at)),
            None => return Err(ErrorBody::invalid(format!("{field}.id"), "a tool call must have an 'id'")),
        };
        w.key("name").string(&names.sent(&function.name));
        w.key("input").raw(&function.input(&field)?);
        if let Some(mark) = cache_control.or(message.cache_control.filter(|_| n + 1 == calls)) {
            w.key("cache_control").raw(mark.get());
        }
        w.end_object();
    }
    Ok(())
}

/// A reasoning block verbatim, except for the index that it had in a stream.
fn write_thinking(w: &mut Writer<'_>, block: Raw<'_>) {
    let Some(object) = Object::of(block) else { return };
    w.object();
    for member in object.members().iter().filter(|member| member.key.inner() != "index") {
        w.raw(member.key.token());
        w.bytes().push(b':');
        w.raw(member.value.get());
    }
    w.end_object();
}

fn call_id(id: JsonStr<'_>, field: impl FnOnce() -> String) -> Result<String, ErrorBody> {
    match id.decode().map(bare_id).filter(|id| !id.is_empty()) {
        Some(id) => Ok(safe_id(&id).into_owned()),
        None => Err(ErrorBody::invalid(field(), "expected a non-empty string")),
    }
}

/// An id for the deprecated `function_call` of the message at that index.
fn function_call_id(at: usize) -> String {
    format!("function_call_{at}")
}

fn place(at: usize) -> String {
    format!("messages[{at}]")
}

fn blocks<'w, 'o>(w: &'w mut Writer<'o>, betas: &'w mut Betas) -> Blocks<'w, 'o> {
    Blocks { w, betas, trim: false }
}
