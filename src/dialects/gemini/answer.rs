//! Translates a complete response, with the parts that streams share.

use super::grounding::{self, Grounded};
use super::partial::{Call, Calls, FunctionCall};
use super::usage::Counters;
use super::{TIER_HEADER, fault, logprobs};
use crate::facts::{Fault, FinishReason, Sink};
use crate::json::{JsonStr, JsonString, Raw, Text, fields, read};
use crate::openai::Memo;

/// `GenerateContentResponse`
pub(super) struct Response<'a> {
    pub(super) response_id: Option<JsonStr<'a>>,
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    pub(super) prompt_feedback: Option<PromptFeedback<'a>>,
    pub(super) usage_metadata: Option<Raw<'a>>,
    pub(super) error: Option<Raw<'a>>,
}
fields!(Response<'a> {
    response_id = "responseId", candidates, prompt_feedback = "promptFeedback",
    usage_metadata = "usageMetadata", error
});

pub(super) struct Candidate<'a> {
    /// Omitted if 0.
    pub(super) index: usize,
    pub(super) content: Option<Content<'a>>,
    pub(super) finish_reason: Option<Text<'a>>,
    pub(super) finish_message: Option<JsonStr<'a>>,
    pub(super) grounding_metadata: Option<Raw<'a>>,
    pub(super) logprobs_result: Option<Raw<'a>>,
}
fields!(Candidate<'a> {
    index, content, finish_reason = "finishReason", finish_message = "finishMessage",
    grounding_metadata = "groundingMetadata", logprobs_result = "logprobsResult"
});

pub(super) struct Content<'a> {
    pub(super) parts: Option<Vec<Part<'a>>>,
}
fields!(Content<'a> { parts });

/// A part, as a flat struct; which fields are set depends on its kind.
pub(super) struct Part<'a> {
    pub(super) text: Option<JsonStr<'a>>,
    pub(super) thought: bool,
    pub(super) thought_signature: Option<JsonStr<'a>>,
    pub(super) function_call: Option<FunctionCall<'a>>,
    pub(super) inline_data: Option<InlineData<'a>>,
}
fields!(Part<'a> {
    text, thought, thought_signature = "thoughtSignature", function_call = "functionCall",
    inline_data = "inlineData"
});

impl<'a> Part<'a> {
    /// The image that the model made, if the part is one.
    pub(super) fn image(&self) -> Option<&InlineData<'a>> {
        self.inline_data.as_ref().filter(|media| media.mime_type.starts_with("image/"))
    }
}

pub(super) struct InlineData<'a> {
    pub(super) mime_type: Text<'a>,
    pub(super) data: JsonStr<'a>,
}
fields!(InlineData<'a> { mime_type = "mimeType", data; "data" });

pub(super) struct PromptFeedback<'a> {
    pub(super) block_reason: Option<Text<'a>>,
    pub(super) block_reason_message: Option<JsonStr<'a>>,
}
fields!(PromptFeedback<'a> { block_reason = "blockReason", block_reason_message = "blockReasonMessage" });

/// Reports it.
pub(super) fn read_answer(body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
    let wire: Response<'_> = read(body).map_err(|_| Fault::unreadable(502, body))?;
    if let Some(error) = wire.error {
        return Err(fault(None, error));
    }
    out.begin(wire.response_id, None);
    let mut grounded = Grounded::default();
    let candidates = wire.candidates.unwrap_or_default();
    if candidates.is_empty() {
        let blocked = wire.prompt_feedback.filter(|feedback| feedback.block_reason.is_some());
        let Some(feedback) = blocked else {
            return Err(Fault::garbled("the provider's response has no candidates"));
        };
        if let Some(message) = feedback.block_reason_message {
            out.refusal(message);
        }
        out.finish(FinishReason::ContentFilter);
    }
    for candidate in &candidates {
        out.choice(candidate.index);
        let mut calls = Calls::default();
        let mut is_wordless = true;
        for part in candidate.content.iter().flat_map(|content| content.parts.iter().flatten()) {
            is_wordless &= part.text.is_none_or(JsonStr::is_empty) && part.inline_data.is_none();
            report_part(part, &mut calls, memo, candidate.index, out);
        }
        calls.close(&mut |call| report_call(&call, memo, out));
        let reason = candidate.finish_reason.as_deref().unwrap_or("STOP");
        if is_wordless && !calls.any() {
            failed(reason, candidate.finish_message)?;
        }
        if let Some(grounding) = candidate.grounding_metadata {
            grounded = grounded.and(grounding::report(grounding, out));
        }
        if let Some(result) = candidate.logprobs_result {
            logprobs::report(result, out);
        }
        out.finish(finish_reason(reason, calls.any()));
    }
    let mut counters = Counters::default();
    if let Some(usage) = wire.usage_metadata {
        counters.hear(usage);
    }
    counters.served(memo.header(TIER_HEADER));
    out.usage(counters.usage(grounded));
    out.done();
    Ok(())
}

/// Reports one part of a candidate. `choice` is the candidate's index.
pub(super) fn report_part(
    part: &Part<'_>,
    calls: &mut Calls,
    memo: &Memo,
    choice: usize,
    out: &mut dyn Sink,
) {
    if let Some(call) = &part.function_call {
        calls.hear(call, part.thought_signature, memo, choice, &mut |call| report_call(&call, memo, out));
        return;
    }
    if let Some(text) = part.text {
        if part.thought {
            out.reasoning(text);
        } else if !text.is_empty() {
            out.text(text);
        }
    }
    if let Some(media) = part.image() {
        out.image(&media.mime_type, media.data.inner());
    }
    let signature = part.thought_signature.filter(|signature| !part.thought && !signature.is_empty());
    if let Some(signature) = signature {
        out.thought_signature(signature);
    }
}

/// Reports a call that is complete.
pub(super) fn report_call(call: &Call, memo: &Memo, out: &mut dyn Sink) {
    let signature = call.signature.as_ref().map(JsonString::as_str);
    out.whole_call(call.id.as_str(), memo.tool_name(&call.name), &call.arguments, signature);
}

/// Maps `finishReason`. Calls end with `STOP`, like text, and often in a later event.
pub(super) fn finish_reason(reason: &str, called: bool) -> FinishReason {
    match reason {
        "MAX_TOKENS" | "CONTINUATION" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "OTHER"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "ESCALATION"
        | "PUP_LIMITED_DISABLED"
        | "NO_IMAGE" => FinishReason::ContentFilter,
        reason if reason.starts_with("IMAGE_") => FinishReason::ContentFilter,
        _ if called => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

/// Returns an error for a response without content, for example because the model's call was malformed. A
/// retry may succeed.
pub(super) fn failed(reason: &str, message: Option<JsonStr<'_>>) -> Result<(), Fault> {
    let failed = matches!(
        reason,
        "MALFORMED_FUNCTION_CALL"
            | "MALFORMED_RESPONSE"
            | "MISSING_THOUGHT_SIGNATURE"
            | "TOO_MANY_TOOL_CALLS"
            | "UNEXPECTED_TOOL_CALL"
    );
    if !failed {
        return Ok(());
    }
    let message = message.and_then(JsonStr::decode).unwrap_or_default();
    Err(Fault::garbled(format!("the model returned no content: {reason} {message}").trim_end().to_owned()))
}
