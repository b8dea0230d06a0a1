//! Fixes vendors' responses in place where they deviate from what an `OpenAI` client expects.

use super::choices::{Choice, Choices};
use super::completion::{finish_reason, has_finish_reason, object_name, texts};
use super::json_string;
use super::plain::is_plain;
use super::quirks::Answers;
use super::thinking::{Thoughts, quoted};
use crate::facts::{Fault, Usage};
use crate::json::{JsonStr, JsonString, Object, Raw, Splice, Writer, read};
use crate::openai::{Memo, Operation, finish_word};

/// Whether a chunk may need an edit. Most do not, which a search of the text shows.
pub(super) fn is_suspect(
    rules: Answers,
    memo: &Memo,
    object: Option<Raw<'_>>,
    choices: Option<Raw<'_>>,
    seen: &Choices,
) -> bool {
    // Keys of members that are edited; `type` is that of content parts.
    const KEYS: &[&str] = &["\"reasoning\"", "\"tool_calls\"", "\"type\""];
    let Some(choices) = choices else { return true };
    let has = |key: &str| memchr::memmem::find(choices.get().as_bytes(), key.as_bytes()).is_some();
    let of_delta = memo.operation == Operation::Chat && choices.get() != "[]";
    is_misnamed(memo, object)
        || has_finish_reason(choices, true)
        || of_delta && rules.thinks && seen.may_think()
        || of_delta && (!has("\"delta\"") || KEYS.iter().any(|key| has(key)))
        || rules.citations && has("\"message\"")
}

/// Whether a chunk has another `object` type.
pub(super) fn is_misnamed(memo: &Memo, object: Option<Raw<'_>>) -> bool {
    object.is_none_or(|object| object.get().trim_matches('"') != object_name(memo, true))
}

/// Edits a chunk.
pub(super) fn chunk<'s>(
    rules: Answers,
    object: &Object<'s>,
    memo: &Memo,
    seen: &mut Choices,
    splice: &mut Splice<'s>,
) {
    envelope(object, object_name(memo, true), memo, splice);
    for (at, choice) in choices(object) {
        let Some(members) = Object::of(choice) else { continue };
        let index = members.get("index").and_then(|index| index.get().parse().ok()).unwrap_or(at).min(127);
        let Some(seen) = seen.at(index) else { continue };
        if memo.operation != Operation::Chat {
            finish(&members, choice, seen.calls > 0, false, splice);
            continue;
        }
        for whole in members.members().iter().filter(|member| member.is("message")) {
            // Repeats the text so far.
            splice.remove(whole);
        }
        let delta = members.get("delta").and_then(|raw| Some((raw, Object::of(raw)?)));
        if let Some((_, delta)) = &delta {
            tool_calls(delta, memo, Some(seen), splice);
        }
        let ended = finish(&members, choice, seen.calls > 0, false, splice);
        let Some((raw, delta)) = delta else {
            if members.get("delta").is_none() {
                splice.append_to(choice.get(), &br#""delta":{}"#[..]);
            }
            continue;
        };
        words(&delta, raw, rules.thinks.then_some((&mut seen.thoughts, ended)), splice);
        if rules.citations && ended {
            annotations(object, raw, splice);
        }
    }
}

/// Edits a complete response.
pub(super) fn answer<'s>(rules: Answers, object: &Object<'s>, memo: &Memo, splice: &mut Splice<'s>) {
    if !is_plain(rules, object, memo) {
        edit(rules, object, memo, splice);
    }
}

/// Edits a complete response, whether it needs that or not.
pub(super) fn edit<'s>(rules: Answers, object: &Object<'s>, memo: &Memo, splice: &mut Splice<'s>) {
    envelope(object, object_name(memo, false), memo, splice);
    for (_, choice) in choices(object) {
        let Some(members) = Object::of(choice) else { continue };
        let message = members.get("message");
        let inside = message.and_then(|raw| Some((raw, Object::of(raw)?)));
        let has_calls = inside
            .as_ref()
            .is_some_and(|(_, message)| message.get("tool_calls").is_some_and(|calls| calls.get() != "[]"));
        finish(&members, choice, has_calls, true, splice);
        if let Some((raw, message)) = &inside {
            let mut thoughts = Thoughts::default();
            words(message, *raw, rules.thinks.then_some((&mut thoughts, true)), splice);
            tool_calls(message, memo, None, splice);
            if rules.citations {
                annotations(object, *raw, splice);
            }
        }
    }
}

