//! Cohere's API, version 2 (<https://docs.cohere.com/reference/chat>): chat, streaming, embeddings, rerank.

mod answer;
mod embeddings;
mod messages;
mod request;
mod rerank;
mod stream;

use super::wording::refined;
use super::{Body, Dialect, Outbound, Stream, Target, path_below, reranked};
use crate::dialect::Provider;
use crate::facts::{Class, Fault, FinishReason, Sink, Usage};
use crate::frame::Framing;
use crate::json::{JsonStr, Raw, fields, read};
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request, count};

/// The dialect of `api.cohere.com/v2`.
pub static COHERE: Cohere = Cohere;

/// See the module documentation.
pub struct Cohere;

impl Dialect for Cohere {
    fn name(&self) -> &'static str {
        "cohere"
    }

    fn supports(&self, operation: Operation) -> bool {
        operation.generates_text() || matches!(operation, Operation::Embeddings | Operation::Rerank)
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    /// `POST /v2/embed`: `texts` has at most 96 items.
    fn most_inputs(&self, _: &Provider, _: &str) -> Option<usize> {
        Some(96)
    }

    fn embeds_images_alone(&self) -> bool {
        true
    }

    fn request(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        let (endpoint, body) = match request.operation {
            Operation::Rerank => return rerank::request(request, to),
            Operation::Embeddings => ("/embed", embeddings::request(request, to, memo)?),
            _ => ("/chat", request::write(request, to)?),
        };
        let path = path_below(&to.deployment.api_base, "/v2", endpoint);
        Ok(Outbound { path, headers: Vec::new(), body: Body::Bytes(body) })
    }

    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
        answer::read_answer(body, memo, out)
    }

    fn converted(&self, body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
        match memo.operation {
            Operation::Rerank => reranked::answer(body),
            _ => embeddings::answer(body, memo),
        }
    }

    fn error(&self, status: u16, body: &[u8], _: &Memo) -> Fault {
        struct Wire<'a> {
            message: JsonStr<'a>,
        }
        fields!(Wire<'a> { message; "message" });
        let Ok(wire) = read::<Wire<'_>>(body) else { return Fault::unreadable(status, body) };
        let message = wire.message.decode().unwrap_or_default();
        let class = match status {
            // The provider's own status: an invalid or expired token.
            498 => Class::Authentication,
            499 => Class::Timeout,
            _ => refined(Class::of_status(status), &[], &message),
        };
        Fault::new(class, message)
    }

    fn stream(&self, memo: &Memo) -> Box<dyn Stream> {
        Box::new(stream::Translation::new(memo))
    }
}

/// Maps `finish_reason`.
///
/// # Errors
/// The response is incomplete.
fn finish_reason(word: &str) -> Result<FinishReason, Fault> {
    match word {
        "MAX_TOKENS" => Ok(FinishReason::Length),
        "TOOL_CALL" => Ok(FinishReason::ToolCalls),
        "ERROR_TOXIC" => Ok(FinishReason::ContentFilter),
        "ERROR" => Err(Fault::new(Class::InternalServer, "the provider failed to complete the response")),
        "TIMEOUT" => {
            Err(Fault::new(Class::Timeout, "the provider timed out before it completed the response"))
        }
        _ => Ok(FinishReason::Stop),
    }
}

/// Parses `usage`. Uses the tokens that the model processed, as `LiteLLM` does; billed tokens do not include
/// the model's own template.
fn usage(raw: Raw<'_>) -> Usage {
    #[derive(Default)]
    struct Wire<'a> {
        tokens: Option<Tokens<'a>>,
        billed_units: Option<Tokens<'a>>,
        cached_tokens: Option<Raw<'a>>,
    }
    fields!(Wire<'a> { tokens, billed_units, cached_tokens });
    struct Tokens<'a> {
        input_tokens: Option<Raw<'a>>,
        output_tokens: Option<Raw<'a>>,
    }
    fields!(Tokens<'a> { input_tokens, output_tokens });
    let wire: Wire<'_> = read(raw).unwrap_or_default();
    let Some(tokens) = wire.tokens.or(wire.billed_units) else { return Usage::default() };
    Usage {
        prompt: count(tokens.input_tokens).unwrap_or_default(),
        completion: count(tokens.output_tokens).unwrap_or_default(),
        cached: count(wire.cached_tokens).unwrap_or_default(),
        ..Usage::default()
    }
}
