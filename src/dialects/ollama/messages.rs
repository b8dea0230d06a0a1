//! `messages`: content is a single string with images next to it, and a call's arguments are an object.

use crate::json::{JsonStr, Writer};
use crate::openai::{Call, Content, DataUrl, ErrorBody, Message, Part, bare, in_order_of_calls};

/// Writes the messages.
pub(super) fn write(w: &mut Writer<'_>, messages: &[Message<'_>]) -> Result<(), ErrorBody> {
    w.key("messages").array();
    // Servers that do not know `tool_call_id` distinguish results of the same function only by position.
    for at in in_order_of_calls(messages) {
        let Some(message) = messages.get(at) else { continue };
        let role = match &*message.role {
            "developer" => "system",
            "function" => "tool",
            role => role,
        };
        w.object().key("role").string(role);
        content(w, message, at)?;
        match role {
            "assistant" => assistant(w, message, at)?,
            "tool" => result(w, messages, message, at),
            _ => {}
        }
        w.end_object();
    }
    w.end_array();
    Ok(())
}

fn content(w: &mut Writer<'_>, message: &Message<'_>, at: usize) -> Result<(), ErrorBody> {
    let refusal = message.refusal.filter(|_| message.content.is_empty());
    w.key("content").joined(message.content.texts().chain(refusal));
    let Content::Parts(parts) = &message.content else { return Ok(()) };
    let is_word = |part: &Part<'_>| matches!(&*part.kind, "text" | "refusal");
    if parts.iter().all(is_word) {
        return Ok(());
    }
    w.key("images").array();
    for (n, part) in parts.iter().enumerate().filter(|(_, part)| !is_word(part)) {
        let field = format!("messages[{at}].content[{n}]");
        let Some(image) = part.image_url.as_ref().filter(|_| &*part.kind == "image_url") else {
            return Err(ErrorBody::invalid(
                format!("{field}.type"),
                &format!("the model's provider does not support content of type '{}'", &*part.kind),
            ));
        };
        let Some(data) = DataUrl::parse(image.url) else {
            return Err(ErrorBody::invalid(
                format!("{field}.image_url.url"),
                "the model's provider supports only base64 'data:' URLs",
            ));
        };
        w.escaped(data.data);
    }
    w.end_array();
    Ok(())
}

fn assistant(w: &mut Writer<'_>, message: &Message<'_>, at: usize) -> Result<(), ErrorBody> {
    if let Some(thought) = message.reasoning_content.filter(|thought| !thought.is_empty()) {
        w.key("thinking").raw(thought.token());
    }
    if message.calls().next().is_none() {
        return Ok(());
    }
    w.key("tool_calls").array();
    for (n, Call { id, function, .. }) in message.calls().enumerate() {
        w.object();
        if let Some(id) = id {
            w.key("id").string(&bare(id));
        }
        w.key("function").object().key("name").string(&function.name).key("arguments");
        w.raw(&function.input(&format!("messages[{at}].tool_calls[{n}]"))?).end_object().end_object();
    }
    w.end_array();
    Ok(())
}

/// A tool's result, identified by the function's name, which is found in the call before it.
fn result(w: &mut Writer<'_>, messages: &[Message<'_>], message: &Message<'_>, at: usize) {
    let before = messages.iter().take(at).rev();
    let id = message.tool_call_id;
    let mut calls = before.flat_map(Message::calls);
    let called = calls.find(|call| id.is_some() && call.id.map(JsonStr::token) == id.map(JsonStr::token));
    match (called, message.name) {
        (Some(call), _) => {
            w.key("tool_name").string(&call.function.name);
        }
        (None, Some(name)) => {
            w.key("tool_name").raw(name.token());
        }
        (None, None) => {}
    }
    if let Some(id) = id {
        w.key("tool_call_id").string(&bare(id));
    }
}
