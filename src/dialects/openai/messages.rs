//! Edits `messages` in place, for vendors that support less than `OpenAI`.

use super::super::Target;
use super::quirks::Quirks;
use super::{formats, json_string};
use crate::json::{JsonStr, JsonString, Member, Object, Raw, Splice, Writer, read};
use crate::openai::{
    Content, ErrorBody, Request, SIGNATURE_FIELDS, SIGNATURE_IN_ID, bare_id, nine_letter_id,
};

/// The prompt cache marker, which may also be next to a call's arguments.
const CACHE_MARK: &str = "cache_control";

/// Edits the messages.
pub(super) fn mend(
    quirks: &Quirks,
    request: &Request<'_>,
    to: &Target<'_>,
    raw: Raw<'_>,
    splice: &mut Splice<'_>,
) -> Result<(), ErrorBody> {
    if let Some(note) = formats::note(quirks.formats, request)? {
        let mut message = Vec::new();
        let mut w = Writer::new(&mut message);
        w.object().key("role").string("system").key("content").string(&note).end_object();
        splice.prepend_to(raw.get(), message);
    }
    if quirks.messages.inline && memchr::memmem::find(raw.get().as_bytes(), b"image_url").is_some() {
        for (url, data) in request.pictures_inlined()? {
            splice.replace(url.token(), data.token().as_bytes().to_vec());
        }
    }
    if !needs_mending(quirks, raw.get()) {
        return Ok(());
    }
    let fills_reasoning = reasons(quirks, request, to);
    // An invalid array is forwarded unchanged; the provider reports what is wrong with it.
    let messages: Vec<Raw<'_>> = read(raw).unwrap_or_default();
    for message in messages {
        let Some(object) = Object::of(message) else { continue };
        let said = Said::of(&object);
        if quirks.messages.no_empty && said.is_empty_turn() {
            splice.remove_item(message.get());
            continue;
        }
        for member in object.members() {
            edit(quirks, &said, member, splice);
        }
        if fills_reasoning && said.has_calls && object.get("reasoning_content").is_none() {
            splice.append_to(message.get(), &br#""reasoning_content":" ""#[..]);
        }
    }
    Ok(())
}

/// Writes the prompt of `/completions` as a user message.
pub(super) fn write_prompt(request: &Request<'_>, w: &mut Writer<'_>) -> Result<(), ErrorBody> {
    w.key("messages").array();
    for message in request.messages()? {
        if let Content::Text(prompt) = message.content {
            w.object().key("role").string("user").key("content").raw(prompt.token()).end_object();
        }
    }
    w.end_array();
    Ok(())
}

/// Writes the texts of a chat as a prompt, separated by a space as in `LiteLLM`: the model has no turns.
pub(super) fn write_text(
    request: &Request<'_>,
    to: &Target<'_>,
    w: &mut Writer<'_>,
) -> Result<(), ErrorBody> {
    let messages = request.messages()?;
    let mut texts: Vec<JsonStr<'_>> = Vec::new();
    for message in &messages {
        match &message.content {
            Content::None => {}
            Content::Text(text) => texts.push(*text),
            Content::Parts(parts) => {
                if parts.iter().any(|part| part.text.is_none()) {
                    to.refuse_value("messages", "content other than text")?;
                }
                texts.extend(parts.iter().filter_map(|part| part.text));
            }
        }
    }
    let space = JsonString::new(" ");
    let separated = texts
        .iter()
        .enumerate()
        .flat_map(|(at, text)| (at > 0).then(|| space.as_str()).into_iter().chain(core::iter::once(*text)));
    w.key("prompt").joined(separated);
    Ok(())
}

/// `LiteLLM`'s field for the type of an image or a file, which other providers need.
const MEDIA_TYPE: &str = "\"format\"";

/// Whether a search of the text finds something to edit. Most vendors require few edits, and most messages
/// none.
fn needs_mending(quirks: &Quirks, text: &str) -> bool {
    let rules = &quirks.messages;
    let has = |word: &str| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    rules.flat
        || rules.bare_parts
        || rules.no_empty
        || !rules.developer && has("\"developer\"")
        || (rules.nine_letter_ids || rules.reasoning_with_calls.is_some()) && has("\"tool_call")
        || rules.without.iter().any(|name| !name.contains('_') && has(&["\"", name].concat()))
        || !rules.without.is_empty() && has("null")
        || has(MEDIA_TYPE)
        || stands_at_an_underscore(rules.without, text.as_bytes())
}

/// Whether one of the members, an id with a signature, or the field of signatures is present. This runs for
/// every request, so it is a single pass that checks only at underscores, which are rare in text.
fn stands_at_an_underscore(members: &[&str], text: &[u8]) -> bool {
    let stands_at = |at: Option<usize>, word: &str| {
        at.and_then(|at| text.get(at..)).is_some_and(|rest| rest.starts_with(word.as_bytes()))
    };
    let is_key = |at: usize, name: &str| {
        let begins = name.find('_').and_then(|underscore| at.checked_sub(underscore));
        stands_at(begins, name)
            && begins.and_then(|at| at.checked_sub(1)).and_then(|before| text.get(before)) == Some(&b'"')
    };
    memchr::memchr_iter(b'_', text).any(|at| {
        stands_at(Some(at), SIGNATURE_IN_ID)
            || is_key(at, SIGNATURE_FIELDS)
            || members.iter().any(|name| is_key(at, name))
    })
}

/// Whether the model reasons, so that its calls must be sent with its reasoning.
fn reasons(quirks: &Quirks, request: &Request<'_>, to: &Target<'_>) -> bool {
    let Some(thinkers) = quirks.messages.reasoning_with_calls else { return false };
    let asked = |name: &str, not: &str| request.get(name).is_some_and(|raw| !raw.get().contains(not));
    thinkers.iter().any(|word| to.base_model().contains(word))
        || asked("reasoning_effort", "\"none\"")
        || asked("thinking", "\"disabled\"")
}

/// What editing a member must know about the message.
struct Said<'a> {
    role: &'a str,
    has_calls: bool,
    has_content: bool,
}

