//! Translates a streamed response, event by event.
//!
//! Unknown event types and fields are ignored, because the provider adds new ones.

use super::super::Stream;
use super::super::claude::usage::Counters;
use super::answer::citations;
use super::block::{Block, string};
use super::searches::Searches;
use super::{Citation, StopDetails, fault, finish_reason};
use crate::facts::{Fault, Sink, Thinking};
use crate::frame::Frame;
use crate::json::{JsonStr, JsonString, Raw, Text, fields, read};
use crate::openai::{Memo, arguments_text};

/// Translates events.
pub(super) struct Translation {
    memo: Memo,
    counters: Counters,
    open: Open,
    begun: bool,
    finished: bool,
    /// There is a call for the client to run.
    calls: bool,
    /// Characters of the content so far: the positions of citations.
    chars: u64,
    searches: Searches,
}

/// The current content block. Blocks do not overlap. Their `index` counts all kinds of blocks, so it is not
/// the index of a call.
enum Open {
    /// None, or one that is not shown.
    Hidden,
    Text {
        start: u64,
        /// (title, URL) tokens
        citations: Vec<(String, String)>,
    },
    Thinking {
        /// JSON-escaped text.
        text: String,
        /// JSON token.
        signature: String,
    },
    Tool {
        index: u32,
        input: Input,
    },
    /// The tool in place of `response_format`.
    Json {
        input: Input,
    },
    /// A search by the provider.
    Search {
        /// JSON-escaped input in fragments.
        input: String,
    },
}

/// The input of a call. It comes in fragments, after an `{}` that must be ignored; or complete, in the
/// block's start, if the provider got it from elsewhere.
struct Input {
    at_start: String,
    in_fragments: bool,
}

struct Event<'a> {
    kind: Text<'a>,
    message: Option<Message<'a>>,
    content_block: Option<Raw<'a>>,
    delta: Option<Delta<'a>>,
    usage: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
}
fields!(Event<'a> { kind = "type", message, content_block, delta, usage, error; "type" });

struct Message<'a> {
    id: Option<JsonStr<'a>>,
    content: Option<Vec<Raw<'a>>>,
    stop_reason: Option<Text<'a>>,
    usage: Option<Raw<'a>>,
}
fields!(Message<'a> { id, content, stop_reason, usage });

/// A delta of a block or of the message, as a flat struct.
struct Delta<'a> {
    kind: Text<'a>,
    text: Option<Raw<'a>>,
    thinking: Option<Raw<'a>>,
    signature: Option<Raw<'a>>,
    partial_json: Option<Raw<'a>>,
    citation: Option<Raw<'a>>,
    stop_reason: Option<Text<'a>>,
    stop_details: Option<StopDetails<'a>>,
}
fields!(Delta<'a> {
    kind = "type", text, thinking, signature, partial_json, citation, stop_reason, stop_details
});

