//! `messages`: the roles are `OpenAI`'s, but with fewer content types.

use crate::json::{JsonStr, Writer};
use crate::openai::{Call, Content, ErrorBody, Message, Part, bare};

/// Writes the messages.
pub(super) fn write(w: &mut Writer<'_>, messages: &[Message<'_>]) -> Result<(), ErrorBody> {
    w.key("messages").array();
    for (at, message) in messages.iter().enumerate() {
        w.object();
        match &*message.role {
            "system" | "developer" => {
                w.key("role").string("system");
                texts(w, &message.content, at)?;
            }
            "assistant" => assistant(w, message, at)?,
            "tool" | "function" => {
                w.key("role").string("tool").key("tool_call_id");
                match message.tool_call_id {
                    Some(id) => w.string(&bare(id)),
                    // The deprecated form has no ids: a result belongs to the call before it.
                    None => w.string(&function_call_id(call_before(messages, at))),
                };
                texts(w, &message.content, at)?;
            }
            _ => {
                w.key("role").string("user");
                user(w, &message.content, at)?;
            }
        }
        w.end_object();
    }
    w.end_array();
    Ok(())
}

fn assistant(w: &mut Writer<'_>, message: &Message<'_>, at: usize) -> Result<(), ErrorBody> {
    w.key("role").string("assistant");
    if message.calls().next().is_none() {
        if message.content.is_empty() && message.refusal.is_some() {
            w.key("content").raw(message.refusal.unwrap_or(JsonStr::EMPTY).token());
            return Ok(());
        }
        return texts(w, &message.content, at);
    }
    // Text next to a call is its plan.
    let said: Vec<JsonStr<'_>> = message.content.texts().filter(|text| !text.is_blank()).collect();
    if !said.is_empty() {
        w.key("tool_plan").joined(said);
    } else if let Some(plan) = message.reasoning_content.filter(|plan| !plan.is_blank()) {
        w.key("tool_plan").raw(plan.token());
    }
    w.key("tool_calls").array();
    for Call { id, function, .. } in message.calls() {
        w.object().key("id");
        match id {
            Some(id) => w.string(&bare(id)),
            None => w.string(&function_call_id(at)),
        };
        w.key("type").string("function").key("function").object().key("name").string(&function.name);
        let arguments = function.arguments.filter(|arguments| !arguments.is_blank());
        w.key("arguments").raw(arguments.map_or("\"{}\"", JsonStr::token));
        w.end_object().end_object();
    }
    w.end_array();
    Ok(())
}

/// Text content: a string, or an array of texts.
fn texts(w: &mut Writer<'_>, content: &Content<'_>, at: usize) -> Result<(), ErrorBody> {
    if let Content::Parts(parts) = content
        && let Some((n, part)) =
            parts.iter().enumerate().find(|(_, part)| !matches!(&*part.kind, "text" | "refusal"))
    {
        return Err(refused(at, n, part));
    }
    let said: Vec<JsonStr<'_>> = match content {
        Content::Parts(parts) => parts.iter().filter_map(|part| part.text.or(part.refusal)).collect(),
        content => content.texts().collect(),
    };
    let said: Vec<JsonStr<'_>> = said.into_iter().filter(|text| !text.is_empty()).collect();
    w.key("content");
    if let [] | [_] = said.as_slice() {
        w.joined(said);
        return Ok(());
    }
    w.array();
    for text in said {
        w.object().key("type").string("text").key("text").raw(text.token()).end_object();
    }
    w.end_array();
    Ok(())
}

/// Text and images.
fn user(w: &mut Writer<'_>, content: &Content<'_>, at: usize) -> Result<(), ErrorBody> {
    let parts = match content {
        Content::Parts(parts) if parts.iter().any(|part| &*part.kind != "text") => parts,
        words => return texts(w, words, at),
    };
    w.key("content").array();
    for (n, part) in parts.iter().enumerate() {
        match (&*part.kind, part.text, &part.image_url) {
            ("text", Some(text), _) => {
                w.object().key("type").string("text").key("text").raw(text.token()).end_object();
            }
            ("image_url", _, Some(image)) => {
                w.object().key("type").string("image_url").key("image_url").object();
                w.key("url").raw(image.url.token());
                if let Some(detail) = image.detail {
                    w.key("detail").raw(detail.token());
                }
                w.end_object().end_object();
            }
            _ => return Err(refused(at, n, part)),
        }
    }
    w.end_array();
    Ok(())
}

fn refused(at: usize, n: usize, part: &Part<'_>) -> ErrorBody {
    ErrorBody::invalid(
        format!("messages[{at}].content[{n}].type"),
        &format!("the model's provider does not support content of type '{}' here", &*part.kind),
    )
}

/// The index of the call for a deprecated `function` message.
fn call_before(messages: &[Message<'_>], at: usize) -> usize {
    let calls = messages.iter().take(at).rposition(|earlier| earlier.function_call.is_some());
    calls.unwrap_or_default()
}

/// An id for the deprecated `function_call` of the message at that index.
fn function_call_id(at: usize) -> String {
    format!("function_call_{at}")
}
