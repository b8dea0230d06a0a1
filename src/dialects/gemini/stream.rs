//! Translates a streamed response, event by event. Each event is a `GenerateContentResponse` with the new
//! parts.
//!
//! There is no final event: the stream ends when its body ends. What belongs at the end of a response (finish
//! reason, citations) may come in any event after the text, and is kept until then.

use super::super::Stream;
use super::answer::{Candidate, Response, failed, finish_reason, report_call, report_part};
use super::grounding::{self, Grounded};
use super::partial::Calls;
use super::usage::Counters;
use super::{TIER_HEADER, fault, logprobs};
use crate::facts::{Fault, FinishReason, Sink};
use crate::frame::Frame;
use crate::json::{JsonStr, Raw, read};
use crate::openai::Memo;

/// Translates events.
pub(super) struct Translation {
    memo: Memo,
    counters: Counters,
    choices: Vec<Choice>,
    begun: bool,
    /// What the answer is grounded in.
    grounded: Grounded,
}

#[derive(Default)]
struct Choice {
    calls: Calls,
    /// There was text.
    worded: bool,
    finish: Option<FinishReason>,
    /// `groundingMetadata`, which is repeated and grows; the last one is complete.
    grounding: Option<String>,
}

impl Translation {
    /// Creates the translation for a response to the request described by `memo`.
    pub(super) fn new(memo: &Memo) -> Self {
        Self {
            memo: memo.clone(),
            counters: Counters::default(),
            choices: Vec::new(),
            begun: false,
            grounded: Grounded::default(),
        }
    }

    fn candidate(&mut self, candidate: &Candidate<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        // The writer's maximum.
        let index = candidate.index.min(127);
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        let (memo, Some(choice)) = (&self.memo, self.choices.get_mut(index)) else { return Ok(()) };
        out.choice(index);
        for part in candidate.content.iter().flat_map(|content| content.parts.iter().flatten()) {
            choice.worded |=
                part.image().is_some() || !part.thought && part.text.is_some_and(|text| !text.is_empty());
            report_part(part, &mut choice.calls, memo, index, out);
        }
        if let Some(result) = candidate.logprobs_result {
            logprobs::report(result, out);
        }
        if let Some(grounding) = candidate.grounding_metadata {
            self.grounded = self.grounded.and(grounding::of(grounding));
            choice.grounding = Some(grounding.get().to_owned());
        }
        if let Some(reason) = &candidate.finish_reason {
            choice.calls.close(&mut |call| report_call(&call, memo, out));
            if !choice.worded && !choice.calls.any() {
                failed(reason, candidate.finish_message)?;
            }
            choice.finish = Some(finish_reason(reason, choice.calls.any()));
        }
        Ok(())
    }
}

impl Stream for Translation {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault> {
        let event: Response<'_> =
            read(frame.data).map_err(|_| Fault::garbled("the provider sent an invalid stream event"))?;
        if let Some(error) = event.error {
            return Err(fault(None, error));
        }
        if !self.begun {
            self.begun = true;
            self.counters.served(self.memo.header(TIER_HEADER));
            out.begin(event.response_id.filter(|id: &JsonStr<'_>| !id.is_empty()), None);
        }
        if let Some(usage) = event.usage_metadata {
            self.counters.hear(usage);
        }
        for candidate in event.candidates.iter().flatten() {
            self.candidate(candidate, out)?;
        }
        if let Some(feedback) = event.prompt_feedback.filter(|feedback| feedback.block_reason.is_some())
            && self.choices.is_empty()
        {
            if let Some(message) = feedback.block_reason_message {
                out.refusal(message);
            }
            self.choices.push(Choice { finish: Some(FinishReason::ContentFilter), ..Choice::default() });
        }
        out.usage(self.counters.usage(self.grounded));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Sink) {
        if self.choices.is_empty() || self.choices.iter().any(|choice| choice.finish.is_none()) {
            return;
        }
        for (index, choice) in self.choices.iter().enumerate() {
            out.choice(index);
            if let Some(grounding) = choice.grounding.as_deref().and_then(|text| Raw::parse(text).ok()) {
                grounding::report(grounding, out);
            }
            if let Some(reason) = choice.finish {
                out.finish(reason);
            }
        }
        out.done();
    }
}
