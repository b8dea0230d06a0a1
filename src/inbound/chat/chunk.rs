//! Writes `chat.completion.chunk` events. Dialects report facts and this module writes the JSON, so no
//! dialect can write a malformed chunk or a second `[DONE]`. Writing a token does not allocate.

use std::rc::Rc;

use super::parts::{write_citation, write_image, write_logprobs, write_thinking, write_tokens};
use crate::facts::{Citation, FinishReason, Logprob, Relay, Sink, Thinking, Usage, Wire};
use crate::inbound::{Events, Output};
use crate::json::{JsonStr, Writer};
use crate::openai::{ErrorBody, Memo, Operation, answer_id, finish_word};

/// Writes the events of one response, as `chat.completion.chunk` or `text_completion`.
///
/// Facts are reported in the order of the response. After [`done`](Sink::done) or [`fail`](Events::fail),
/// further facts are ignored.
#[derive(Debug)]
pub struct ChunkWriter {
    output: Output,
    /// `data: {"id":…,"object":…,"created":…,"model":…,`: the bytes that every chunk starts with.
    head: Vec<u8>,
    request_id: Rc<str>,
    id: Box<str>,
    model: Rc<str>,
    created: u64,
    shape: Operation,
    include_usage: bool,
    /// The client uses the deprecated `function_call` instead of `tool_calls`.
    function_call: bool,
    choices: Vec<Choice>,
    current: usize,
}

#[derive(Debug, Default, Clone)]
struct Choice {
    begun: bool,
    finished: bool,
    tools: u32,
    images: u64,
    thinking_blocks: u64,
    annotations: u64,
}

impl ChunkWriter {
    /// Creates a writer for the response to the request described by `memo`.
    pub fn new(memo: &Memo) -> Self {
        Self {
            output: Output::default(),
            head: Vec::new(),
            request_id: Rc::clone(&memo.id),
            id: Box::default(),
            model: Rc::clone(&memo.model),
            created: memo.created,
            shape: memo.operation,
            include_usage: memo.include_usage,
            function_call: memo.function_call,
            choices: vec![Choice::default()],
            current: 0,
        }
    }

    /// Returns how many of these the choice has had so far, and increments the count.
    fn next(&mut self, count: impl FnOnce(&mut Choice) -> &mut u64) -> u64 {
        let Some(choice) = self.choices.get_mut(self.current) else { return 0 };
        let count = count(choice);
        *count += 1;
        *count - 1
    }

    fn delta(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        self.chunk(|w| {
            w.key("delta").object();
            write(w);
            w.end_object();
        });
    }

    fn chunk(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        let finished = self.choices.get(self.current).is_none_or(|choice| choice.finished);
        if !self.output.ended && !finished {
            self.write_chunk(None, write);
        }
    }

