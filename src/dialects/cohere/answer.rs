//! A whole answer.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{finish_reason, usage};
use crate::json::{JsonStr, Text, Writer};
use crate::openai::{Answer, CompletionWriter, Fault, Memo};

/// A part of the answer's content.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, default)]
    pub(super) text: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<JsonStr<'a>>,
}

/// A call.
#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    pub(super) function: Option<Function<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Function<'a> {
    #[serde(borrow, default)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) arguments: Option<JsonStr<'a>>,
}

/// A citation, of which those with a URL have a form of `OpenAI`'s.
#[derive(Deserialize)]
pub(super) struct Citation<'a> {
    #[serde(default)]
    start: u64,
    #[serde(default)]
    end: u64,
    #[serde(borrow, default)]
    sources: Option<Vec<Source<'a>>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow, default)]
    document: Option<Document<'a>>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(borrow, default)]
    url: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    title: Option<JsonStr<'a>>,
}

impl Citation<'_> {
    /// Writes an annotation for each source that has a URL.
    pub(super) fn write(&self, mut write: impl FnMut(&dyn Fn(&mut Writer<'_>))) {
        let documents = self.sources.iter().flatten().filter_map(|source| source.document.as_ref());
        for (url, title) in documents.filter_map(|document| Some((document.url?, document.title))) {
            write(&|w: &mut Writer<'_>| {
                w.object().key("type").string("url_citation").key("url_citation").object();
                w.key("start_index").number(self.start).key("end_index").number(self.end);
                w.key("title").raw(title.unwrap_or(JsonStr::EMPTY).token()).key("url").raw(url.token());
                w.end_object().end_object();
            });
        }
    }
}

/// Translates it.
pub(super) fn translate(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        id: Option<JsonStr<'a>>,
        #[serde(borrow)]
        message: Message<'a>,
        #[serde(borrow, default)]
        finish_reason: Option<Text<'a>>,
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
        #[serde(borrow, default)]
        logprobs: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        content: Option<Vec<Part<'a>>>,
        #[serde(borrow, default)]
        tool_calls: Option<Vec<Call<'a>>>,
        #[serde(borrow, default)]
        tool_plan: Option<JsonStr<'a>>,
        #[serde(borrow, default)]
        citations: Option<Vec<Citation<'a>>>,
    }
    let wire: Wire<'_> = crate::json::parse(body).map_err(|_| Fault::unreadable(502, body))?;
    let reason = finish_reason(wire.finish_reason.as_deref().unwrap_or_default())?;
    let mut out = CompletionWriter::new(memo);
    out.begin(wire.id, None);
    if let Some(plan) = wire.message.tool_plan {
        out.reasoning(plan);
    }
    for part in wire.message.content.iter().flatten() {
        if let Some(thought) = part.thinking {
            out.reasoning(thought);
        }
        if let Some(text) = part.text {
            out.text(text);
        }
    }
    for (at, call) in wire.message.tool_calls.iter().flatten().enumerate() {
        let Some(function) = &call.function else { continue };
        let id = crate::json::JsonString::new(&memo.call_id(at));
        let arguments = function.arguments.and_then(JsonStr::decode).unwrap_or_default();
        let name = function.name.as_deref().unwrap_or_default();
        out.tool(call.id.unwrap_or(id.as_str()), name, or_empty(&arguments));
    }
    for citation in wire.message.citations.iter().flatten() {
        citation.write(|annotation| out.annotation(|w| annotation(w)));
    }
    if let Some(logprobs) = wire.logprobs {
        out.logprobs(|w| write_logprobs(w, logprobs));
    }
    out.finish(reason);
    out.usage(wire.usage.map(usage).unwrap_or_default());
    Ok(out.answer())
}

/// Arguments of a call without any.
fn or_empty(arguments: &str) -> &str {
    if matches!(arguments.trim(), "" | "null") { "{}" } else { arguments }
}

/// Writes the inside of `logprobs`: an item here is a text with the probabilities of its tokens, mostly one.
pub(super) fn write_logprobs(w: &mut Writer<'_>, raw: &RawValue) {
    #[derive(Deserialize)]
    struct Item<'a> {
        #[serde(borrow, default)]
        text: Option<JsonStr<'a>>,
        #[serde(borrow, default)]
        logprobs: Vec<&'a RawValue>,
    }
    let items: Vec<Item<'_>> = match raw.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(raw.get()).unwrap_or_default(),
        _ => serde_json::from_str(raw.get()).map(|item| vec![item]).unwrap_or_default(),
    };
    w.object().key("content").array();
    for item in &items {
        // Of several tokens only the first has the text.
        for (at, logprob) in item.logprobs.iter().enumerate() {
            let text = item.text.filter(|_| at == 0).unwrap_or(JsonStr::EMPTY);
            w.object().key("token").raw(text.token()).key("logprob").raw(logprob.get());
            w.key("bytes").raw("null").key("top_logprobs").array().end_array().end_object();
        }
    }
    w.end_array().key("refusal").raw("null").end_object();
}
