//! Anthropic Messages (<https://platform.claude.com/docs/en/api/messages>), version `2023-06-01`.
//!
//! The later version rejects sampling parameters for every model; this version leaves that to the models
//! (`claude`). Each aspect that differs from `OpenAI`'s API in more than names has its own file.

mod answer;
mod betas;
mod blocks;
mod request;
mod stream;
mod tools;
mod turns;
mod usage;

use std::borrow::Cow;

use super::wording::refined;
use super::{Body, Dialect, Outbound, Stream, Target, path_segment};
use crate::facts::{self, Class, Fault, FinishReason, Sink};
use crate::frame::Framing;
use crate::json::{JsonStr, Raw, Text, fields, read};
use crate::openai::{ErrorBody, Memo, Operation, Request};
use crate::providers::FEATURES_HEADER;

/// The dialect of `api.anthropic.com/v1/messages`.
pub static ANTHROPIC: Anthropic = Anthropic;

/// See the module documentation.
pub struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn operations(&self) -> &'static [Operation] {
        &[Operation::Chat, Operation::Completions]
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn names_features(&self) -> bool {
        true
    }

    fn request(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        let written = request::write(request, to, memo)?;
        let betas = written
            .betas
            .header(to.version_in_body().is_some())
            .map(|betas| (FEATURES_HEADER, Cow::Owned(betas)));
        let path = if to.version_in_body().is_some() {
            let method = if memo.stream { "streamRawPredict" } else { "rawPredict" };
            Cow::Owned(format!("/models/{}:{method}", path_segment(to.model)))
        } else {
            Cow::Borrowed(path(&to.deployment.api_base))
        };
        Ok(Outbound { path, headers: betas.into_iter().collect(), body: Body::Bytes(written.body) })
    }

    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
        answer::read_answer(body, memo, out)
    }

    fn error(&self, status: u16, body: &[u8], _: &Memo) -> Fault {
        struct Wire<'a> {
            error: Raw<'a>,
        }
        fields!(Wire<'a> { error; "error" });
        // A cloud that serves these models also sends errors itself, as an array of one object.
        let trimmed = body.trim_ascii();
        let object = trimmed.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(trimmed);
        match read::<Wire<'_>>(object) {
            Ok(wire) => fault(Some(status), wire.error),
            Err(_) => Fault::unreadable(status, body),
        }
    }

    fn stream(&self, memo: &Memo) -> Box<dyn Stream> {
        Box::new(stream::Translation::new(memo))
    }
}

/// The path below a base URL, which users write with or without the version, or in full, as in `LiteLLM`.
fn path(base: &str) -> &'static str {
    if base.ends_with("/v1/messages") {
        ""
    } else if base.ends_with("/v1") {
        "/messages"
    } else {
        "/v1/messages"
    }
}

/// Parses the contents of `{"type":"error","error":{"type","message"}}`. `status` is absent inside a stream.
fn fault(status: Option<u16>, error: Raw<'_>) -> Fault {
    #[derive(Default)]
    struct Wire<'a> {
        kind: Text<'a>,
        message: Option<JsonStr<'a>>,
    }
    fields!(Wire<'a> { kind = "type", message });
    let wire: Wire<'_> = read(error).unwrap_or_default();
    let message = wire
        .message
        .and_then(JsonStr::decode)
        .map_or_else(|| error.get().chars().take(512).collect(), Cow::into_owned);
    let class = match &*wire.kind {
        "request_too_large" => Class::BadRequest,
        // Used for every 4xx without a more specific type.
        "invalid_request_error" => Class::of_status(status.unwrap_or(400)),
        "authentication_error" => Class::Authentication,
        "permission_error" => Class::PermissionDenied,
        "not_found_error" => Class::NotFound,
        "billing_error" => Class::PaymentRequired,
        "rate_limit_error" => Class::RateLimit,
        "timeout_error" => Class::Timeout,
        "overloaded_error" => Class::ServiceUnavailable,
        // `api_error` is used for every 5xx; the status is more specific.
        _ => Class::of_status(status.unwrap_or(500)),
    };
    let class = match refined(class, &[], &message) {
        Class::BadRequest if message.contains("context window") => Class::ContextWindowExceeded,
        class => class,
    };
    Fault::new(class, message)
}

/// Maps `stop_reason`. `by_client_tool`: there is a call for the client to run, other than the tool in place
/// of `response_format`.
fn finish_reason(stop_reason: &str, by_client_tool: bool) -> FinishReason {
    match stop_reason {
        "tool_use" if by_client_tool => FinishReason::ToolCalls,
        "stop_sequence" => FinishReason::StopSequence,
        "pause_turn" => FinishReason::PauseTurn,
        "max_tokens" | "model_context_window_exceeded" | "compaction" => FinishReason::Length,
        "refusal" => FinishReason::Refusal,
        _ => FinishReason::Stop,
    }
}

/// `stop_details` of a refusal: the fields that are shown.
struct StopDetails<'a> {
    explanation: Option<JsonStr<'a>>,
}
fields!(StopDetails<'a> { explanation });

/// A citation that has a URL; other kinds (positions in a document) have no `OpenAI` equivalent.
struct Citation<'a> {
    url: Option<JsonStr<'a>>,
    title: Option<JsonStr<'a>>,
}
fields!(Citation<'a> { url, title });

impl<'a> Citation<'a> {
    /// The citation as a source of the characters from `start` to `end` of the content.
    fn about(&self, start: u64, end: u64) -> facts::Citation<'a> {
        let title = self.title.unwrap_or(JsonStr::EMPTY);
        facts::Citation { start, end, title, url: self.url.unwrap_or(JsonStr::EMPTY) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_may_name_the_version_or_the_whole_path() {
        for base in ["https://api.anthropic.com", "https://api.anthropic.com/v1", "http://a/b/v1/messages"] {
            assert!(format!("{base}{}", path(base)).ends_with("/v1/messages"), "{base}");
            assert_eq!(format!("{base}{}", path(base)).matches("/v1").count(), 1, "{base}");
        }
    }

    #[test]
    fn an_error_inside_a_stream_is_classed_by_its_type() {
        let raw: Raw<'_> = Raw::parse(r#"{"type":"overloaded_error","message":"Overloaded"}"#).unwrap();
        assert_eq!(fault(None, raw), Fault::new(Class::ServiceUnavailable, "Overloaded"));
    }

    #[test]
    fn the_status_tells_what_a_type_for_everything_does_not() {
        let raw: Raw<'_> = Raw::parse(r#"{"type":"invalid_request_error","message":"Too late"}"#).unwrap();
        assert_eq!(fault(Some(408), raw).class, Class::Timeout);
        assert_eq!(fault(Some(400), raw).class, Class::BadRequest);
        assert_eq!(fault(None, raw).class, Class::BadRequest);
    }
}
