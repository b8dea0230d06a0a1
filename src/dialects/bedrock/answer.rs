//! A whole answer.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{REQUEST_ID, finish_reason, usage};
use crate::json::{self, JsonStr, JsonString, Text, Writer};
use crate::openai::{Answer, CompletionWriter, Fault, Memo};

/// A content block: one of its members is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(borrow, default)]
    text: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    reasoning_content: Option<Reasoning<'a>>,
    #[serde(borrow, default)]
    tool_use: Option<ToolUse<'a>>,
    #[serde(borrow, default)]
    citations_content: Option<Cited<'a>>,
    #[serde(borrow, default)]
    image: Option<Image<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning<'a> {
    #[serde(borrow, default)]
    reasoning_text: Option<ReasoningText<'a>>,
    #[serde(borrow, default)]
    redacted_content: Option<JsonStr<'a>>,
}

#[derive(Deserialize)]
struct ReasoningText<'a> {
    #[serde(borrow, default)]
    text: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    signature: Option<JsonStr<'a>>,
}

/// A call. One with a `type` is the provider's own, and answered by itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUse<'a> {
    #[serde(borrow, default)]
    pub(super) tool_use_id: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Cited<'a> {
    #[serde(borrow, default)]
    content: Vec<Words<'a>>,
    #[serde(borrow, default)]
    citations: Vec<Citation<'a>>,
}

#[derive(Deserialize)]
struct Words<'a> {
    #[serde(borrow, default)]
    text: Option<JsonStr<'a>>,
}

/// A picture that the model made.
#[derive(Deserialize)]
pub(super) struct Image<'a> {
    #[serde(borrow, default)]
    pub(super) format: Text<'a>,
    #[serde(borrow, default)]
    pub(super) source: Option<ImageSource<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ImageSource<'a> {
    #[serde(borrow, default)]
    pub(super) bytes: Option<JsonStr<'a>>,
}

/// A citation. Those without a URL (places in a document) have no `OpenAI` form.
#[derive(Deserialize)]
pub(super) struct Citation<'a> {
    #[serde(borrow, default)]
    pub(super) title: Option<JsonStr<'a>>,
    #[serde(borrow, default)]
    location: Option<Location<'a>>,
}

#[derive(Deserialize)]
struct Location<'a> {
    #[serde(borrow, default)]
    web: Option<Web<'a>>,
}

#[derive(Deserialize)]
struct Web<'a> {
    #[serde(borrow, default)]
    url: Option<JsonStr<'a>>,
}

impl<'a> Citation<'a> {
    pub(super) fn url(&self) -> Option<JsonStr<'a>> {
        self.location.as_ref()?.web.as_ref()?.url
    }
}

/// Writes `url_citation`, about the characters from `start` to `end` of the content.
pub(super) fn write_citation(w: &mut Writer<'_>, title: &str, url: &str, start: u64, end: u64) {
    w.object().key("type").string("url_citation").key("url_citation").object();
    w.key("start_index").number(start).key("end_index").number(end);
    w.key("title").raw(title).key("url").raw(url).end_object().end_object();
}

/// Writes a block of reasoning in the form in which `LiteLLM` gives and takes it.
pub(super) fn write_thinking(w: &mut Writer<'_>, text: &str, signature: &str) {
    w.object().key("type").string("thinking").key("thinking").escaped(text);
    w.key("signature").raw(signature).end_object();
}

/// Writes a block of reasoning that is not to be read.
pub(super) fn write_redacted(w: &mut Writer<'_>, data: JsonStr<'_>) {
    w.object().key("type").string("redacted_thinking").key("data").raw(data.token()).end_object();
}

/// Translates it.
pub(super) fn translate(body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        #[serde(borrow)]
        output: Output<'a>,
        #[serde(borrow, default)]
        stop_reason: Option<Text<'a>>,
        #[serde(borrow, default)]
        usage: Option<&'a RawValue>,
        #[serde(borrow, default)]
        additional_model_response_fields: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Output<'a> {
        #[serde(borrow, default)]
        message: Option<Message<'a>>,
    }
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        content: Vec<Block<'a>>,
    }
    let wire: Wire<'_> = json::parse(body).map_err(|_| Fault::unreadable(502, body))?;
    let Some(message) = wire.output.message else {
        return Err(Fault::garbled("the provider's answer has no message"));
    };
    let mut out = CompletionWriter::new(memo);
    let id = memo.header(REQUEST_ID).map(JsonString::new);
    out.begin(id.as_ref().map(JsonString::as_str), None);
    let mut chars = 0;
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
                    out.thinking_block(|w| write_thinking(w, text.inner(), signature.token()));
                }
            }
            if let Some(data) = reasoning.redacted_content {
                out.thinking_block(|w| write_redacted(w, data));
            }
        }
        if let Some(call) = block.tool_use.filter(|call| call.kind.is_none()) {
            let input = call.input.map_or("{}", RawValue::get);
            if memo.json_tool.as_deref() == Some(&*call.name) {
                out.text(JsonString::new(input).as_str());
            } else {
                let id = call.tool_use_id.unwrap_or(JsonStr::EMPTY);
                out.tool(id, memo.tool_name(&call.name), input);
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
                    out.annotation(|w| write_citation(w, title.token(), url.token(), start, chars));
                }
            }
        }
        if let Some(image) = block.image
            && let Some(data) = image.source.and_then(|source| source.bytes)
        {
            out.image(&format!("image/{}", &*image.format), data.inner());
        }
    }
    let by_client_tool = out.has_tools();
    out.finish(finish_reason(wire.stop_reason.as_deref().unwrap_or_default(), by_client_tool));
    let thinking = usage::thinking_tokens(wire.additional_model_response_fields);
    out.usage(wire.usage.map(|usage| usage::read(usage, thinking)).unwrap_or_default());
    Ok(out.answer())
}
