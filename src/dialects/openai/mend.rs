//! Answers of vendors, where they are not what an `OpenAI` client expects: edits in place.

use super::json_string;
use super::quirks::Answers;
use super::relay::has_finish_reason;
use crate::json::{JsonStr, JsonString, Object, Raw, Splice, Writer, read};
use crate::openai::{Fault, FinishReason, Memo, Operation, Usage};

/// The calls of a stream so far: of each choice, in order.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<usize>);

/// Whether a chunk may need an edit. Most need none, and a look at the text tells.
pub(super) fn is_suspect(
    rules: Answers,
    memo: &Memo,
    object: Option<Raw<'_>>,
    choices: Option<Raw<'_>>,
) -> bool {
    // Keys of what is edited; `type` is that of parts in an array.
    const KEYS: &[&str] = &["\"reasoning\"", "\"tool_calls\"", "\"type\""];
    let Some(choices) = choices else { return true };
    let has = |key: &str| memchr::memmem::find(choices.get().as_bytes(), key.as_bytes()).is_some();
    let of_delta = memo.operation == Operation::Chat && choices.get() != "[]";
    object.is_none_or(|object| object.get().trim_matches('"') != object_name(memo, true))
        || has_finish_reason(choices)
        || of_delta && (!has("\"delta\"") || KEYS.iter().any(|key| has(key)))
        || rules.citations && has("\"message\"")
}

/// Edits a chunk.
pub(super) fn chunk<'s>(
    rules: Answers,
    object: &Object<'s>,
    memo: &Memo,
    calls: &mut Calls,
    splice: &mut Splice<'s>,
) {
    envelope(object, object_name(memo, true), memo, splice);
    for (at, choice) in choices(object) {
        let Some(members) = Object::of(choice) else { continue };
        let ended = finish(&members, None, splice);
        if memo.operation != Operation::Chat {
            continue;
        }
        for whole in members.members().iter().filter(|member| member.is("message")) {
            // What was said so far, once more.
            splice.remove(whole);
        }
        let Some(raw) = members.get("delta") else {
            splice.append_to(choice.get(), &br#""delta":{}"#[..]);
            continue;
        };
        let Some(delta) = Object::of(raw) else { continue };
        words(&delta, raw, splice);
        let index = members.get("index").and_then(|index| index.get().parse().ok()).unwrap_or(at).min(127);
        if calls.0.len() <= index {
            calls.0.resize(index + 1, 0);
        }
        if let Some(seen) = calls.0.get_mut(index) {
            tool_calls(&delta, memo, Some(seen), splice);
        }
        if rules.citations && ended {
            annotations(object, raw, splice);
        }
    }
}

/// Edits a whole answer.
pub(super) fn answer<'s>(rules: Answers, object: &Object<'s>, memo: &Memo, splice: &mut Splice<'s>) {
    envelope(object, object_name(memo, false), memo, splice);
    for (_, choice) in choices(object) {
        let Some(members) = Object::of(choice) else { continue };
        let message = members.get("message");
        let inside = message.and_then(|raw| Some((raw, Object::of(raw)?)));
        let has_calls = inside
            .as_ref()
            .is_some_and(|(_, message)| message.get("tool_calls").is_some_and(|calls| calls.get() != "[]"));
        finish(&members, Some(has_calls), splice);
        if let Some((raw, message)) = &inside {
            words(message, *raw, splice);
            tool_calls(message, memo, None, splice);
            if rules.citations {
                annotations(object, *raw, splice);
            }
        }
    }
}

/// The usage of a chunk that stands in a member of the vendor's own, as one vendor's older servers have it.
pub(super) fn usage_inside(rules: Answers, data: &[u8]) -> Option<Raw<'_>> {
    let name = Some(rules.usage_in).filter(|name| !name.is_empty())?;
    memchr::memmem::find(data, name.as_bytes())?;
    Object::of(Object::parse(data).ok()?.get(name)?)?.get("usage")
}

/// Reads the usage of a whole answer, and edits it.
pub(super) fn usage<'s>(rules: Answers, object: &Object<'s>, splice: &mut Splice<'s>) -> Usage {
    let raw = object.get("usage");
    let Some(usage) = raw.and_then(Usage::parse) else { return Usage::default() };
    usage_of(rules, usage, raw, splice)
}

