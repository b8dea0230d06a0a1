//! Google's `generateContent` (<https://ai.google.dev/api/generate-content>), in AI Studio and on Vertex AI.
//!
//! The two differ only in address and credentials, except for embeddings. The model is in the path, a stream
//! ends when its body ends, and tool calls end with `STOP` like text.

mod answer;
mod contents;
mod embeddings;
mod grounding;
mod images;
mod logprobs;
mod models;
mod partial;
mod parts;
mod relay;
mod relayed;
mod request;
mod sampling;
mod stream;
mod thinking;
mod tools;
mod usage;

use std::borrow::Cow;

use super::wording::refined;
use super::{Body, Dialect, Outbound, Stream, Target, path_segment};
use crate::dialect::Provider;
use crate::facts::{Class, Fault, Sink, Wire};
use crate::frame::Framing;
use crate::json::{JsonStr, Raw, Text, fields, read};
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request};

/// The dialect of `generativelanguage.googleapis.com/v1beta`.
pub static GEMINI: Gemini = Gemini;

/// See the module documentation.
pub struct Gemini;

impl Dialect for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn supports(&self, operation: Operation) -> bool {
        operation.generates_text() || matches!(operation, Operation::Embeddings | Operation::Images)
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn answer_headers(&self) -> &'static [&'static str] {
        &[TIER_HEADER]
    }

    fn most_inputs(&self, provider: &Provider, model: &str) -> Option<usize> {
        Some(embeddings::most(provider, model))
    }

    fn most_input_tokens(&self, provider: &Provider, model: &str) -> Option<u64> {
        embeddings::most_tokens(provider, model)
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Contents)
    }

    fn can_relay(&self, request: &Request<'_>, provider: &Provider, model: &str) -> bool {
        relayed::is_ours(request, provider, model)
    }

    fn relayed(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        Ok(if memo.counts { relayed::count(request, to) } else { relayed::request(request, to, memo.stream) })
    }

    fn counts_tokens(&self) -> bool {
        true
    }

    fn count(&self, body: &[u8]) -> Option<u64> {
        struct Count {
            total_tokens: Option<u64>,
        }
        fields!(Count { total_tokens = "totalTokens" });
        read::<Count>(body).ok()?.total_tokens
    }

    fn request(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        match request.operation {
            Operation::Embeddings => return embeddings::request(request, to),
            Operation::Images => return images::request(request, to),
            _ => {}
        }
        let body = request::write(request, to, memo)?;
        // Without `alt=sse` the stream is a JSON array.
        let method = if memo.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        Ok(outbound(to.model, method, body))
    }

    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
        if memo.wire.is_some() {
            return relay::answer(body, memo, out);
        }
        answer::read_answer(body, memo, out)
    }

    fn converted(&self, body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
        if memo.wire.is_some() {
            return relay::embeddings(body);
        }
        match memo.operation {
            Operation::Images => images::answer(body, memo),
            _ => embeddings::answer(body, memo),
        }
    }

    fn error(&self, status: u16, body: &[u8], _: &Memo) -> Fault {
        struct Wire<'a> {
            error: Raw<'a>,
        }
        fields!(Wire<'a> { error; "error" });
        // Some routes wrap the object in an array.
        let trimmed = body.trim_ascii();
        let object = trimmed.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(trimmed);
        match read::<Wire<'_>>(object) {
            Ok(wire) => fault(Some(status), wire.error),
            Err(_) => Fault::unreadable(status, body),
        }
    }

    fn stream(&self, memo: &Memo) -> Box<dyn Stream> {
        match memo.wire {
            Some(_) => Box::new(relay::Relayed::new(memo)),
            None => Box::new(stream::Translation::new(memo)),
        }
    }
}

/// Says how a request was served, where Vertex AI says so in `usageMetadata`.
const TIER_HEADER: &str = "x-gemini-service-tier";

/// A request for a method of a model.
fn outbound(model: &str, method: &str, body: Vec<u8>) -> Outbound {
    // A tuned model of Vertex AI is an endpoint with a number.
    let folder = if !model.is_empty() && model.bytes().all(|byte| byte.is_ascii_digit()) {
        "endpoints"
    } else {
        "models"
    };
    let path = Cow::Owned(format!("/{folder}/{}:{method}", path_segment(bare(model))));
    Outbound { path, headers: Vec::new(), body: Body::Bytes(body) }
}

