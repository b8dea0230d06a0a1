//! A whole answer.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::usage::Counters;
use super::{Citation, StopDetails, fault, finish_reason};
use crate::json::{JsonStr, JsonString, Text};
use crate::openai::{Answer, CompletionWriter, Fault, Memo};

/// A content block, flat: which fields it has depends on its type.
#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) citations: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) signature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
}

/// A field that should be a string; one that is not counts as empty.
pub(super) fn string(raw: Option<&RawValue>) -> JsonStr<'_> {
    raw.and_then(JsonStr::of).unwrap_or(JsonStr::EMPTY)
}

/// Translates it.
pub(super) fn translate(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        id: Option<JsonStr<'a>>,
        #[serde(borrow, default)]
        content: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default)]
        stop_reason: Option<Text<'a>>,
        #[serde(borrow, default)]
        stop_details: Option<StopDetails<'a>>,
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }
    let wire: Wire<'_> = crate::json::parse(body).map_err(|_| Fault::unreadable(502, body))?;
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
        let block: Block<'_> = serde_json::from_str(raw.get())
            .map_err(|_| Fault::garbled("the provider's answer has a block without a type"))?;
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
                let input = block.input.map_or("{}", RawValue::get);
                if memo.json_tool.as_deref() == Some(&*name) {
                    out.text(JsonString::new(input).as_str());
                } else {
                    out.tool(string(block.id), memo.tool_name(&name), input);
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
pub(super) fn citations(raw: Option<&RawValue>) -> Vec<Citation<'_>> {
    let citations: Vec<Citation<'_>> =
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    citations.into_iter().filter(|citation| citation.url.is_some()).collect()
}
