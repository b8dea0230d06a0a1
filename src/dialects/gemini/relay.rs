//! Relays responses to clients of Google's own API: the bytes pass unchanged, except for the model's name. Usage is read on
//! the way.

use super::super::Stream;
use super::grounding::{self, Grounded};
use super::usage::Counters;
use super::{TIER_HEADER, fault};
use crate::facts::{Fault, Sink, Usage, Wire};
use crate::frame::Frame;
use crate::json::{JsonStr, JsonString, Raw, Text, around, fields, read};
use crate::openai::{Answer, Memo};

/// `GenerateContentResponse`, as far as the gateway reads it.
struct Response<'a> {
    response_id: Option<JsonStr<'a>>,
    model_version: Option<Raw<'a>>,
    candidates: Option<Vec<Candidate<'a>>>,
    prompt_feedback: Option<PromptFeedback<'a>>,
    usage_metadata: Option<Raw<'a>>,
    error: Option<Raw<'a>>,
}
fields!(Response<'a> {
    response_id = "responseId", model_version = "modelVersion", candidates, prompt_feedback = "promptFeedback",
    usage_metadata = "usageMetadata", error
});

struct Candidate<'a> {
    /// Omitted if 0.
    index: usize,
    content: Option<Content<'a>>,
    finish_reason: Option<Text<'a>>,
    grounding_metadata: Option<Raw<'a>>,
}
fields!(Candidate<'a> {
    index, content, finish_reason = "finishReason", grounding_metadata = "groundingMetadata"
});

struct Content<'a> {
    parts: Option<Vec<Part<'a>>>,
}
fields!(Content<'a> { parts });

/// What the model has generated.
struct Part<'a> {
    text: Option<JsonStr<'a>>,
    function_call: Option<Raw<'a>>,
}
fields!(Part<'a> { text, function_call = "functionCall" });

struct PromptFeedback<'a> {
    block_reason: Option<Text<'a>>,
}
fields!(PromptFeedback<'a> { block_reason = "blockReason" });

impl Response<'_> {
    fn is_blocked(&self) -> bool {
        self.prompt_feedback.as_ref().is_some_and(|feedback| feedback.block_reason.is_some())
    }
}

/// Relays a complete response.
pub(super) fn answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    let mut relayed = Relayed::new(memo);
    let response = parsed(body).ok_or_else(|| Fault::unreadable(502, body))?;
    if let Some(error) = response.error {
        return Err(fault(None, error));
    }
    if response.candidates.as_ref().is_none_or(Vec::is_empty) && !response.is_blocked() {
        return Err(Fault::garbled("the provider's response has no candidates"));
    }
    relayed.pass(body, &response, out)?;
    if let Some(relay) = out.relay(Wire::Contents) {
        relay.end();
    }
    Ok(())
}

/// Relays vectors.
pub(super) fn embeddings(body: &[u8]) -> Result<Answer, Fault> {
    struct Wire<'a> {
        embeddings: Option<Raw<'a>>,
        embedding: Option<Raw<'a>>,
        usage_metadata: Option<UsageMetadata>,
        error: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { embeddings, embedding, usage_metadata = "usageMetadata", error });
    struct UsageMetadata {
        prompt_token_count: u64,
    }
    fields!(UsageMetadata { prompt_token_count = "promptTokenCount" });
    let wire: Wire<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    if let Some(error) = wire.error {
        return Err(fault(None, error));
    }
    if wire.embeddings.or(wire.embedding).is_none() {
        return Err(Fault::garbled("the provider's response has no embeddings"));
    }
    let prompt = wire.usage_metadata.map_or(0, |usage| usage.prompt_token_count);
    Ok(Answer { body: body.to_vec(), usage: Usage { prompt, ..Usage::default() }, id: Box::default() })
}

/// Relays a stream, event by event.
pub(super) struct Relayed {
    /// The client's model name as a JSON string.
    model: Vec<u8>,
    counters: Counters,
    /// What the answer is grounded in.
    grounded: Grounded,
    begun: bool,
    /// Whether each candidate has ended.
    ended: Vec<bool>,
    blocked: bool,
}

/// The most candidates that are followed.
const MOST: usize = 128;

impl Relayed {
    /// Creates the relay for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        let mut counters = Counters::default();
        counters.served(memo.header(TIER_HEADER));
        Self {
            model: JsonString::new(&memo.model).into_bytes(),
            counters,
            grounded: Grounded::default(),
            begun: false,
            ended: Vec::new(),
            blocked: false,
        }
    }

    fn pass(&mut self, bytes: &[u8], response: &Response<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        if let Some(usage) = response.usage_metadata {
            self.counters.hear(usage);
        }
        for candidate in response.candidates.iter().flatten() {
            if let Some(grounding) = candidate.grounding_metadata {
                self.grounded = self.grounded.and(grounding::of(grounding));
            }
            let index = candidate.index.min(MOST - 1);
            if self.ended.len() <= index {
                self.ended.resize(index + 1, false);
            }
            if let Some(ended) = self.ended.get_mut(index) {
                *ended |= candidate.finish_reason.is_some();
            }
        }
        self.blocked |= response.is_blocked();
        out.usage(self.counters.usage(self.grounded));
        // `Memo::wire` promises a client with this format.
        let Some(relay) = out.relay(Wire::Contents) else {
            return Err(Fault::garbled("the response is in a format that the client does not have"));
        };
        if let Some(id) = response.response_id.filter(|id| !self.begun && !id.is_empty()) {
            relay.set_id(id);
        }
        self.begun = true;
        let contents =
            response.candidates.iter().flatten().filter_map(|candidate| candidate.content.as_ref());
        for part in contents.flat_map(|content| content.parts.iter().flatten()) {
            part.text.into_iter().for_each(|text| relay.words(text.inner()));
            part.function_call.into_iter().for_each(|call| relay.words(call.get()));
        }
        match response.model_version.and_then(|model| around(bytes, model.get())) {
            Some((before, after)) => relay.bytes(&[before, &self.model, after]),
            None => relay.bytes(&[bytes]),
        }
        Ok(())
    }
}

impl Stream for Relayed {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        let event =
            parsed(frame.data).ok_or_else(|| Fault::garbled("the provider sent an invalid stream event"))?;
        match event.error {
            Some(error) => Err(fault(None, error)),
            None => self.pass(frame.data, &event, out),
        }
    }

    fn end(&mut self, out: &mut dyn Sink) {
        let is_complete = !self.ended.is_empty() && self.ended.iter().all(|ended| *ended);
        if let Some(relay) = out.relay(Wire::Contents).filter(|_| is_complete || self.blocked) {
            relay.end();
        }
    }
}

/// Fields that are not read are relayed, too, so all of it must be UTF-8.
fn parsed(bytes: &[u8]) -> Option<Response<'_>> {
    read(core::str::from_utf8(bytes).ok()?).ok()
}
