//! Ollama's native API (<https://docs.ollama.com/api>): chat as JSON lines, embeddings.
//!
//! Its `OpenAI`-compatible endpoint does not support the context size (`num_ctx`) and the model's keep-alive
//! time.

mod answer;
mod embeddings;
mod messages;
mod request;
mod time;

use std::borrow::Cow;

use super::wording::refined;
use super::{Body, Dialect, Outbound, Stream, Target, path_below};
use crate::facts::{Class, Fault, Sink};
use crate::frame::Framing;
use crate::json::{JsonStr, Object, Raw};
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request};

/// The dialect of a local `ollama serve`, and of `ollama.com`.
pub static OLLAMA: Ollama = Ollama;

/// See the module documentation.
pub struct Ollama;

impl Dialect for Ollama {
    fn name(&self) -> &'static str {
        "ollama"
    }

    fn supports(&self, operation: Operation) -> bool {
        operation.generates_text() || operation == Operation::Embeddings
    }

    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn request(&self, request: &Request<'_>, to: &Target<'_>, _: &mut Memo) -> Result<Outbound, ErrorBody> {
        let (endpoint, body) = match request.operation {
            Operation::Embeddings => ("/embed", embeddings::request(request, to)?),
            _ => ("/chat", request::write(request, to)?),
        };
        let path = path_below(&to.deployment.api_base, "/api", endpoint);
        Ok(Outbound { path, headers: Vec::new(), body: Body::Bytes(body) })
    }

    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault> {
        answer::read_answer(body, memo, out)
    }

    fn converted(&self, body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
        embeddings::answer(body, memo)
    }

    fn error(&self, status: u16, body: &[u8], _: &Memo) -> Fault {
        let object = Object::parse(body).ok();
        match object.as_ref().and_then(|object| object.get("error")) {
            Some(error) => fault(status, error),
            None => Fault::unreadable(status, body),
        }
    }

    fn stream(&self, memo: &Memo) -> Box<dyn Stream> {
        Box::new(answer::Translation::new(memo))
    }
}

/// Parses the contents of `{"error": …}`, a string.
fn fault(status: u16, error: Raw<'_>) -> Fault {
    let message = match JsonStr::of(error) {
        Some(text) => text.decode().unwrap_or_default(),
        None => Cow::Owned(error.get().chars().take(512).collect()),
    };
    Fault::new(refined(Class::of_status(status), &[], &message), message)
}