impl Translation {
    /// Creates the translation for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        Self {
            memo: memo.clone(),
            counters: Counters::default(),
            open: Open::Hidden,
            begun: false,
            finished: false,
            calls: false,
            chars: 0,
            searches: Searches::default(),
        }
    }

    fn message(&mut self, message: &Message<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        if self.begun && !matches!(self.open, Open::Hidden) {
            // Part of a block has been sent and cannot be retracted.
            return Err(Fault::garbled("the provider started a second message in the same stream"));
        }
        self.begun = true;
        out.begin(message.id, None);
        self.hear(message.usage, out);
        // Usually empty, but a call that the provider made earlier comes complete.
        for block in message.content.iter().flatten() {
            self.start(*block, out)?;
            self.stop(out);
        }
        if let Some(reason) = &message.stop_reason {
            self.finish(reason, None, out);
        }
        Ok(())
    }

    fn start(&mut self, raw: Raw<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        let block: Block<'_> =
            read(raw).map_err(|_| Fault::garbled("the provider sent a content block without a type"))?;
        self.open = match &*block.kind {
            "text" => {
                let start = self.chars;
                self.text(string(block.text), out);
                let citations = citations(block.citations).iter().filter_map(kept).collect();
                Open::Text { start, citations }
            }
            "thinking" => {
                let text = string(block.thinking);
                out.reasoning(text);
                Open::Thinking {
                    text: text.inner().to_owned(),
                    signature: string(block.signature).token().to_owned(),
                }
            }
            "redacted_thinking" => {
                out.thinking(Thinking::Redacted { data: string(block.data) });
                Open::Hidden
            }
            "tool_use" => {
                let name = string(block.name).decode().unwrap_or_default();
                let input = Input { at_start: arguments_text(block.input).into_owned(), in_fragments: false };
                if self.memo.json_tool.as_deref() == Some(&*name) {
                    Open::Json { input }
                } else {
                    self.calls = true;
                    let index = out.call(string(block.id), self.memo.tool_name(&name), None);
                    Open::Tool { index, input }
                }
            }
            // The provider's server tools and their results are not tool calls for the client.
            "server_tool_use" => {
                self.searches.begin(&block, block.input);
                Open::Search { input: String::new() }
            }
            "web_search_tool_result" => {
                self.searches.end(&block, out);
                Open::Hidden
            }
            _ => Open::Hidden,
        };
        Ok(())
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut dyn Sink) {
        match (&*delta.kind, &mut self.open) {
            ("text_delta", _) => self.text(string(delta.text), out),
            ("thinking_delta", open) => {
                let words = string(delta.thinking);
                out.reasoning(words);
                if let Open::Thinking { text, .. } = open {
                    text.push_str(words.inner());
                }
            }
            ("signature_delta", Open::Thinking { signature, .. }) => {
                string(delta.signature).token().clone_into(signature);
            }
            ("input_json_delta", Open::Tool { index, input }) => {
                let fragment = string(delta.partial_json);
                input.in_fragments |= !fragment.is_empty();
                out.arguments(*index, fragment);
            }
            ("input_json_delta", Open::Json { input }) => {
                let fragment = string(delta.partial_json);
                input.in_fragments |= !fragment.is_empty();
                out.text(fragment);
            }
            ("input_json_delta", Open::Search { input }) => {
                input.push_str(string(delta.partial_json).inner());
            }
            ("citations_delta", Open::Text { citations, .. }) => {
                let citation = delta.citation.and_then(|raw| read(raw).ok());
                citations.extend(citation.as_ref().and_then(kept));
            }
            _ => {}
        }
    }

    /// Ends the block, and writes what is only available as a whole.
    fn stop(&mut self, out: &mut dyn Sink) {
        match core::mem::replace(&mut self.open, Open::Hidden) {
            Open::Hidden => {}
            Open::Search { input } => self.searches.fill(&input),
            Open::Text { start, citations } => {
                for (title, url) in &citations {
                    let citation = Citation { title: token(title), url: token(url) };
                    out.citation(citation.about(start, self.chars));
                }
            }
            Open::Thinking { text, signature } => {
                if let Some(signature) = token(&signature).filter(|signature| !signature.is_empty()) {
                    out.thinking(Thinking::Signed { text: &text, signature });
                }
            }
            Open::Tool { index, input } => {
                if !input.in_fragments {
                    out.arguments(index, JsonString::new(&input.at_start).as_str());
                }
            }
            Open::Json { input } => {
                if !input.in_fragments {
                    out.text(JsonString::new(&input.at_start).as_str());
                }
            }
        }
    }

    fn text(&mut self, text: JsonStr<'_>, out: &mut dyn Sink) {
        self.chars += text.chars();
        out.text(text);
    }

    fn finish(&mut self, reason: &str, explanation: Option<JsonStr<'_>>, out: &mut dyn Sink) {
        if let Some(explanation) = explanation {
            out.refusal(explanation);
        }
        self.finished = true;
        out.finish(finish_reason(reason, self.calls));
    }

    fn hear(&mut self, usage: Option<Raw<'_>>, out: &mut dyn Sink) {
        if let Some(usage) = usage {
            self.counters.hear(usage);
            out.usage(self.counters.usage());
        }
    }
}

impl Stream for Translation {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        let event: Event<'_> =
            read(frame.data).map_err(|_| Fault::garbled("the provider sent an invalid stream event"))?;
        match &*event.kind {
            "content_block_delta" => {
                if let Some(delta) = &event.delta {
                    self.delta(delta, out);
                }
            }
            "content_block_start" => {
                if let Some(block) = event.content_block {
                    self.start(block, out)?;
                }
            }
            "content_block_stop" => self.stop(out),
            "message_start" => {
                if let Some(message) = &event.message {
                    self.message(message, out)?;
                }
            }
            "message_delta" => {
                self.hear(event.usage, out);
                if let Some(delta) = &event.delta
                    && let Some(reason) = &delta.stop_reason
                {
                    let explanation = delta.stop_details.as_ref().and_then(|details| details.explanation);
                    self.finish(reason, explanation, out);
                }
            }
            "message_stop" => out.done(),
            "error" => {
                return Err(match event.error {
                    Some(error) => fault(None, error),
                    None => Fault::garbled("the provider reported an error without details"),
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Sink) {
        // Only the last event is missing.
        if self.finished {
            out.done();
        }
    }
}

/// A citation with a URL, kept until the block ends.
fn kept(citation: &Citation<'_>) -> Option<(String, String)> {
    let title = citation.title.unwrap_or(JsonStr::EMPTY);
    Some((title.token().to_owned(), citation.url?.token().to_owned()))
}

fn token(token: &str) -> Option<JsonStr<'_>> {
    read(token).ok()
}
