//! Anthropic Messages (<https://platform.claude.com/docs/en/api/messages>), version `2023-06-01`.
//!
//! The later version rejects sampling parameters for every model; this version leaves that to the models
//! (`claude`). Each aspect that differs from `OpenAI`'s API in more than names has its own file.

mod answer;
mod betas;
mod block;
mod blocks;
mod request;
mod searches;
mod stream;
mod tools;
mod turns;

use std::borrow::Cow;

use super::claude::{Surface, relayed};
use super::claude::{fault, relay};
use super::{Body, Dialect, Outbound, Stream, Target, path_segment};
use crate::dialect::{FEATURES_HEADER, Provider, VERSION_HEADER};
use crate::facts::{self, Fault, FinishReason, Sink, Wire};
use crate::frame::Framing;
use crate::json::{JsonStr, Raw, fields, read};
use crate::openai::{ErrorBody, Memo, Operation, Request};

/// The dialect of `api.anthropic.com/v1/messages`.
pub static ANTHROPIC: Anthropic = Anthropic;

/// See the module documentation.
pub struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn supports(&self, operation: Operation) -> bool {
        operation.generates_text()
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn names_features(&self) -> bool {
        true
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Messages)
    }

    fn can_relay(&self, request: &Request<'_>, provider: &Provider, model: &str) -> bool {
        // Clouds do not fetch media, so it is put into a translated request.
        let is_cloud = provider.publisher(model).is_some_and(|publisher| !publisher.version.is_empty());
        !is_cloud || !request.get("messages").is_some_and(relayed::have_urls)
    }

    fn relayed(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        let surface = surface(to);
        let written = relayed::write(request, to, surface, memo.counts);
        let betas = Some(written.betas.join(",")).filter(|betas| !betas.is_empty());
        let version =
            Some(to.version.to_owned()).filter(|version| surface == Surface::Own && !version.is_empty());
        let headers = [(FEATURES_HEADER, betas), (VERSION_HEADER, version)];
        Ok(Outbound {
            path: if memo.counts { count_path(to) } else { path_to(to, memo.stream) },
            headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?.into()))).collect(),
            body: Body::Edited(written.edits),
        })
    }

    fn request(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        let written = request::write(request, to, memo)?;
        let betas = written.betas.header(surface(to)).map(|betas| (FEATURES_HEADER, Cow::Owned(betas)));
        let path = path_to(to, memo.stream);
        Ok(Outbound { path, headers: betas.into_iter().collect(), body: Body::Bytes(written.body) })
    }

    fn counts_tokens(&self) -> bool {
        true
    }

    fn count(&self, body: &[u8]) -> Option<u64> {
        struct Count {
            input_tokens: Option<u64>,
        }
        fields!(Count { input_tokens });
        read::<Count>(body).ok()?.input_tokens
    }

    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
        // A client that asked for a stream gets its events.
        if memo.wire.is_some() && !memo.stream {
            return relay::answer(body, memo, out);
        }
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
        match memo.wire {
            Some(_) => Box::new(relay::Relayed::new(memo)),
            None => Box::new(stream::Translation::new(memo)),
        }
    }
}

fn surface(to: &Target<'_>) -> Surface {
    to.version_in_body().map_or(Surface::Own, |version| Surface::Vertex { version })
}

/// The path of a request below the publisher's.
fn path_to(to: &Target<'_>, stream: bool) -> Cow<'static, str> {
    if to.version_in_body().is_none() {
        return Cow::Borrowed(path(&to.deployment.api_base));
    }
    let method = if stream { "streamRawPredict" } else { "rawPredict" };
    Cow::Owned(format!("/models/{}:{method}", path_segment(to.model)))
}

/// The path of a request to count tokens. The model is in the body on every surface.
fn count_path(to: &Target<'_>) -> Cow<'static, str> {
    match to.version_in_body() {
        Some(_) => Cow::Borrowed("/models/count-tokens:rawPredict"),
        None => Cow::Owned([path(&to.deployment.api_base), "/count_tokens"].concat()),
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
}
