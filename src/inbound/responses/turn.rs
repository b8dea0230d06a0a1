//! One turn of the assistant: reasoning, texts and calls as one message, and the results of its calls after it.

use std::collections::BTreeMap;

use super::super::carrier::{Carried, open};
use super::content::{self, Part, parts, write_lines, write_part};
use crate::json::{JsonStr, JsonString, Raw, Writer};
use crate::openai::ErrorBody;

/// What the assistant said and did until it waited for somebody.
#[derive(Default)]
pub(super) struct Turn<'a> {
    texts: Vec<JsonStr<'a>>,
    refusals: Vec<JsonStr<'a>>,
    reasoning: Vec<JsonString>,
    /// Claude's blocks, items of a JSON array.
    blocks: Vec<u8>,
    text_signature: Option<JsonString>,
    /// Signatures of calls, by their ids.
    signatures: BTreeMap<String, JsonString>,
    pub(super) calls: Vec<Call<'a>>,
}

/// A call and its result.
pub(super) struct Call<'a> {
    pub(super) id: String,
    /// The function's name in the chat.
    pub(super) name: String,
    pub(super) arguments: JsonString,
    /// The item with its result, and its place in the input.
    pub(super) result: Option<(Output<'a>, usize)>,
}

/// The result of a call.
#[derive(Clone, Copy)]
pub(super) enum Output<'a> {
    /// Text, or content parts.
    Content(Option<Raw<'a>>),
    /// Another value, which the model gets as JSON.
    Json(Raw<'a>),
    /// Tools that a search has found; their number.
    Tools(usize),
}

impl<'a> Turn<'a> {
    /// Adds a message.
    pub(super) fn say(&mut self, parts: &[Part<'a>]) {
        for part in parts {
            if let Some(refusal) = part.refusal.filter(|refusal| !refusal.is_empty()) {
                self.refusals.push(refusal);
            } else if let Some(text) = part.text.filter(|text| !text.is_empty()) {
                self.texts.push(text);
            }
        }
    }

    /// Adds a reasoning item. State of a provider whose own it is not is left out, together with its summary.
    pub(super) fn think(&mut self, encrypted: Option<JsonStr<'_>>, content: Option<Raw<'_>>) {
        let json = encrypted.and_then(open);
        if let Some(carried) = json.as_deref().and_then(Carried::read) {
            for block in &carried.blocks {
                Writer::new(&mut self.blocks).raw(block.get());
                let text =
                    crate::json::Object::of(*block).and_then(|block| JsonStr::of(block.get("thinking")?));
                self.reasoning.extend(text.filter(|text| !text.is_empty()).map(JsonString::of));
            }
            self.reasoning.extend(carried.text.map(JsonString::of));
            self.text_signature = carried.text_signature.map(JsonString::of).or(self.text_signature.take());
            let signed = carried.calls.iter();
            self.signatures.extend(
                signed.filter_map(|call| {
                    Some((call.id.decode()?.into_owned(), JsonString::of(call.signature)))
                }),
            );
        } else if let Ok(parts) = parts(content, "") {
            self.reasoning.extend(content::texts(&parts).map(JsonString::of));
        }
    }

    /// Whether it has something that a message is written for.
    fn is_said(&self) -> bool {
        !self.texts.is_empty() || !self.refusals.is_empty() || !self.calls.is_empty()
    }

    /// Writes it. A turn of reasoning alone is left out: no provider takes one.
    pub(super) fn write(&self, w: &mut Writer<'_>) -> Result<(), ErrorBody> {
        if !self.is_said() {
            return Ok(());
        }
        w.object().key("role").string("assistant").key("content");
        match self.texts.as_slice() {
            [] => w.raw("null"),
            [text] => w.raw(text.token()),
            texts => {
                w.array();
                for text in texts {
                    w.object().key("type").string("text").key("text").raw(text.token()).end_object();
                }
                w.end_array()
            }
        };
        if !self.refusals.is_empty() {
            w.key("refusal").joined(self.refusals.iter().copied());
        }
        if !self.reasoning.is_empty() {
            w.key("reasoning_content").joined(self.reasoning.iter().map(JsonString::as_str));
        }
        if !self.blocks.is_empty() {
            w.key("thinking_blocks").array().bytes().extend_from_slice(&self.blocks);
            w.end_array();
        }
        if !self.calls.is_empty() {
            w.key("tool_calls").array();
            for call in &self.calls {
                self.write_call(w, call);
            }
            w.end_array();
        }
        if let Some(signature) = &self.text_signature {
            w.key("provider_specific_fields").object().key("thought_signatures").array();
            w.raw(signature.as_str().token()).end_array().end_object();
        }
        w.end_object();
        self.write_results(w)
    }

    fn write_call(&self, w: &mut Writer<'_>, call: &Call<'_>) {
        w.object().key("id").string(&call.id).key("type").string("function");
        w.key("function").object().key("name").string(&call.name);
        w.key("arguments").raw(call.arguments.as_str().token()).end_object();
        if let Some(signature) = self.signatures.get(&call.id) {
            w.key("provider_specific_fields").object();
            w.key("thought_signature").raw(signature.as_str().token()).end_object();
        }
        w.end_object();
    }

    /// Writes the results in the order of the calls. Media, which a `tool` message cannot hold, follow in one message of
    /// the user.
    fn write_results(&self, w: &mut Writer<'_>) -> Result<(), ErrorBody> {
        let mut shown = Vec::new();
        for call in &self.calls {
            w.object().key("role").string("tool").key("tool_call_id").string(&call.id).key("content");
            match call.result {
                // A call that was interrupted. Every provider wants a result for each call.
                None => {
                    w.string("(no result)");
                }
                Some((Output::Json(value), _)) => {
                    w.string(value.get());
                }
                Some((Output::Tools(count), _)) => {
                    w.string(&format!("{count} tools were found and can be called now."));
                }
                Some((Output::Content(output), at)) => {
                    let at = format!("input[{at}].output");
                    let parts = parts(output, &at)?;
                    write_output(w, &parts);
                    shown.extend(parts.into_iter().filter(Part::is_media).map(|part| (part, at.clone())));
                }
            }
            w.end_object();
        }
        if !shown.is_empty() {
            w.object().key("role").string("user").key("content").array();
            for (part, at) in &shown {
                write_part(w, part, at)?;
            }
            w.end_array().end_object();
        }
        Ok(())
    }
}

fn write_output(w: &mut Writer<'_>, parts: &[Part<'_>]) {
    let texts: Vec<JsonStr<'_>> = content::texts(parts).collect();
    match (texts.is_empty(), parts.iter().any(Part::is_media)) {
        (false, _) => write_lines(w, &texts),
        (true, true) => {
            w.string("(see the attached file)");
        }
        // OpenAI refuses an empty result.
        (true, false) => {
            w.string("(no output)");
        }
    }
}
