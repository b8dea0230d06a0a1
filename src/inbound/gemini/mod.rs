//! Google's Gemini API, for clients: <https://ai.google.dev/api/generate-content>. Gemini CLI and Google's Gen AI SDKs speak it.
//!
//! The path names the model and the method. Providers with the same API receive the client's bytes, and their responses are
//! relayed. For all others, a request is translated to a chat, and what the provider answers is written as candidates.

mod answer;
mod contents;
mod embeddings;
mod error;
mod events;
mod media;
mod proto;
mod relay;
mod request;
mod schema;
mod signature;
mod summary;
mod tools;
mod whole;

use std::borrow::Cow;

use super::{Common, Events, Language, Place, Whole};
use crate::facts::Wire;
use crate::json::Writer;
use crate::openai::{Answer, ErrorBody, Memo, Operation};
use events::Form;

/// `:generateContent`
pub static GENERATE: Gemini = Gemini(Method::Generate);
/// `:streamGenerateContent?alt=sse`
pub static STREAM: Gemini = Gemini(Method::Stream(Form::Sse));
/// `:streamGenerateContent`, as one JSON array.
pub static STREAM_ARRAY: Gemini = Gemini(Method::Stream(Form::Array));
/// `:embedContent`
pub static EMBED: Gemini = Gemini(Method::Embed { batch: false });
/// `:batchEmbedContents`
pub static EMBED_BATCH: Gemini = Gemini(Method::Embed { batch: true });

/// One of its methods.
pub struct Gemini(Method);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Generate,
    Stream(Form),
    Embed { batch: bool },
}

/// `LiteLLM`'s name for the routes of this API, in a key's `allowed_routes`.
pub const ROUTES: &str = "google_routes";

/// Versions of the API, which make no difference here.
const VERSIONS: [&str; 3] = ["/v1beta", "/v1", "/v1alpha"];

/// What follows the base of a path, if it is this API's: `/models` and below.
fn below(path: &str) -> Option<&str> {
    let path = path.strip_prefix("/gemini").unwrap_or(path);
    VERSIONS.iter().find_map(|version| path.strip_prefix(version).filter(|rest| rest.starts_with("/models")))
}

/// Whether a format is one of this API's methods.
pub fn is_one(language: &dyn Language) -> bool {
    [&GENERATE, &STREAM, &STREAM_ARRAY, &EMBED, &EMBED_BATCH].iter().any(|one| one.name() == language.name())
}

/// What follows `/models` in a path that is this API's alone: of no other version than `v1`, `OpenAI`'s has the same.
pub fn list(path: &str) -> Option<&str> {
    if path.starts_with("/v1/") { None } else { below(path)?.strip_prefix("/models") }
}

impl Language for Gemini {
    fn name(&self) -> &'static str {
        match self.0 {
            Method::Generate => "gemini",
            Method::Stream(Form::Sse) => "gemini-stream",
            Method::Stream(Form::Array) => "gemini-array",
            Method::Embed { batch: false } => "gemini-embed",
            Method::Embed { batch: true } => "gemini-embed-batch",
        }
    }

    fn endpoint(&self) -> &'static str {
        match self.0 {
            Method::Generate => ":generateContent",
            Method::Stream(_) => ":streamGenerateContent",
            Method::Embed { batch: false } => ":embedContent",
            Method::Embed { batch: true } => ":batchEmbedContents",
        }
    }

    fn is_at(&self, base: &str, query: &str) -> bool {
        let is_sse = query.split('&').any(|pair| matches!(pair, "alt=sse" | "$alt=sse" | "%24alt=sse"));
        let is_form = match self.0 {
            Method::Stream(form) => is_sse == (form == Form::Sse),
            _ => true,
        };
        is_form && self.model(base).is_some()
    }

    fn model<'p>(&self, base: &'p str) -> Option<&'p str> {
        below(base)?.strip_prefix("/models/").filter(|model| !model.is_empty())
    }

    fn key_param(&self) -> Option<&'static str> {
        Some("key")
    }

    fn count_endpoint(&self) -> Option<&'static str> {
        (self.0 == Method::Generate).then_some(":countTokens")
    }

    fn counted_request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        Ok(Cow::<[u8]>::Owned(request::to_counted_chat(&body)?).into())
    }

    fn count(&self, tokens: u64) -> Vec<u8> {
        let mut body = Vec::new();
        Writer::new(&mut body).object().key("totalTokens").number(tokens).end_object();
        body
    }

    fn fits_output(&self) -> bool {
        true
    }

    fn operation(&self) -> Operation {
        match self.0 {
            Method::Embed { .. } => Operation::Embeddings,
            _ => Operation::Chat,
        }
    }

    fn wire(&self) -> Option<Wire> {
        Some(Wire::Contents)
    }

    fn summary(&self, body: &[u8]) -> Option<Vec<u8>> {
        summary::write(body, self.0)
    }

    fn request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        let common = match self.0 {
            Method::Embed { batch } => embeddings::to_embeddings(&body, batch)?,
            method => request::to_chat(&body, method != Method::Generate)?,
        };
        Ok(Cow::<[u8]>::Owned(common).into())
    }

    fn whole<'m>(&self, memo: &'m Memo) -> Box<dyn Whole + 'm> {
        Box::new(whole::ContentWriter::new(memo))
    }

    fn events(&self, memo: &Memo) -> Box<dyn Events> {
        Box::new(events::EventWriter::new(memo, self.form()))
    }

    fn embeddings(&self, answer: Answer) -> Answer {
        let body = embeddings::from_embeddings(&answer.body, self.0 == Method::Embed { batch: true });
        Answer { body, ..answer }
    }

    fn stream_type(&self) -> &'static str {
        match self.form() {
            Form::Sse => "text/event-stream",
            Form::Array => "application/json",
        }
    }

    fn keepalive(&self) -> &'static [u8] {
        // Google's SDK for Python takes a comment for the beginning of an error.
        b"\r\n"
    }

    fn has_openai_errors(&self) -> bool {
        false
    }

    fn status(&self, error: &ErrorBody) -> u16 {
        error::status(error)
    }

    fn error(&self, error: &ErrorBody, _: &str) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        error::write(error, &mut body);
        Some(body)
    }

    fn error_event(&self, error: &ErrorBody, _: &Place, out: &mut Vec<u8>) {
        self.form().write_error(error, false, out);
    }
}

impl Gemini {
    fn form(&self) -> Form {
        if let Method::Stream(form) = self.0 { form } else { Form::Sse }
    }
}
