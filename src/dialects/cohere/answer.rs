//! Translates a complete response.

use super::{finish_reason, usage};
use crate::facts::{self, Fault, Logprob, Sink};
use crate::json::{JsonStr, Raw, Text, fields, read};
use crate::openai::Memo;

/// A part of the response's content.
pub(super) struct Part<'a> {
    pub(super) text: Option<JsonStr<'a>>,
    pub(super) thinking: Option<JsonStr<'a>>,
}
fields!(Part<'a> { text, thinking });

/// A tool call.
pub(super) struct Call<'a> {
    pub(super) id: Option<JsonStr<'a>>,
    pub(super) function: Option<Function<'a>>,
}
fields!(Call<'a> { id, function });

pub(super) struct Function<'a> {
    pub(super) name: Option<Text<'a>>,
    pub(super) arguments: Option<JsonStr<'a>>,
}
fields!(Function<'a> { name, arguments });

/// A citation. Only those with a URL have an `OpenAI` equivalent.
pub(super) struct Citation<'a> {
    start: u64,
    end: u64,
    sources: Option<Vec<Source<'a>>>,
}
fields!(Citation<'a> { start, end, sources });

struct Source<'a> {
    document: Option<Document<'a>>,
}
fields!(Source<'a> { document });

struct Document<'a> {
    url: Option<JsonStr<'a>>,
    title: Option<JsonStr<'a>>,
}
fields!(Document<'a> { url, title });

impl Citation<'_> {
    /// Reports each source that has a URL.
    pub(super) fn report(&self, out: &mut dyn Sink) {
        let documents = self.sources.iter().flatten().filter_map(|source| source.document.as_ref());
        for (url, title) in documents.filter_map(|document| Some((document.url?, document.title))) {
            let title = title.unwrap_or(JsonStr::EMPTY);
            out.citation(facts::Citation { start: self.start, end: self.end, title, url });
        }
    }
}

/// Reports it.
pub(super) fn read_answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    struct Wire<'a> {
        id: Option<JsonStr<'a>>,
        message: Message<'a>,
        finish_reason: Option<Text<'a>>,
        usage: Option<Raw<'a>>,
        logprobs: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { id, message, finish_reason, usage, logprobs; "message" });
    struct Message<'a> {
        content: Option<Vec<Part<'a>>>,
        tool_calls: Option<Vec<Call<'a>>>,
        tool_plan: Option<JsonStr<'a>>,
        citations: Option<Vec<Citation<'a>>>,
    }
    fields!(Message<'a> { content, tool_calls, tool_plan, citations });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    let reason = finish_reason(wire.finish_reason.as_deref().unwrap_or_default())?;
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
    // While the text that they are about is the last one.
    for citation in wire.message.citations.iter().flatten() {
        citation.report(out);
    }
    for (at, call) in wire.message.tool_calls.iter().flatten().enumerate() {
        let Some(function) = &call.function else { continue };
        let id = crate::json::JsonString::new(&memo.call_id(at));
        let arguments = function.arguments.and_then(JsonStr::decode).unwrap_or_default();
        let name = function.name.as_deref().unwrap_or_default();
        out.whole_call(call.id.unwrap_or(id.as_str()), name, or_empty(&arguments), None);
    }
    if let Some(logprobs) = wire.logprobs {
        report_logprobs(logprobs, out);
    }
    out.finish(reason);
    out.usage(wire.usage.map(usage).unwrap_or_default());
    out.done();
    Ok(())
}

/// The arguments of a call, `{}` if there are none.
fn or_empty(arguments: &str) -> &str {
    if matches!(arguments.trim(), "" | "null") { "{}" } else { arguments }
}

/// Reports `logprobs`: an item here is a text with the probabilities of its tokens, mostly one.
pub(super) fn report_logprobs(raw: Raw<'_>, out: &mut dyn Sink) {
    struct Item<'a> {
        text: Option<JsonStr<'a>>,
        logprobs: Vec<Raw<'a>>,
    }
    fields!(Item<'a> { text, logprobs });
    let items: Vec<Item<'_>> = match raw.get().as_bytes().first() {
        Some(b'[') => read(raw).unwrap_or_default(),
        _ => read(raw).map(|item| vec![item]).unwrap_or_default(),
    };
    let tokens: Vec<Logprob<'_>> = items
        .iter()
        .flat_map(|item| {
            item.logprobs.iter().enumerate().map(|(at, logprob)| Logprob {
                // If there are several tokens, only the first gets the text.
                token: item.text.filter(|_| at == 0).unwrap_or(JsonStr::EMPTY),
                logprob: logprob.get(),
                bytes: None,
                top: Vec::new(),
            })
        })
        .collect();
    out.logprobs(&tokens);
}