/// The usage of a chunk that is nested in a vendor-specific member, as older servers of one vendor send it.
pub(super) fn usage_inside(rules: Answers, data: &[u8]) -> Option<Raw<'_>> {
    let name = Some(rules.usage_in).filter(|name| !name.is_empty())?;
    memchr::memmem::find(data, name.as_bytes())?;
    Object::of(Object::parse(data).ok()?.get(name)?)?.get("usage")
}

/// Reads and edits the usage of a complete response.
pub(super) fn usage<'s>(rules: Answers, object: &Object<'s>, splice: &mut Splice<'s>) -> Usage {
    let raw = object.get("usage");
    let Some(usage) = raw.and_then(Usage::parse) else { return Usage::default() };
    usage_of(rules, usage, raw, splice)
}

/// Edits a parsed usage.
pub(super) fn usage_of<'s>(
    rules: Answers,
    mut usage: Usage,
    raw: Option<Raw<'s>>,
    splice: &mut Splice<'s>,
) -> Usage {
    let Some(raw) = raw else { return usage };
    if let Some(charges) = rules.charges {
        charges.read(raw, &mut usage);
    }
    let has_reasoning = rules.reasoning_apart && usage.reasoning > 0;
    // Nearly every vendor reports prompt tokens, which a search of the text shows.
    let lacks_prompt =
        rules.mended && memchr::memmem::find(raw.get().as_bytes(), b"\"prompt_tokens\"").is_none();
    // Some report cached tokens next to the details, where `OpenAI`'s clients do not look.
    let lacks_cached = rules.mended
        && usage.cached > 0
        && memchr::memmem::find(raw.get().as_bytes(), b"\"prompt_tokens_details\"").is_none();
    if !has_reasoning && !lacks_prompt && !lacks_cached {
        return usage;
    }
    let Some(object) = Object::of(raw) else { return usage };
    if has_reasoning {
        usage.completion = usage.completion.saturating_add(usage.reasoning);
        if let Some(counted) = object.get("completion_tokens") {
            splice.replace(counted.get(), usage.completion.to_string().into_bytes());
        }
    }
    let mut added = Vec::new();
    let mut w = Writer::new(&mut added);
    if lacks_prompt && object.get("prompt_tokens").is_none() {
        w.key("prompt_tokens").number(usage.prompt);
    }
    if lacks_cached {
        w.key("prompt_tokens_details").object().key("cached_tokens").number(usage.cached).end_object();
    }
    if !added.is_empty() {
        splice.append_to(raw.get(), added);
    }
    usage
}

/// Converts the vectors of a response that has only floats to base64.
pub(super) fn pack<'s>(object: &Object<'s>, splice: &mut Splice<'s>) -> Result<(), Fault> {
    let vectors: Vec<Object<'s>> = object.get("data").and_then(|data| read(data).ok()).unwrap_or_default();
    for embedding in vectors.iter().filter_map(|vector| vector.get("embedding")) {
        if JsonStr::of(embedding).is_none() {
            splice.replace(embedding.get(), json_string(&crate::openai::pack(embedding)?));
        }
    }
    Ok(())
}

fn choices<'s>(object: &Object<'s>) -> impl Iterator<Item = (usize, Raw<'s>)> {
    let choices: Vec<Raw<'s>> = object.get("choices").and_then(|raw| read(raw).ok()).unwrap_or_default();
    choices.into_iter().enumerate()
}