/// A name may start with `models/`, as in the provider's own lists.
fn bare(model: &str) -> &str {
    model.strip_prefix("models/").unwrap_or(model)
}

/// Parses the contents of `{"error":{"code","message","status","details"}}`. `status` is absent inside a
/// stream.
fn fault(status: Option<u16>, error: Raw<'_>) -> Fault {
    #[derive(Default)]
    struct Wire<'a> {
        code: Option<u16>,
        message: Option<JsonStr<'a>>,
        status: Option<Text<'a>>,
        details: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { code, message, status, details });
    #[derive(Default)]
    struct Detail<'a> {
        reason: Option<Text<'a>>,
        retry_delay: Option<Text<'a>>,
    }
    fields!(Detail<'a> { reason, retry_delay = "retryDelay" });
    let wire: Wire<'_> = read(error).unwrap_or_default();
    let message = wire
        .message
        .and_then(JsonStr::decode)
        .map_or_else(|| error.get().chars().take(512).collect(), Cow::into_owned);
    let details: Vec<Detail<'_>> = wire.details.and_then(|details| read(details).ok()).unwrap_or_default();
    let reason = |reason: &str| details.iter().any(|detail| detail.reason.as_deref() == Some(reason));
    let class = match wire.status.as_deref() {
        // An invalid key is reported as an invalid argument.
        _ if reason("API_KEY_INVALID") || reason("API_KEY_EXPIRED") => Class::Authentication,
        Some("INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE") => Class::BadRequest,
        Some("UNAUTHENTICATED") => Class::Authentication,
        Some("PERMISSION_DENIED") => Class::PermissionDenied,
        Some("NOT_FOUND") => Class::NotFound,
        Some("RESOURCE_EXHAUSTED") => Class::RateLimit,
        Some("INTERNAL" | "UNKNOWN" | "DATA_LOSS") => Class::InternalServer,
        Some("UNAVAILABLE") => Class::ServiceUnavailable,
        Some("DEADLINE_EXCEEDED") => Class::Timeout,
        _ => Class::of_status(status.or(wire.code).unwrap_or(500)),
    };
    let class = refined(class, &[], &message);
    let retry_after = details.iter().find_map(|detail| seconds(detail.retry_delay.as_deref()?));
    let details = wire.details.filter(|details| details.get().len() <= MOST_DETAILS);
    Fault {
        retry_after,
        details: details.map(|details| one_line(details).into()),
        ..Fault::new(class, message)
    }
}

/// JSON without line breaks, which would end an event of a stream.
fn one_line(json: Raw<'_>) -> String {
    json.get().replace(['\n', '\r'], " ")
}

/// The longest `details` that clients get, bytes.
const MOST_DETAILS: usize = 16 << 10;

/// A `google.protobuf.Duration` (`"34.4s"`) in whole seconds, rounded up.
fn seconds(duration: &str) -> Option<u64> {
    let text = duration.strip_suffix('s')?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = whole.parse().ok()?;
    Some(whole + u64::from(fraction.bytes().any(|digit| digit != b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_its_place_in_the_path_and_cannot_leave_it() {
        let path = |model: &str| outbound(model, "generateContent", Vec::new()).path.into_owned();
        assert_eq!(path("gemini-2.5-pro"), "/models/gemini-2.5-pro:generateContent");
        assert_eq!(path("models/gemini-2.5-pro"), "/models/gemini-2.5-pro:generateContent");
        assert_eq!(path("4511608470067216384"), "/endpoints/4511608470067216384:generateContent");
        assert_eq!(path("../x?y#z é"), "/models/..%2Fx%3Fy%23z%20%C3%A9:generateContent");
    }

    #[test]
    fn a_delay_is_rounded_up_to_seconds() {
        assert_eq!(seconds("34.4s"), Some(35));
        assert_eq!(seconds("22s"), Some(22));
        assert_eq!(seconds("1.000s"), Some(1));
        assert_eq!(seconds("soon"), None);
    }

    #[test]
    fn an_error_inside_a_stream_is_classed_by_its_status_or_its_code() {
        let classed = |error: &str| fault(None, Raw::parse(error).unwrap()).class;
        assert_eq!(classed(r#"{"code":503,"status":"UNAVAILABLE"}"#), Class::ServiceUnavailable);
        assert_eq!(classed(r#"{"code":429}"#), Class::RateLimit);
        assert_eq!(classed("{}"), Class::InternalServer);
    }
}
