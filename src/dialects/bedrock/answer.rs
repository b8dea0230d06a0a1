//! Translates a complete response.

use super::{REQUEST_ID, finish_reason, usage};
use crate::facts::{self, Fault, Sink, Thinking, Usage};
use crate::json::{JsonStr, JsonString, Raw, Text, fields, read};
use crate::openai::{Memo, arguments_text};

/// A content block: exactly one member is set.
struct Block<'a> {
    text: Option<JsonStr<'a>>,
    reasoning_content: Option<Reasoning<'a>>,
    tool_use: Option<ToolUse<'a>>,
    citations_content: Option<Cited<'a>>,
    image: Option<Image<'a>>,
}
fields!(Block<'a> {
    text, reasoning_content = "reasoningContent", tool_use = "toolUse",
    citations_content = "citationsContent", image
});

struct Reasoning<'a> {
    reasoning_text: Option<ReasoningText<'a>>,
    redacted_content: Option<JsonStr<'a>>,
}
fields!(Reasoning<'a> { reasoning_text = "reasoningText", redacted_content = "redactedContent" });

struct ReasoningText<'a> {
    text: Option<JsonStr<'a>>,
    signature: Option<JsonStr<'a>>,
}
fields!(ReasoningText<'a> { text, signature });

/// A tool call.
pub(super) struct ToolUse<'a> {
    pub(super) tool_use_id: Option<JsonStr<'a>>,
    pub(super) name: Text<'a>,
    pub(super) input: Option<Raw<'a>>,
    kind: Option<Text<'a>>,
}
fields!(ToolUse<'a> { tool_use_id = "toolUseId", name, input, kind = "type" });

impl ToolUse<'_> {
    /// Whether the provider runs the tool itself. Calls for the client have no `type`, or `tool_use`.
    pub(super) fn is_server_side(&self) -> bool {
        self.kind.as_deref() == Some("server_tool_use")
    }
}

struct Cited<'a> {
    content: Vec<Words<'a>>,
    citations: Vec<Citation<'a>>,
}
fields!(Cited<'a> { content, citations });

struct Words<'a> {
    text: Option<JsonStr<'a>>,
}
fields!(Words<'a> { text });

/// An image that the model generated.
pub(super) struct Image<'a> {
    pub(super) format: Text<'a>,
    pub(super) source: Option<ImageSource<'a>>,
}
fields!(Image<'a> { format, source });

pub(super) struct ImageSource<'a> {
    pub(super) bytes: Option<JsonStr<'a>>,
}
fields!(ImageSource<'a> { bytes });

/// A citation. Those without a URL (positions in a document) have no `OpenAI` equivalent.
pub(super) struct Citation<'a> {
    pub(super) title: Option<JsonStr<'a>>,
    location: Option<Location<'a>>,
}
fields!(Citation<'a> { title, location });

struct Location<'a> {
    web: Option<Web<'a>>,
}
fields!(Location<'a> { web });

struct Web<'a> {
    url: Option<JsonStr<'a>>,
}
fields!(Web<'a> { url });

impl<'a> Citation<'a> {
    pub(super) fn url(&self) -> Option<JsonStr<'a>> {
        self.location.as_ref()?.web.as_ref()?.url
    }
}

/// Reports it.
pub(super) fn read_answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    struct Wire<'a> {
        output: Output<'a>,
        stop_reason: Option<Text<'a>>,
        usage: Option<Raw<'a>>,
        additional_model_response_fields: Option<Raw<'a>>,
        service_tier: Option<Raw<'a>>,
    }
    fields!(Wire<'a> {
        output, stop_reason = "stopReason", usage, service_tier = "serviceTier",
        additional_model_response_fields = "additionalModelResponseFields"; "output"
    });
    struct Output<'a> {
        message: Option<Message<'a>>,
    }
    fields!(Output<'a> { message });
    struct Message<'a> {
        content: Vec<Block<'a>>,
    }
    fields!(Message<'a> { content });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    let Some(message) = wire.output.message else {
        return Err(Fault::garbled("the provider's response has no message"));
    };
    let id = memo.header(REQUEST_ID).map(JsonString::new);
    out.begin(id.as_ref().map(JsonString::as_str), None);
    let mut chars = 0;
    let mut calls = false;
    for block in message.content {
        if let Some(text) = block.text {
            chars += text.chars();
            out.text(text);
        }
        if let Some(reasoning) = block.reasoning_content {
            if let Some(words) = reasoning.reasoning_text {
                let text = words.text.unwrap_or(JsonStr::EMPTY);
                out.reasoning(text);
                if let Some(signature) = words.signature.filter(|signature| !signature.is_empty()) {
                    out.thinking(Thinking::Signed { text: text.inner(), signature });
                }
            }
            if let Some(data) = reasoning.redacted_content {
                out.thinking(Thinking::Redacted { data });
            }
        }
        if let Some(call) = block.tool_use.filter(|call| !call.is_server_side()) {
            let input = arguments_text(call.input);
            if memo.json_tool.as_deref() == Some(&*call.name) {
                out.text(JsonString::new(&input).as_str());
            } else {
                let id = call.tool_use_id.unwrap_or(JsonStr::EMPTY);
                calls = true;
                out.whole_call(id, memo.tool_name(&call.name), &input, None);
            }
        }
        if let Some(cited) = block.citations_content {
            let start = chars;
            for text in cited.content.iter().filter_map(|words| words.text) {
                chars += text.chars();
                out.text(text);
            }
            for citation in &cited.citations {
                if let Some(url) = citation.url() {
                    let title = citation.title.unwrap_or(JsonStr::EMPTY);
                    out.citation(facts::Citation { start, end: chars, title, url });
                }
            }
        }
        if let Some(image) = block.image
            && let Some(data) = image.source.and_then(|source| source.bytes)
        {
            out.image(&format!("image/{}", &*image.format), data.inner());
        }
    }
    out.finish(finish_reason(wire.stop_reason.as_deref().unwrap_or_default(), calls));
    let thinking = usage::thinking_tokens(wire.additional_model_response_fields);
    let usage = wire.usage.map(|usage| usage::read(usage, thinking)).unwrap_or_default();
    out.usage(Usage { tier: usage::tier(wire.service_tier), ..usage });
    out.done();
    Ok(())
}