/// Adds `object` and `id`, which strict clients require.
fn envelope<'s>(object: &Object<'s>, name: &str, memo: &Memo, splice: &mut Splice<'s>) {
    match object.get("object") {
        Some(kind) if kind.get().trim_matches('"') != name => splice.replace(kind.get(), json_string(name)),
        Some(_) => {}
        None => splice.append(format!(r#""object":"{name}""#).into_bytes()),
    }
    if object.get("choices").is_none() && !object.members().iter().any(|member| member.is("choices")) {
        splice.append(&br#""choices":[]"#[..]);
    }
    if object.get("id").is_none() {
        let mut id = br#""id":"#.to_vec();
        Writer::new(&mut id).string(&memo.answer_id());
        splice.append(id);
    }
}

/// Edits `finish_reason`. Returns whether the choice ends; in a `whole` response it always does.
fn finish<'s>(
    choice: &Object<'s>,
    token: Raw<'s>,
    has_calls: bool,
    whole: bool,
    splice: &mut Splice<'s>,
) -> bool {
    let member = choice.members().iter().find(|member| member.is("finish_reason"));
    let word = member.and_then(|member| JsonStr::of(member.value)).map(JsonStr::inner).unwrap_or_default();
    if matches!(word, "length" | "tool_calls" | "content_filter" | "function_call")
        || word == "stop" && !has_calls
    {
        return true;
    }
    if word.is_empty() && !whole {
        if let Some(empty) = member.filter(|member| !member.value.is_null()) {
            splice.replace(empty.value.get(), &b"null"[..]);
        }
        return false;
    }
    let reason = finish_word(finish_reason(word, has_calls), false);
    match member {
        Some(member) => splice.replace(member.value.get(), json_string(reason)),
        None => splice.append_to(token.get(), format!(r#""finish_reason":"{reason}""#).into_bytes()),
    }
    true
}

/// Edits text and reasoning in a message or delta. `thoughts` may be in the text, and end with it.
fn words<'s>(
    message: &Object<'s>,
    raw: Raw<'s>,
    thoughts: Option<(&mut Thoughts, bool)>,
    splice: &mut Splice<'s>,
) {
    let named = |name: &str| message.members().iter().find(|member| member.is(name));
    if let Some((thoughts, ended)) = thoughts {
        let is_said = |name| {
            named(name).and_then(|member| JsonStr::of(member.value)).is_some_and(|text| !text.is_empty())
        };
        if is_said("reasoning_content") || is_said("reasoning") {
            thoughts.pass();
        }
        if tagged(message, raw, thoughts, ended, splice) {
            return;
        }
    }
    if let Some(content) = message.get("content").filter(|content| content.get().starts_with('[')) {
        let parts: Vec<Object<'s>> = read(content).unwrap_or_default();
        let said = parts.iter().filter_map(|part| part.get("text").and_then(JsonStr::of));
        let mut joined = Vec::new();
        Writer::new(&mut joined).joined(said);
        splice.replace(content.get(), joined);
        let thought: Vec<JsonStr<'s>> =
            parts.iter().filter_map(|part| part.get("thinking")).flat_map(|raw| texts(Some(raw))).collect();
        if !thought.is_empty() {
            let mut member = Vec::new();
            Writer::new(&mut member).key("reasoning_content").joined(thought);
            splice.append_to(raw.get(), member);
        }
    }
    let Some(reasoning) = named("reasoning").filter(|reasoning| JsonStr::of(reasoning.value).is_some())
    else {
        return;
    };
    if message.get("reasoning_content").is_some() {
        return;
    }
    if let Some(null) = named("reasoning_content") {
        splice.remove(null);
    }
    splice.replace(reasoning.key.token(), &br#""reasoning_content""#[..]);
}

/// Moves thoughts out of the text. Returns whether there were any.
fn tagged<'s>(
    message: &Object<'s>,
    raw: Raw<'s>,
    thoughts: &mut Thoughts,
    ended: bool,
    splice: &mut Splice<'s>,
) -> bool {
    let content = message.members().iter().find(|member| member.is("content"));
    let said = content.and_then(|content| JsonStr::of(content.value)).map(JsonStr::inner).unwrap_or_default();
    if thoughts.are_over(said) {
        return false;
    }
    let mut split = thoughts.split(said);
    if ended {
        split += thoughts.end();
    }
    if split.text != said {
        match content {
            Some(content) => splice.replace(content.value.get(), quoted(&split.text)),
            None => splice.append_to(raw.get(), [&br#""content":"#[..], &quoted(&split.text)].concat()),
        }
    }
    if split.reasoning.is_empty() {
        return false;
    }
    for empty in
        message.members().iter().filter(|member| member.is("reasoning_content") || member.is("reasoning"))
    {
        splice.remove(empty);
    }
    splice.append_to(raw.get(), [&br#""reasoning_content":"#[..], &quoted(&split.reasoning)].concat());
    true
}

/// Edits the calls of a message or delta. `seen` is the stream's choice.
fn tool_calls<'s>(message: &Object<'s>, memo: &Memo, mut seen: Option<&mut Choice>, splice: &mut Splice<'s>) {
    let Some(member) = message.members().iter().find(|member| member.is("tool_calls")) else { return };
    let calls: Vec<Raw<'s>> = read(member.value).unwrap_or_default();
    if calls.is_empty() {
        splice.remove(member);
        return;
    }
    for (at, token) in calls.into_iter().enumerate() {
        let Some(call) = Object::of(token) else { continue };
        let function = call.get("function").and_then(Object::of);
        let function = function.unwrap_or_default();
        let begins = function.get("name").and_then(JsonStr::of).is_some_and(|name| !name.is_empty());
        let mut added = Vec::new();
        let mut w = Writer::new(&mut added);
        let index = match &mut seen {
            None => at,
            Some(seen) => {
                let member = call.get("index");
                let given = member.and_then(|index| index.get().parse::<usize>().ok());
                let id = call.get("id").and_then(JsonStr::of).map(JsonStr::inner);
                let id = id.filter(|id| begins && !matches!(*id, "" | "null"));
                let index = seen.place(given, begins, id);
                match member {
                    None => {
                        w.key("index").number(index as u64);
                    }
                    Some(member) if given != Some(index) => {
                        splice.replace(member.get(), index.to_string().into_bytes());
                    }
                    Some(_) => {}
                }
                index
            }
        };
        if begins {
            let id = call.members().iter().find(|member| member.is("id"));
            let has_id =
                id.and_then(|id| JsonStr::of(id.value)).is_some_and(|id| !matches!(id.inner(), "" | "null"));
            match id {
                _ if has_id => {}
                Some(id) => splice.replace(id.value.get(), json_string(&memo.call_id(index))),
                None => {
                    w.key("id").string(&memo.call_id(index));
                }
            }
            if call.get("type").is_none() {
                w.key("type").string("function");
            }
        }
        if !added.is_empty() {
            splice.append_to(token.get(), added);
        }
        if let Some(arguments) =
            function.get("arguments").filter(|arguments| JsonStr::of(*arguments).is_none())
        {
            splice.replace(arguments.get(), JsonString::new(arguments.get()).into_bytes());
        }
    }
}

/// Converts `citations` or `search_results` next to the choices to annotations.
fn annotations<'s>(object: &Object<'s>, message: Raw<'s>, splice: &mut Splice<'s>) {
    let found: Vec<Object<'s>> =
        object.get("search_results").and_then(|raw| read(raw).ok()).unwrap_or_default();
    let cited: Vec<JsonStr<'s>> = object.get("citations").and_then(|raw| read(raw).ok()).unwrap_or_default();
    let text = |object: &Object<'s>, name: &str| object.get(name).and_then(JsonStr::of);
    let mut sources: Vec<(JsonStr<'s>, JsonStr<'s>)> = found
        .iter()
        .filter_map(|found| Some((text(found, "url")?, text(found, "title").unwrap_or(JsonStr::EMPTY))))
        .collect();
    if sources.is_empty() {
        sources.extend(cited.iter().map(|url| (*url, JsonStr::EMPTY)));
    }
    if sources.is_empty() {
        return;
    }
    let mut member = Vec::new();
    let mut w = Writer::new(&mut member);
    w.key("annotations").array();
    for (url, title) in sources {
        w.object().key("type").string("url_citation").key("url_citation").object();
        w.key("start_index").number(0).key("end_index").number(0);
        w.key("title").raw(title.token()).key("url").raw(url.token()).end_object().end_object();
    }
    w.end_array();
    splice.append_to(message.get(), member);
}
