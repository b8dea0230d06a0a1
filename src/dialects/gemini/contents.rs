//! Translates `messages` to `systemInstruction` and `contents`.
//!
//! There are two roles, user and model. System messages at the start of the conversation become `systemInstruction`. Later
//! ones stay in place as the user's text: moving them would invalidate the prompt cache. Tool results are grouped in one
//! content, which takes the place of the user's turn.

use std::borrow::Cow;

use super::models::Model;
use super::parts::{self, Media};
use crate::json::{JsonStr, Object, Writer, fields, read};
use crate::openai::{Call, Content, ErrorBody, Message, ToolNames, bare_id, in_order_of_calls, signature_of};

/// Base64 of `skip_thought_signature_validator`: the provider's value for a call whose signature is unknown,
/// because another model made the call or the client lost the signature.
const UNSIGNED: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

/// A message and its index, for errors.
type Placed<'m, 'a> = (usize, &'m Message<'a>);

/// The role of a content. Tool results have the user's role, but stay in a separate content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    User,
    Model,
    Tool,
}

/// Writes `systemInstruction` from the system messages at the start.
pub(super) fn write_system(w: &mut Writer<'_>, messages: &[Message<'_>]) -> Result<(), ErrorBody> {
    let leading = leading(messages);
    if !leading.iter().any(|message| parts::says_something(&message.content)) {
        return Ok(());
    }
    w.key("systemInstruction").object().key("parts").array();
    write_instructions(w, leading)?;
    w.end_array().end_object();
    Ok(())
}

/// Writes `contents`.
pub(super) fn write(
    w: &mut Writer<'_>,
    messages: &[Message<'_>],
    model: &Model,
    names: &ToolNames,
    media: Media,
) -> Result<(), ErrorBody> {
    let leading = leading(messages);
    let ordered = in_order_of_calls(messages).into_iter().filter_map(|at| Some((at, messages.get(at)?)));
    let said: Vec<Placed<'_, '_>> =
        ordered.filter(|(at, message)| *at >= leading.len() && has_part(message)).collect();
    w.key("contents").array();
    let begins_with_user = said.first().is_some_and(|(_, message)| speaker(message) == Speaker::User);
    let instructed = !model.system && !leading.is_empty();
    if instructed || !begins_with_user {
        // The first content must be the user's, and not empty.
        w.object().key("role").string("user").key("parts").array();
        if instructed {
            write_instructions(w, leading)?;
        } else {
            w.object().key("text").string(" ").end_object();
        }
        w.end_array().end_object();
    }
    for turn in said.chunk_by(|(_, a), (_, b)| speaker(a) == speaker(b)) {
        let who = turn.first().map_or(Speaker::User, |(_, message)| speaker(message));
        let role = if who == Speaker::Model { "model" } else { "user" };
        w.object().key("role").string(role).key("parts").array();
        for &(at, message) in turn {
            match who {
                Speaker::User if is_system(message) => write_instruction(w, (at, message))?,
                Speaker::User => parts::write(w, &message.content, media, &place(at))?,
                Speaker::Model => write_model(w, (at, message), model, names)?,
                Speaker::Tool => write_result(w, (at, message), messages, model, names, media)?,
            }
        }
        let is_wordless = |(_, message): &Placed<'_, '_>| message.content.texts().all(JsonStr::is_empty);
        if who == Speaker::User && turn.iter().all(is_wordless) {
            // Vertex AI requires a text next to media.
            w.object().key("text").string(" ").end_object();
        }
        w.end_array().end_object();
    }
    w.end_array();
    Ok(())
}

fn is_system(message: &Message<'_>) -> bool {
    matches!(&*message.role, "system" | "developer")
}

fn speaker(message: &Message<'_>) -> Speaker {
    match &*message.role {
        "assistant" => Speaker::Model,
        "tool" | "function" => Speaker::Tool,
        _ => Speaker::User,
    }
}

/// Whether a message has a part; an empty content is rejected.
fn has_part(message: &Message<'_>) -> bool {
    match speaker(message) {
        Speaker::Tool => true,
        Speaker::User => parts::says_something(&message.content),
        Speaker::Model => {
            parts::says_something(&message.content)
                || message.calls().next().is_some()
                || message.refusal.is_some_and(|refusal| !refusal.is_empty())
        }
    }
}

/// The system messages at the start of the conversation.
fn leading<'m, 'a>(messages: &'m [Message<'a>]) -> &'m [Message<'a>] {
    let count = messages.iter().take_while(|message| is_system(message)).count();
    messages.get(..count).unwrap_or_default()
}

fn write_instructions(w: &mut Writer<'_>, messages: &[Message<'_>]) -> Result<(), ErrorBody> {
    messages.iter().enumerate().try_for_each(|placed| write_instruction(w, placed))
}

/// The texts of a system message.
fn write_instruction(w: &mut Writer<'_>, (at, message): Placed<'_, '_>) -> Result<(), ErrorBody> {
    if let Content::Parts(parts) = &message.content
        && let Some(n) = parts.iter().position(|part| parts::text_of(part).is_none())
    {
        return Err(ErrorBody::invalid(
            format!("{}.content[{n}].type", place(at)),
            "system and developer messages must be text",
        ));
    }
    parts::write(w, &message.content, Media::default(), &place(at))
}

