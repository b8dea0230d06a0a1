//! Translates a streamed response, event by event.
//!
//! Text and reasoning blocks start without an event. Usage comes in `metadata` after `messageStop`, so both
//! are needed to end the response. Every payload has a `p` of random length, which hides the length of the
//! text from observers of the encrypted connection. It is ignored, as are unknown events and fields.

use super::super::Stream;
use super::answer::{Citation, Image, ToolUse};
use super::{REQUEST_ID, errors, finish_reason, usage};
use crate::facts::{self, Fault, Sink, Thinking, Usage};
use crate::frame::Frame;
use crate::json::{self, JsonStr, JsonString, Place, Raw, Text, fields};
use crate::openai::Memo;

/// Translates events.
pub(super) struct Translation {
    memo: Memo,
    open: Open,
    begun: bool,
    /// `messageStop` was received.
    finished: bool,
    /// `metadata` was received.
    counted: bool,
    thinking: Option<u64>,
    /// There is a call for the client to run.
    calls: bool,
    /// Characters of the content so far: the positions of citations.
    chars: u64,
}

/// The current content block. Blocks do not overlap. Their index counts all kinds of blocks, so it is not the
/// index of a call.
enum Open {
    /// None, or one that is not shown.
    Hidden,
    Text {
        start: u64,
        /// (title, URL) tokens
        citations: Vec<(String, String)>,
    },
    Reasoning {
        /// JSON-escaped text.
        text: String,
        /// JSON token.
        signature: String,
    },
    Tool {
        index: u32,
        /// Whether a fragment of the input was received.
        fed: bool,
    },
    /// The tool in place of `response_format`.
    Json { fed: bool },
    /// An image.
    Image { format: String },
    /// A call of a server tool, or its result.
    Own,
}

struct Start<'a> {
    tool_use: Option<ToolUse<'a>>,
    tool_result: Option<Raw<'a>>,
    image: Option<Image<'a>>,
}
fields!(Start<'a> { tool_use = "toolUse", tool_result = "toolResult", image });

struct Delta<'a> {
    text: Option<JsonStr<'a>>,
    reasoning_content: Option<Reasoning<'a>>,
    tool_use: Option<Input<'a>>,
    citation: Option<Citation<'a>>,
    image: Option<Image<'a>>,
}
fields!(Delta<'a> { text, reasoning_content = "reasoningContent", tool_use = "toolUse", citation, image });

struct Reasoning<'a> {
    text: Option<JsonStr<'a>>,
    signature: Option<JsonStr<'a>>,
    redacted_content: Option<JsonStr<'a>>,
}
fields!(Reasoning<'a> { text, signature, redacted_content = "redactedContent" });

struct Input<'a> {
    input: Option<JsonStr<'a>>,
}
fields!(Input<'a> { input });

impl Translation {
    /// Creates the translation for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        Self {
            memo: memo.clone(),
            open: Open::Hidden,
            begun: false,
            finished: false,
            counted: false,
            thinking: None,
            calls: false,
            chars: 0,
        }
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Sink) {
        self.stop(out);
        self.open = match (&start.tool_use, start.tool_result) {
            (Some(call), _) if call.is_server_side() => Open::Own,
            (Some(call), _) if self.memo.json_tool.as_deref() == Some(&*call.name) => {
                Open::Json { fed: false }
            }
            (Some(call), _) => {
                self.calls = true;
                let id = call.tool_use_id.unwrap_or(JsonStr::EMPTY);
                Open::Tool { index: out.call(id, self.memo.tool_name(&call.name), None), fed: false }
            }
            (None, Some(_)) => Open::Own,
            (None, None) => match &start.image {
                Some(image) => Open::Image { format: image.format.0.clone().into_owned() },
                None => Open::Hidden,
            },
        };
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut dyn Sink) {
        if let Some(words) = delta.text
            && !matches!(self.open, Open::Own)
        {
            if matches!(self.open, Open::Hidden) {
                self.open = Open::Text { start: self.chars, citations: Vec::new() };
            }
            self.chars += words.chars();
            out.text(words);
        }
        if let Some(reasoning) = &delta.reasoning_content {
            self.reasoning(reasoning, out);
        }
        if let Some(fragment) = delta.tool_use.as_ref().and_then(|call| call.input) {
            match &mut self.open {
                Open::Tool { index, fed } => {
                    *fed |= !fragment.is_empty();
                    out.arguments(*index, fragment);
                }
                Open::Json { fed } => {
                    *fed |= !fragment.is_empty();
                    out.text(fragment);
                }
                _ => {}
            }
        }
        if let Some(citation) = &delta.citation
            && let Some(url) = citation.url()
            && let Open::Text { citations, .. } = &mut self.open
        {
            let title = citation.title.unwrap_or(JsonStr::EMPTY);
            citations.push((title.token().to_owned(), url.token().to_owned()));
        }
        if let Some(image) = &delta.image
            && let Some(data) = image.source.as_ref().and_then(|source| source.bytes)
            && let Open::Image { format } = &self.open
        {
            out.image(&format!("image/{format}"), data.inner());
        }
    }

    fn reasoning(&mut self, reasoning: &Reasoning<'_>, out: &mut dyn Sink) {
        if let Some(data) = reasoning.redacted_content {
            out.thinking(Thinking::Redacted { data });
            return;
        }
        if !matches!(self.open, Open::Reasoning { .. }) {
            self.stop(out);
            self.open = Open::Reasoning { text: String::new(), signature: String::new() };
        }
        let Open::Reasoning { text, signature } = &mut self.open else { return };
        if let Some(words) = reasoning.text {
            text.push_str(words.inner());
            out.reasoning(words);
        }
        if let Some(said) = reasoning.signature.filter(|signature| !signature.is_empty()) {
            said.token().clone_into(signature);
        }
    }

    /// Ends the block, and writes what is only available as a whole.
    fn stop(&mut self, out: &mut dyn Sink) {
        match core::mem::replace(&mut self.open, Open::Hidden) {
            Open::Hidden | Open::Own | Open::Image { .. } => {}
            Open::Text { start, citations } => {
                for (title, url) in &citations {
                    if let (Ok(title), Ok(url)) = (json::read(title.as_str()), json::read(url.as_str())) {
                        out.citation(facts::Citation { start, end: self.chars, title, url });
                    }
                }
            }
            Open::Reasoning { text, signature } => {
                if let Ok(signature) = json::read(signature.as_str()) {
                    out.thinking(Thinking::Signed { text: &text, signature });
                }
            }
            Open::Tool { index, fed } => {
                if !fed {
                    out.arguments(index, JsonString::new("{}").as_str());
                }
            }
            Open::Json { fed } => {
                if !fed {
                    out.text(JsonString::new("{}").as_str());
                }
            }
        }
    }

    fn done_if_complete(&self, out: &mut dyn Sink) {
        if self.finished && self.counted {
            out.done();
        }
    }
}

