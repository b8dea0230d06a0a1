//! A whole answer.

use super::usage::Counters;
use super::{Citation, StopDetails, fault, finish_reason};
use crate::json::{JsonStr, JsonString, Raw, Text, fields, read};
use crate::openai::{Answer, CompletionWriter, Fault, Memo, arguments_text};

/// A content block, flat: which fields it has depends on its type.
pub(super) struct Block<'a> {
    pub(super) kind: Text<'a>,
    pub(super) text: Option<Raw<'a>>,
    pub(super) citations: Option<Raw<'a>>,
    pub(super) thinking: Option<Raw<'a>>,
    pub(super) signature: Option<Raw<'a>>,
    pub(super) id: Option<Raw<'a>>,
    pub(super) name: Option<Raw<'a>>,
    pub(super) input: Option<Raw<'a>>,
}
fields!(Block<'a> { kind = "type", text, citations, thinking, signature, id, name, input; "type" });

/// A field that should be a string; one that is not counts as empty.
pub(super) fn string(raw: Option<Raw<'_>>) -> JsonStr<'_> {
    raw.and_then(JsonStr::of).unwrap_or(JsonStr::EMPTY)
}

/// Translates it.
pub(super) fn translate(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
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
        return Err(Fault::garbled("the provider's answer has no content"));
    };
    let mut out = CompletionWriter::new(memo);
    out.begin(wire.id, None);
    let mut chars = 0;
    for raw in content {
        let block: Block<'_> =
            read(raw).map_err(|_| Fault::garbled("the provider's answer has a block without a type"))?;
        match &*block.kind {
            "text" => {
                let text = string(block.text);
                let start = chars;
                chars += text.chars();
                out.text(text);
                for citation in citations(block.citations) {
                    out.annotation(|w| citation.write(w, start, chars));
                }
            }
            "thinking" => {
                out.reasoning(string(block.thinking));
                if !string(block.signature).is_empty() {
                    out.thinking_block(|w| {
                        w.raw(raw.get());
                    });
                }
            }
            "redacted_thinking" => out.thinking_block(|w| {
                w.raw(raw.get());
            }),
            "tool_use" => {
                let name = string(block.name).decode().unwrap_or_default();
                let input = arguments_text(block.input);
                if memo.json_tool.as_deref() == Some(&*name) {
                    out.text(JsonString::new(&input).as_str());
                } else {
                    out.tool(string(block.id), memo.tool_name(&name), &input);
                }
            }
            // The provider's own tools and their results are no calls of the client's.
            _ => {}
        }
    }
    if let Some(explanation) = wire.stop_details.and_then(|details| details.explanation) {
        out.refusal(explanation);
    }
    let by_client_tool = out.has_tools();
    out.finish(finish_reason(wire.stop_reason.as_deref().unwrap_or_default(), by_client_tool));
    let mut counters = Counters::default();
    if let Some(usage) = wire.usage {
        counters.hear(usage);
    }
    out.usage(counters.usage());
    Ok(out.answer())
}

/// The citations with a URL.
pub(super) fn citations(raw: Option<Raw<'_>>) -> Vec<Citation<'_>> {
    let citations: Vec<Citation<'_>> = raw.and_then(|raw| read(raw).ok()).unwrap_or_default();
    citations.into_iter().filter(|citation| citation.url.is_some()).collect()
}