impl<'a> Said<'a> {
    fn of(object: &Object<'a>) -> Self {
        let is_nothing = |raw: Raw<'_>| matches!(raw.get(), "[]" | "\"\"");
        Self {
            role: object.get("role").and_then(JsonStr::of).map(JsonStr::inner).unwrap_or_default(),
            has_calls: object.get("tool_calls").is_some_and(|calls| !is_nothing(calls)),
            has_content: object.get("content").is_some_and(|content| !is_nothing(content)),
        }
    }

    fn is_empty_turn(&self) -> bool {
        self.role == "assistant" && !self.has_calls && !self.has_content
    }
}

fn edit(quirks: &Quirks, said: &Said<'_>, member: &Member<'_>, splice: &mut Splice<'_>) {
    let rules = &quirks.messages;
    let name = member.key.inner();
    // Vendors that reject unknown members also reject null for a list; null content means a message with
    // calls only.
    let is_null = !rules.without.is_empty() && name != "content" && member.value.is_null();
    let is_foreign = rules.without.contains(&name) && !(name == "name" && said.role == "tool");
    if name == SIGNATURE_FIELDS || is_foreign || is_null {
        splice.remove(member);
        return;
    }
    match name {
        "role" if said.role == "developer" && !rules.developer => {
            splice.replace(member.value.get(), &br#""system""#[..]);
        }
        "content" => content(quirks, member.value, splice),
        "tool_call_id" => call_id(quirks, member.value, splice),
        "tool_calls" => {
            let calls: Vec<Object<'_>> = read(member.value).unwrap_or_default();
            for member in calls.iter().flat_map(Object::members) {
                match member.key.inner() {
                    "id" => call_id(quirks, member.value, splice),
                    name if name == SIGNATURE_FIELDS || rules.without.contains(&name) => {
                        splice.remove(member);
                    }
                    "function" if rules.without.contains(&CACHE_MARK) => {
                        let function = Object::of(member.value).unwrap_or_default();
                        let marks = function.members().iter().filter(|member| member.is(CACHE_MARK));
                        marks.for_each(|mark| splice.remove(mark));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Removes another model's signature from an id, and converts it to the vendor's format.
fn call_id(quirks: &Quirks, raw: Raw<'_>, splice: &mut Splice<'_>) {
    if let Some(id) = JsonStr::of(raw).and_then(JsonStr::decode) {
        let bare = bare_id(id.clone());
        let sent = if quirks.messages.nine_letter_ids { nine_letter_id(&bare) } else { bare.clone() };
        if sent != id {
            splice.replace(raw.get(), json_string(&sent));
        }
    }
}

/// Edits the parts of a message, if it has parts.
fn content(quirks: &Quirks, raw: Raw<'_>, splice: &mut Splice<'_>) {
    if !raw.get().starts_with('[') {
        return;
    }
    let rules = &quirks.messages;
    let parts: Vec<Object<'_>> = read(raw).unwrap_or_default();
    let is_text = |part: &Object<'_>| {
        part.get("type").and_then(JsonStr::of).map(JsonStr::inner).unwrap_or_default() == "text"
    };
    if rules.flat && parts.iter().all(is_text) {
        let texts = parts.iter().filter_map(|part| part.get("text").and_then(JsonStr::of));
        let mut joined = Vec::with_capacity(raw.get().len());
        Writer::new(&mut joined).joined(texts);
        splice.replace(raw.get(), joined);
        return;
    }
    let tokens: Vec<Raw<'_>> = read(raw).unwrap_or_default();
    for (part, token) in parts.iter().zip(tokens) {
        if let Some(bare) = rules.bare_parts.then(|| bare_part(part)).flatten() {
            splice.replace(token.get(), bare);
            continue;
        }
        for member in part.members() {
            if rules.without.contains(&member.key.inner()) {
                splice.remove(member);
            } else if member.is("image_url") || member.is("file") {
                let media = Object::of(member.value).unwrap_or_default();
                media.members().iter().filter(|member| member.is("format")).for_each(|it| splice.remove(it));
            }
        }
    }
}

/// A part whose value is not nested in an object.
fn bare_part(part: &Object<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    let inside = |name: &str| Object::of(part.get(name)?);
    match part.get("type").and_then(JsonStr::of)?.inner() {
        "input_audio" => {
            let audio = inside("input_audio")?;
            w.object().key("type").string("input_audio").key("input_audio").raw(audio.get("data")?.get());
        }
        "file" => {
            let file = inside("file")?;
            match (file.get("file_id"), file.get("file_data")) {
                (Some(id), _) => {
                    w.object().key("type").string("file").key("file_id").raw(id.get());
                }
                (None, data) => {
                    w.object().key("type").string("document_url").key("document_url").raw(data?.get());
                    if let Some(name) = file.get("filename") {
                        w.key("document_name").raw(name.get());
                    }
                }
            }
        }
        _ => return None,
    }
    w.end_object();
    Some(out)
}
