//! Translates the assistant's turns.

use std::borrow::Cow;

use super::super::carrier::{self, Carried};
use super::content::{Block, blocks, write_mark, write_text};
use super::names;
use crate::json::{JsonStr, JsonString, Raw, Writer};
use crate::openai::SIGNATURE_FIELDS;

/// Writes a turn as a message.
pub(super) fn write_assistant(w: &mut Writer<'_>, blocks: &[Block<'_>]) {
    if blocks.is_empty() {
        return;
    }
    w.object().key("role").string("assistant").key("content");
    let told: Vec<Option<JsonString>> = blocks.iter().map(told).collect();
    let texts: Vec<(JsonStr<'_>, Option<Raw<'_>>)> = blocks
        .iter()
        .zip(&told)
        .filter_map(|(block, told)| {
            let text = told.as_ref().map(JsonString::as_str).or(block.text)?;
            (!text.is_empty()).then_some((text, block.cache_control))
        })
        .collect();
    match texts.as_slice() {
        [] => {
            w.raw("null");
        }
        [(text, None)] => {
            w.raw(text.token());
        }
        texts => {
            w.array();
            for (text, mark) in texts {
                write_text(w, *text, *mark);
            }
            w.end_array();
        }
    }
    write_thoughts(w, blocks);
    write_calls(w, blocks);
    w.end_object();
}

/// What the provider's own tools did, and a summary of earlier turns, as text: other models have no other form for it.
fn told(block: &Block<'_>) -> Option<JsonString> {
    let kind = &*block.kind;
    if kind == "compaction" {
        return block.content.and_then(JsonStr::of).map(JsonString::of);
    }
    if kind == "server_tool_use" {
        let name = block.name.and_then(JsonStr::decode).unwrap_or_default();
        return Some(JsonString::new(&format!("[{name}: {}]", block.input.map_or("{}", Raw::get))));
    }
    if kind == "tool_result" || !kind.ends_with("_tool_result") {
        return None;
    }
    let results = blocks(block.content, "").unwrap_or_default();
    let line = |result: &Block<'_>| {
        let decoded = |text: Option<JsonStr<'_>>| text.and_then(JsonStr::decode).map(Cow::into_owned);
        match (decoded(result.title), decoded(result.url)) {
            (Some(title), Some(url)) => Some(format!("{title}: {url}")),
            (title, url) => title.or(url).or_else(|| decoded(result.text)),
        }
    };
    let lines: Vec<String> = results.iter().filter_map(line).collect();
    Some(JsonString::new(&lines.join("\n")))
}

/// The assistant's reasoning: as text for models that accept it in that form, and as blocks for Claude, which
/// requires signed blocks unchanged.
fn write_thoughts(w: &mut Writer<'_>, blocks: &[Block<'_>]) {
    let thoughts: Vec<JsonStr<'_>> =
        blocks.iter().filter_map(|block| block.thinking).filter(|thought| !thought.is_empty()).collect();
    if !thoughts.is_empty() {
        w.key("reasoning_content").joined(thoughts);
    }
    let is_seal =
        |seal: Option<JsonStr<'_>>| seal.is_some_and(|seal| !seal.is_empty() && !carrier::is_ours(seal));
    let is_signed = |block: &&Block<'_>| {
        block.is("redacted_thinking") && is_seal(block.data)
            || block.is("thinking") && is_seal(block.signature)
    };
    let mut signed = blocks.iter().filter(is_signed).peekable();
    if signed.peek().is_some() {
        w.key("thinking_blocks").array();
        for block in signed {
            w.object().key("type").string(&block.kind);
            for (name, value) in
                [("thinking", block.thinking), ("signature", block.signature), ("data", block.data)]
            {
                if let Some(value) = value {
                    w.key(name).raw(value.token());
                }
            }
            w.end_object();
        }
        w.end_array();
    }
}

/// `tool_calls`, with the signatures that the thinking blocks carry for them.
fn write_calls(w: &mut Writer<'_>, blocks: &[Block<'_>]) {
    let mut calls = blocks.iter().filter(|block| block.is("tool_use")).peekable();
    if calls.peek().is_none() {
        return;
    }
    let states: Vec<Vec<u8>> = blocks.iter().filter_map(|block| carrier::open(block.signature?)).collect();
    let carried: Vec<Carried<'_>> = states.iter().filter_map(|state| Carried::read(state)).collect();
    w.key("tool_calls").array();
    for call in calls {
        let id = call.id.unwrap_or(JsonStr::EMPTY);
        w.object().key("id").raw(id.token()).key("type").string("function");
        names::write(w.key("function").object().key("name"), call.name.unwrap_or(JsonStr::EMPTY));
        w.key("arguments").string(call.input.map_or("{}", Raw::get)).end_object();
        write_mark(w, call.cache_control);
        let mut signed = carried.iter().flat_map(|state| &state.calls);
        if let Some(signed) = signed.find(|signed| signed.id.inner() == id.inner()) {
            w.key(SIGNATURE_FIELDS)
                .object()
                .key("thought_signature")
                .raw(signed.signature.token())
                .end_object();
        }
        w.end_object();
    }
    w.end_array();
}
