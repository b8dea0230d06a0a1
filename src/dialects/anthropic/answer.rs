//! Translates a complete response.

use super::super::claude::usage::Counters;
use super::block::{Block, string};
use super::searches::Searches;
use super::{Citation, StopDetails, fault, finish_reason};
use crate::facts::{Fault, Sink, Thinking};
use crate::json::{JsonStr, JsonString, Raw, Text, fields, read};
use crate::openai::{Memo, arguments_text};

/// Reports it.
pub(super) fn read_answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    struct Wire<'a> {
        id: Option<JsonStr<'a>>,
        content: Option<Vec<Raw<'a>>>,
        stop_reason: Option<Text<'a>>,
        stop_details: Option<StopDetails<'a>>,
        usage: Option<Raw<'a>>,
        error: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { id, content, stop_reason, stop_details, usage, error });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    if let Some(error) = wire.error {
        return Err(fault(None, error));
    }
    let Some(content) = wire.content else {
        return Err(Fault::garbled("the provider's response has no content"));
    };
    out.begin(wire.id, None);
    let mut chars = 0;
    let mut calls = false;
    let mut searches = Searches::default();
    for raw in content {
        let block: Block<'_> = read(raw)
            .map_err(|_| Fault::garbled("the provider's response has a content block without a type"))?;
        match &*block.kind {
            "text" => {
                let text = string(block.text);
                let start = chars;
                chars += text.chars();
                out.text(text);
                for citation in citations(block.citations) {
                    out.citation(citation.about(start, chars));
                }
            }
            "thinking" => {
                let text = string(block.thinking);
                out.reasoning(text);
                let signature = string(block.signature);
                if !signature.is_empty() {
                    out.thinking(Thinking::Signed { text: text.inner(), signature });
                }
            }
            "redacted_thinking" => out.thinking(Thinking::Redacted { data: string(block.data) }),
            "tool_use" => {
                let name = string(block.name).decode().unwrap_or_default();
                let input = arguments_text(block.input);
                if memo.json_tool.as_deref() == Some(&*name) {
                    out.text(JsonString::new(&input).as_str());
                } else {
                    calls = true;
                    out.whole_call(string(block.id), memo.tool_name(&name), &input, None);
                }
            }
            // The provider's server tools and their results are not tool calls for the client.
            "server_tool_use" => searches.begin(&block, block.input),
            "web_search_tool_result" => searches.end(&block, out),
            _ => {}
        }
    }
    if let Some(explanation) = wire.stop_details.and_then(|details| details.explanation) {
        out.refusal(explanation);
    }
    out.finish(finish_reason(wire.stop_reason.as_deref().unwrap_or_default(), calls));
    let mut counters = Counters::default();
    if let Some(usage) = wire.usage {
        counters.hear(usage);
    }
    out.usage(counters.usage());
    out.done();
    Ok(())
}

/// The citations that have a URL.
pub(super) fn citations(raw: Option<Raw<'_>>) -> Vec<Citation<'_>> {
    let citations: Vec<Citation<'_>> = raw.and_then(|raw| read(raw).ok()).unwrap_or_default();
    citations.into_iter().filter(|citation| citation.url.is_some()).collect()
}