    fn write_chunk(&mut self, finish: Option<FinishReason>, write: impl FnOnce(&mut Writer<'_>)) {
        // Not generic, so that it is compiled once and not for every kind of delta.
        let mut write = Some(write);
        self.write_chunk_with(finish, &mut |w| {
            if let Some(write) = write.take() {
                write(w);
            }
        });
    }

    fn write_chunk_with(&mut self, finish: Option<FinishReason>, write: &mut dyn FnMut(&mut Writer<'_>)) {
        if self.head.is_empty() {
            self.begin(None, None);
        }
        let Some(choice) = self.choices.get_mut(self.current) else { return };
        if !choice.begun {
            choice.begun = true;
            if self.shape == Operation::Chat {
                self.one(None, &mut |w| {
                    w.key("delta").object().key("role").string("assistant").key("content").string("");
                    w.end_object();
                });
            }
        }
        self.one(finish, write);
    }

    fn one(&mut self, finish: Option<FinishReason>, write: &mut dyn FnMut(&mut Writer<'_>)) {
        self.output.bytes.extend_from_slice(&self.head);
        let mut w = Writer::new(&mut self.output.bytes);
        w.key("choices").array().object().key("index").number(self.current as u64);
        write(&mut w);
        if self.shape == Operation::Completions {
            w.key("logprobs").raw("null");
        }
        match finish {
            Some(reason) => w.key("finish_reason").string(finish_word(reason, self.function_call)),
            None => w.key("finish_reason").raw("null"),
        };
        w.end_object().end_array();
        if self.include_usage {
            // As OpenAI does: with `include_usage`, every chunk before the last has `usage: null`.
            w.key("usage").raw("null");
        }
        w.end_object();
        self.output.bytes.extend_from_slice(b"\n\n");
    }
}

impl Sink for ChunkWriter {
    fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>) {
        if !self.head.is_empty() {
            return;
        }
        self.head.extend_from_slice(b"data: ");
        let mut w = Writer::new(&mut self.head);
        w.object().key("id");
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            w.raw(id.token());
            self.id = id.inner().into();
        } else {
            let id = answer_id(&self.request_id);
            w.string(&id);
            self.id = id.into();
        }
        w.key("object").string(match self.shape {
            Operation::Completions => "text_completion",
            _ => "chat.completion.chunk",
        });
        w.key("created").number(created.unwrap_or(self.created));
        w.key("model").string(&self.model);
    }

    fn choice(&mut self, index: usize) {
        // OpenAI limits `n` to 128. Clamp larger indices, so that a provider cannot make us allocate.
        let index = index.min(127);
        while self.choices.len() <= index {
            self.choices.push(Choice::default());
        }
        self.current = index;
    }

    fn text(&mut self, text: JsonStr<'_>) {
        if text.is_empty() {
            return;
        }
        self.output.produced.add(text.inner());
        match self.shape {
            Operation::Completions => self.chunk(|w| {
                w.key("text").raw(text.token());
            }),
            _ => self.delta(|w| {
                w.key("content").raw(text.token());
            }),
        }
    }

    // `reasoning_content` is DeepSeek's extension, which clients know.
    fn reasoning(&mut self, text: JsonStr<'_>) {
        if !text.is_empty() && self.shape == Operation::Chat {
            self.output.produced.add(text.inner());
            self.delta(|w| {
                w.key("reasoning_content").raw(text.token());
            });
        }
    }

    // `thinking_blocks`, `provider_specific_fields` and `images` are LiteLLM's extensions.
    fn thinking(&mut self, block: Thinking<'_>) {
        if self.shape == Operation::Chat {
            let index = self.next(|choice| &mut choice.thinking_blocks);
            self.delta(|w| {
                w.key("thinking_blocks").array();
                write_thinking(w, block);
                write_index(w, index);
                w.end_array();
            });
        }
    }

    fn thought_signature(&mut self, signature: JsonStr<'_>) {
        if self.shape == Operation::Chat {
            self.delta(|w| {
                w.key("provider_specific_fields").object();
                w.key("thought_signatures").array().raw(signature.token()).end_array().end_object();
            });
        }
    }

    fn image(&mut self, media_type: &str, data: &str) {
        if self.shape == Operation::Chat {
            let index = self.next(|choice| &mut choice.images);
            self.delta(|w| {
                w.key("images").array();
                write_image(w, index, media_type, data);
                w.end_array();
            });
        }
    }

    fn logprobs(&mut self, tokens: &[Logprob<'_>]) {
        if self.shape == Operation::Chat {
            self.chunk(|w| {
                w.key("delta").object().end_object().key("logprobs");
                write_logprobs(w, |w| write_tokens(w, tokens));
            });
        }
    }

    fn refusal(&mut self, text: JsonStr<'_>) {
        if !text.is_empty() && self.shape == Operation::Chat {
            self.delta(|w| {
                w.key("refusal").raw(text.token());
            });
        }
    }

    fn citation(&mut self, citation: Citation<'_>) {
        if self.shape == Operation::Chat {
            let index = self.next(|choice| &mut choice.annotations);
            self.delta(|w| {
                w.key("annotations").array();
                write_citation(w, citation);
                write_index(w, index);
                w.end_array();
            });
        }
    }

    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32 {
        let Some(choice) = self.choices.get_mut(self.current) else { return 0 };
        let index = choice.tools;
        choice.tools += 1;
        self.output.produced.add(name);
        if self.function_call {
            // This client supports one call per response. The model repeats the others in later turns.
            if index == 0 {
                self.delta(|w| {
                    w.key("function_call").object().key("name").string(name);
                    w.key("arguments").string("").end_object();
                });
            }
            return index;
        }
        self.delta(|w| {
            w.key("tool_calls").array().object();
            w.key("index").number(index.into()).key("id").raw(id.token()).key("type").string("function");
            w.key("function").object().key("name").string(name).key("arguments").string("").end_object();
            if let Some(signature) = signature {
                w.key("provider_specific_fields").object();
                w.key("thought_signature").raw(signature.token()).end_object();
            }
            w.end_object().end_array();
        });
        index
    }

    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>) {
        if fragment.is_empty() {
            return;
        }
        self.output.produced.add(fragment.inner());
        if self.function_call {
            if index == 0 {
                self.delta(|w| {
                    w.key("function_call").object().key("arguments").raw(fragment.token()).end_object();
                });
            }
            return;
        }
        self.delta(|w| {
            w.key("tool_calls").array().object().key("index").number(index.into());
            w.key("function").object().key("arguments").raw(fragment.token()).end_object();
            w.end_object().end_array();
        });
    }

    fn finish(&mut self, reason: FinishReason) {
        let Some(choice) = self.choices.get_mut(self.current) else { return };
        if choice.finished || self.output.ended {
            return;
        }
        choice.finished = true;
        let shape = self.shape;
        self.write_chunk(Some(reason), |w| match shape {
            Operation::Completions => {
                w.key("text").string("");
            }
            _ => {
                w.key("delta").object().end_object();
            }
        });
    }

    fn usage(&mut self, usage: Usage) {
        self.output.usage = usage;
    }

    fn done(&mut self) {
        if self.output.ended {
            return;
        }
        if self.include_usage && !self.head.is_empty() {
            self.output.bytes.extend_from_slice(&self.head);
            let mut w = Writer::new(&mut self.output.bytes);
            w.key("choices").array().end_array().key("usage");
            self.output.usage.write(&mut w);
            w.end_object();
            self.output.bytes.extend_from_slice(b"\n\n");
        }
        self.output.ended = true;
        self.output.bytes.extend_from_slice(b"data: [DONE]\n\n");
    }
    fn relay(&mut self, wire: Wire) -> Option<&mut dyn Relay> {
        let own = match self.shape {
            Operation::Completions => Wire::Completions,
            _ => Wire::ChatCompletions,
        };
        if wire == own { Some(self) } else { None }
    }
}

impl Events for ChunkWriter {
    fn fail(&mut self, error: &ErrorBody) {
        if self.output.ended {
            return;
        }
        self.output.ended = true;
        error.write_event(&mut self.output.bytes);
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn output(&self) -> &Output {
        &self.output
    }

    fn output_mut(&mut self) -> &mut Output {
        &mut self.output
    }
}

impl Relay for ChunkWriter {
    fn id(&self) -> &str {
        &self.id
    }

    fn set_id(&mut self, id: JsonStr<'_>) {
        self.id = id.inner().into();
    }

    fn words(&mut self, words: &str) {
        self.output.produced.add(words);
    }

    fn bytes(&mut self, pieces: &[&[u8]]) {
        if self.output.ended {
            return;
        }
        self.output.bytes.extend_from_slice(b"data: ");
        self.output.line(pieces);
        self.output.bytes.extend_from_slice(b"\n\n");
    }

    fn end(&mut self) {
        if !self.output.ended {
            self.output.ended = true;
            self.output.bytes.extend_from_slice(b"data: [DONE]\n\n");
        }
    }
}

/// Writes the `index` of the object that was written last. The official SDKs merge the lists of a stream by
/// index and fail without it.
fn write_index(w: &mut Writer<'_>, index: u64) {
    if w.bytes().last() == Some(&b'}') {
        w.reopen_object().key("index").number(index).end_object();
    }
}