/// Edits a usage that was read.
pub(super) fn usage_of<'s>(
    rules: Answers,
    mut usage: Usage,
    raw: Option<Raw<'s>>,
    splice: &mut Splice<'s>,
) -> Usage {
    let Some(raw) = raw else { return usage };
    let has_reasoning = rules.reasoning_apart && usage.reasoning > 0;
    // Nearly every vendor counts the prompt: a look at the text tells.
    let lacks_prompt =
        rules.mended && memchr::memmem::find(raw.get().as_bytes(), b"\"prompt_tokens\"").is_none();
    // Some count the cache beside the details, where `OpenAI`'s clients do not look.
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

/// Packs the vectors of an answer that has floats only.
pub(super) fn pack<'s>(object: &Object<'s>, splice: &mut Splice<'s>) -> Result<(), Fault> {
    let vectors: Vec<Object<'s>> = object.get("data").and_then(|data| read(data).ok()).unwrap_or_default();
    for embedding in vectors.iter().filter_map(|vector| vector.get("embedding")) {
        if JsonStr::of(embedding).is_none() {
            splice.replace(embedding.get(), json_string(&crate::openai::pack(embedding)?));
        }
    }
    Ok(())
}

/// A vendor's reason in `OpenAI`'s words.
pub(super) fn finish_reason(word: &str, has_calls: bool) -> FinishReason {
    match word {
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" | "sensitive" => FinishReason::ContentFilter,
        // `eos`, `eos_token`, `error`, `network_error` …
        _ if has_calls => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// The texts of a content, a string or parts.
pub(super) fn texts(content: Option<Raw<'_>>) -> Vec<JsonStr<'_>> {
    let Some(content) = content else { return Vec::new() };
    if let Some(text) = JsonStr::of(content) {
        return vec![text];
    }
    let parts: Vec<Object<'_>> = read(content).unwrap_or_default();
    parts.iter().filter_map(|part| part.get("text").and_then(JsonStr::of)).collect()
}

fn object_name(memo: &Memo, is_chunk: bool) -> &'static str {
    match (memo.operation, is_chunk) {
        (Operation::Chat, true) => "chat.completion.chunk",
        (Operation::Chat, false) => "chat.completion",
        _ => "text_completion",
    }
}

fn choices<'s>(object: &Object<'s>) -> impl Iterator<Item = (usize, Raw<'s>)> {
    let choices: Vec<Raw<'s>> = object.get("choices").and_then(|raw| read(raw).ok()).unwrap_or_default();
    choices.into_iter().enumerate()
}

/// `object` and `id`, without which strict clients do not know what they have.
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

/// Edits `finish_reason`; tells whether the choice ends. `whole` tells of a whole answer whether it has calls.
fn finish<'s>(choice: &Object<'s>, whole: Option<bool>, splice: &mut Splice<'s>) -> bool {
    let Some(raw) = choice.get("finish_reason") else { return false };
    let Some(word) = JsonStr::of(raw).map(JsonStr::inner) else { return false };
    if matches!(word, "stop" | "length" | "tool_calls" | "content_filter" | "function_call") {
        return true;
    }
    if word.is_empty() && whole.is_none() {
        splice.replace(raw.get(), &b"null"[..]);
        return false;
    }
    let reason = finish_reason(word, whole.unwrap_or(false));
    splice.replace(raw.get(), json_string(reason.as_str()));
    true
}

/// Edits what is said and thought in a message or delta.
fn words<'s>(message: &Object<'s>, raw: Raw<'s>, splice: &mut Splice<'s>) {
    let named = |name: &str| message.members().iter().find(|member| member.is(name));
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

/// Edits the calls of a message or delta. `seen` counts those of the stream's choice.
fn tool_calls<'s>(message: &Object<'s>, memo: &Memo, mut seen: Option<&mut usize>, splice: &mut Splice<'s>) {
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
                let given = call.get("index").and_then(|index| index.get().parse::<usize>().ok());
                let index = given.unwrap_or(if begins { **seen } else { seen.saturating_sub(1) });
                if given.is_none() {
                    w.key("index").number(index as u64);
                }
                **seen = (**seen).max(index.saturating_add(1));
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

/// `citations` or `search_results` beside the choices, as annotations.
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