impl Stream for Translation {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        if frame.exception {
            let kind = core::str::from_utf8(frame.event).unwrap_or_default();
            return Err(errors::read(500, Some(kind), frame.data));
        }
        if !self.begun {
            self.begun = true;
            let id = self.memo.header(REQUEST_ID).map(JsonString::new);
            out.begin(id.as_ref().map(JsonString::as_str), None);
        }
        match frame.event {
            b"contentBlockDelta" => {
                struct Event<'a> {
                    delta: Delta<'a>,
                }
                fields!(Event<'a> { delta; "delta" });
                let event: Event<'_> = read(frame.data)?;
                self.delta(&event.delta, out);
            }
            b"contentBlockStart" => {
                struct Event<'a> {
                    start: Start<'a>,
                }
                fields!(Event<'a> { start; "start" });
                let event: Event<'_> = read(frame.data)?;
                self.start(&event.start, out);
            }
            b"contentBlockStop" => self.stop(out),
            b"messageStop" => {
                struct Event<'a> {
                    stop_reason: Text<'a>,
                    additional_model_response_fields: Option<Raw<'a>>,
                }
                fields!(Event<'a> {
                    stop_reason = "stopReason",
                    additional_model_response_fields = "additionalModelResponseFields"
                });
                let event: Event<'_> = read(frame.data)?;
                self.stop(out);
                self.thinking = usage::thinking_tokens(event.additional_model_response_fields);
                self.finished = true;
                out.finish(finish_reason(&event.stop_reason, self.calls));
                self.done_if_complete(out);
            }
            b"metadata" => {
                struct Event<'a> {
                    usage: Option<Raw<'a>>,
                    service_tier: Option<Raw<'a>>,
                }
                fields!(Event<'a> { usage, service_tier = "serviceTier" });
                let event: Event<'_> = read(frame.data)?;
                if let Some(counts) = event.usage {
                    let usage = usage::read(counts, self.thinking);
                    out.usage(Usage { tier: usage::tier(event.service_tier), ..usage });
                }
                self.counted = true;
                self.done_if_complete(out);
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Sink) {
        // Only the usage is missing.
        if self.finished {
            out.done();
        }
    }
}

fn read<'a, T: Place<'a>>(data: &'a [u8]) -> Result<T, Fault> {
    json::read(data).map_err(|_| Fault::garbled("the provider sent an invalid stream event"))
}
