//! `mock_response`: a response without a provider, for demos and tests (`LiteLLM`'s parameter of that name).
//!
//! The text becomes the response. `litellm.RateLimitError` and similar names cause that error instead, which
//! is useful to test fallbacks. Token counts are `LiteLLM`'s: 10 and 20.

use std::borrow::Cow;

use super::{Body, Dialect, Mocked, Outbound, Stream, Target};
use crate::facts::{Class, Fault, Sink, Usage};
use crate::frame::{Frame, Framing};
use crate::json::{Raw, read};
use crate::openai::{Answer, EmbeddingWriter, ErrorBody, Memo, Operation, Request, pack};

/// The dialect of mock responses.
pub static MOCK: Mock = Mock;

/// See the module documentation.
pub struct Mock;

/// `LiteLLM`'s counts.
fn usage() -> Usage {
    Usage { prompt: 10, completion: 20, ..Usage::default() }
}

impl Dialect for Mock {
    fn name(&self) -> &'static str {
        "mock"
    }

    fn supports(&self, operation: Operation) -> bool {
        operation.generates_text() || operation == Operation::Embeddings
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn request(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        let text = to.deployment.mock_response.as_deref().unwrap_or_default();
        let raised = text.strip_prefix("litellm.").or(text.strip_prefix("Exception: litellm."));
        if let Some(class) = raised.and_then(Class::named) {
            return Ok(outbound(Body::Raised(Fault::new(class, "this is a mock error"))));
        }
        Ok(outbound(match request.operation {
            Operation::Embeddings => Body::Converted(embedding(text, memo)?),
            _ => Body::Mock(Mocked { text: text.to_owned(), usage: usage() }),
        }))
    }

    fn answer(&self, _: &[u8], _: &Memo, _: &mut dyn Sink) -> Result<(), Fault> {
        Err(Fault::garbled("a mock response has no provider"))
    }

    fn error(&self, status: u16, _: &[u8], _: &Memo) -> Fault {
        Fault::new(Class::of_status(status), "a mock response has no provider")
    }

    fn stream(&self, _: &Memo) -> Box<dyn Stream> {
        Box::new(Silence)
    }
}

struct Silence;

impl Stream for Silence {
    fn frame(&mut self, _: Frame<'_>, _: &mut dyn Sink) -> Result<(), Fault> {
        Err(Fault::garbled("a mock response has no provider"))
    }
}

fn outbound(body: Body) -> Outbound {
    Outbound { path: Cow::Borrowed("/"), headers: Vec::new(), body }
}

/// The mock response of an embedding model is the vector as JSON.
fn embedding(text: &str, memo: &Memo) -> Result<Answer, ErrorBody> {
    let mut out = EmbeddingWriter::new(memo);
    let vector = read::<Raw<'_>>(text).ok().filter(|vector| pack(*vector).is_ok());
    let written = vector.and_then(|vector| out.floats(vector).ok());
    let written = written.map(|()| Answer { usage: usage(), ..out.answer(usage().prompt) });
    written.ok_or_else(|| {
        ErrorBody::bad_request("mock_response of an embedding model must be a JSON array of numbers")
            .about("model")
    })
}