/// The model's turn: thoughts, text, calls.
fn write_model(
    w: &mut Writer<'_>,
    (at, message): Placed<'_, '_>,
    model: &Model,
    names: &ToolNames,
) -> Result<(), ErrorBody> {
    if let Some(thoughts) = message.reasoning_content.filter(|thoughts| !thoughts.is_empty()) {
        w.object().key("thought").bool(true).key("text").raw(thoughts.token()).end_object();
    }
    let before = w.bytes().len();
    parts::write(w, &message.content, Media::default(), &place(at))?;
    if let Some(refusal) = message.refusal {
        parts::write_text(w, refusal);
    }
    if let Some(signature) = text_signature(message).filter(|_| w.bytes().len() > before) {
        w.reopen_object().key("thoughtSignature").raw(signature.token()).end_object();
    }
    let signatures: Vec<Option<Cow<'_, str>>> = signatures(message);
    let is_signed = signatures.iter().any(Option::is_some);
    for (n, Call { id, function, .. }) in message.calls().enumerate() {
        w.object().key("functionCall").object();
        if let Some(id) = id.filter(|_| model.signed_calls) {
            w.key("id").string(&bare_id(id.decode().unwrap_or_default()));
        }
        w.key("name").string(&names.sent(&function.name));
        w.key("args").raw(&function.input(&format!("{}.tool_calls[{n}]", place(at)))?);
        w.end_object();
        match signatures.get(n) {
            Some(Some(signature)) => {
                w.key("thoughtSignature").string(signature);
            }
            _ if model.signed_calls && n == 0 && !is_signed => {
                w.key("thoughtSignature").string(UNSIGNED);
            }
            _ => {}
        }
        w.end_object();
    }
    Ok(())
}

/// The signatures of a message's calls, in order.
fn signatures<'a>(message: &'a Message<'_>) -> Vec<Option<Cow<'a, str>>> {
    let calls = message.tool_calls.iter().filter(|call| call.function.is_some());
    calls.map(|call| signature_of(call.id, call.provider_specific_fields)).collect()
}

/// The signature of a message's text: the last one, which covers all thoughts before it.
fn text_signature<'a>(message: &Message<'a>) -> Option<JsonStr<'a>> {
    struct Fields<'a> {
        thought_signatures: Option<Vec<JsonStr<'a>>>,
    }
    fields!(Fields<'a> { thought_signatures });
    let fields: Fields<'a> = read(message.provider_specific_fields?).ok()?;
    fields.thought_signatures?.last().copied().filter(|signature| !signature.is_empty())
}

/// A tool's result: the function's name, looked up by the call's id, and an object.
fn write_result(
    w: &mut Writer<'_>,
    (at, message): Placed<'_, '_>,
    messages: &[Message<'_>],
    model: &Model,
    names: &ToolNames,
    media: Media,
) -> Result<(), ErrorBody> {
    let name = function_of(at, message, messages).ok_or_else(|| {
        ErrorBody::invalid(format!("{}.tool_call_id", place(at)), "no earlier tool call has this id")
    })?;
    w.object().key("functionResponse").object();
    if let Some(id) = message.tool_call_id.and_then(JsonStr::decode).filter(|_| model.signed_calls) {
        w.key("id").string(&bare_id(id));
    }
    w.key("name").string(&names.sent(&name)).key("response");
    write_response(w, &message.content);
    let write_media = |w: &mut Writer<'_>| -> Result<(), ErrorBody> {
        let Content::Parts(content) = &message.content else { return Ok(()) };
        for (n, part) in content.iter().enumerate().filter(|(_, part)| parts::text_of(part).is_none()) {
            parts::write_media(w, part, media, &format!("{}.content[{n}]", place(at)))?;
        }
        Ok(())
    };
    let has_media = matches!(&message.content, Content::Parts(content) if content.iter().any(|part| parts::text_of(part).is_none()));
    if has_media && model.signed_calls {
        w.key("parts").array();
        write_media(w)?;
        w.end_array();
    }
    w.end_object().end_object();
    if has_media && !model.signed_calls {
        // Next to the result, if it cannot be inside.
        write_media(w)?;
    }
    Ok(())
}

/// A result as an object: the result itself if it is an object, else its text as `content`.
fn write_response(w: &mut Writer<'_>, content: &Content<'_>) {
    let texts: Vec<JsonStr<'_>> = content.texts().collect();
    if let [text] = texts.as_slice()
        && text.inner().trim_start().starts_with('{')
        && let Some(text) = text.decode()
        && Object::parse(text.as_bytes()).is_ok()
    {
        w.raw(text.trim());
        return;
    }
    w.object().key("content").joined(texts).end_object();
}

/// The name of the function that a message is the result of.
fn function_of<'a>(at: usize, message: &Message<'a>, messages: &[Message<'a>]) -> Option<Cow<'a, str>> {
    let own = || message.name.and_then(JsonStr::decode).filter(|name| !name.is_empty());
    let Some(id) = message.tool_call_id.and_then(JsonStr::decode) else { return own() };
    let id = bare_id(id);
    // The last call with that id, because clients that generate ids reuse them from turn to turn.
    let calls = messages.iter().take(at).rev().flat_map(|message| message.calls().collect::<Vec<_>>());
    let mut called =
        calls.filter(|call| call.id.and_then(JsonStr::decode).is_some_and(|call| bare_id(call) == id));
    called.next().map(|call| call.function.name.0.clone()).or_else(own)
}

fn place(at: usize) -> String {
    format!("messages[{at}]")
}
