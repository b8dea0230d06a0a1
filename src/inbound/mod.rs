//! The formats of clients: translate requests to the common format that every dialect reads, and write the
//! facts of a response as the client expects.
//!
//! A format is a directory and a row of [`LANGUAGES`]. It knows no provider, and no dialect knows it.

mod carrier;
mod chat;
mod gemini;
mod messages;
mod names;
mod output;
mod responses;
mod search;
mod stored;

pub use chat::{
    CHAT, COMPLETIONS, ChunkWriter, CompletionWriter, EMBEDDINGS, IMAGE_EDITS, IMAGES, MODERATIONS, RERANK,
    SPEECH, TRANSCRIPTIONS, TRANSLATIONS,
};
pub use gemini::{
    EMBED, EMBED_BATCH, GENERATE, ROUTES as GENERATIVE_ROUTES, STREAM, STREAM_ARRAY, is_one as is_generative,
    list as generative_models,
};
pub use messages::{MESSAGES, ROUTES as MESSAGES_ROUTES, VERSION as MESSAGES_VERSION};
pub use output::Output;
pub use responses::{COMPACT, RESPONSES, is_one as is_of_responses};
pub use stored::{Found, Open, Recall, Recalled, Stateful};

use core::any::Any;
use core::cell::Cell;
use core::fmt;
use std::borrow::Cow;
use std::rc::Rc;

use crate::facts::{Sink, Usage, Wire};
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request, check_shape};

/// The response header that names the kinds of tools that were left out.
pub const DROPPED_TOOLS: &str = "x-switchboard-dropped-tools";

/// All formats.
pub static LANGUAGES: [&dyn Language; 18] = [
    &CHAT,
    &COMPLETIONS,
    &EMBEDDINGS,
    &MESSAGES,
    &RESPONSES,
    &COMPACT,
    &GENERATE,
    &STREAM,
    &STREAM_ARRAY,
    &EMBED,
    &EMBED_BATCH,
    &MODERATIONS,
    &RERANK,
    &IMAGES,
    &SPEECH,
    &TRANSCRIPTIONS,
    &TRANSLATIONS,
    &IMAGE_EDITS,
];

/// A client's API format.
pub trait Language: Sync {
    /// Its part of `gen_ai.operation.name`, for logs and tests.
    fn name(&self) -> &'static str;

    /// The suffix of its paths, below a base URL.
    fn endpoint(&self) -> &'static str;

    /// Whether it is served below this base path, with this query.
    fn is_at(&self, base: &str, query: &str) -> bool;

    /// The model that the path before the endpoint names.
    fn model<'p>(&self, _base: &'p str) -> Option<&'p str> {
        None
    }

    /// The query parameter that may hold the client's key.
    fn key_param(&self) -> Option<&'static str> {
        None
    }

    /// The end of the paths that ask how long a prompt is, if this format has such an endpoint.
    fn count_endpoint(&self) -> Option<&'static str> {
        None
    }

    /// The body of a request to count tokens, as a request of [`Self::operation`].
    ///
    /// # Errors
    /// As [`Self::request`].
    fn counted_request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        self.request(body)
    }

    /// The answer to a request to count tokens.
    fn count(&self, _tokens: u64) -> Vec<u8> {
        Vec::new()
    }

    /// The operation that a provider performs.
    fn operation(&self) -> Operation;

    /// The format of its requests and responses, if some providers have the same: those receive the client's own bytes.
    fn wire(&self) -> Option<Wire> {
        None
    }

    /// Whether admission can read the body as it is: it has the members of a request of [`Self::operation`] that admission
    /// reads, under the same names. The body is then translated only for a provider with another format.
    fn is_read_as_it_is(&self) -> bool {
        false
    }

    /// What admission reads instead of a request that [`Self::request`] rejects, but a provider with the same API may
    /// accept: a request of the same length. `None` if no provider can serve it.
    fn summary(&self, _body: &[u8]) -> Option<Vec<u8>> {
        None
    }

    /// Checks the outer structure of a request at admission.
    ///
    /// # Errors
    /// 400, with the field and what was expected.
    fn check(&self, request: &Request<'_>) -> Result<(), ErrorBody> {
        check_shape(request)
    }

    /// The body as a request of [`Self::operation`].
    ///
    /// # Errors
    /// It does not follow this format, or asks for something that the common format does not support.
    fn request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        Ok(body.into())
    }

    /// Whether the client receives an estimate of its prompt tokens before the provider has reported them.
    fn shows_estimate(&self) -> bool {
        false
    }

    /// Whether `max_tokens` is lowered to the deployment's limit: clients of such an API request as many tokens of every
    /// model as their own can generate.
    fn fits_output(&self) -> bool {
        false
    }

    /// What it does with stored responses, if it has any.
    fn stateful(&self) -> Option<&dyn Stateful> {
        None
    }

    /// Headers of this format for a response.
    fn headers(&self, _: &Memo) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Creates a writer for a complete response.
    fn whole<'m>(&self, memo: &'m Memo) -> Box<dyn Whole + 'm>;

    /// An answer of `/embeddings` in this format.
    fn embeddings(&self, answer: Answer) -> Answer {
        answer
    }

    /// `content-type` of a stream.
    fn stream_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// What keeps an idle stream alive: bytes that clients skip.
    fn keepalive(&self) -> &'static [u8] {
        b": ping\n\n"
    }

    /// Creates a writer for a stream.
    fn events(&self, memo: &Memo) -> Box<dyn Events>;

    /// Converts a complete response in this format to a stream, if the format can keep more of it so than facts report.
    fn streamed(&self) -> Option<Streamed> {
        None
    }

    /// The status of an error for the client.
    fn status(&self, error: &ErrorBody) -> u16 {
        error.status
    }

    /// Whether errors are in `OpenAI`'s format, so that Envoy's own replies need no translation.
    fn has_openai_errors(&self) -> bool {
        true
    }

    /// An error as a complete response, if it is not in `OpenAI`'s format. `id` is the request's.
    fn error(&self, _: &ErrorBody, _id: &str) -> Option<Vec<u8>> {
        None
    }

    /// An error as the end of a stream that is idle: its writer cannot be called then.
    fn error_event(&self, error: &ErrorBody, _: &Place, out: &mut Vec<u8>) {
        error.write_event(out);
    }
}

impl fmt::Debug for dyn Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for dyn Language {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for dyn Language {}

/// A request in the common form.
pub struct Common<'b> {
    /// The body of a request of the language's operation.
    pub body: Cow<'b, [u8]>,
    /// What the answer needs of the client's request, for the language itself ([`Memo::echo`]).
    pub echo: Option<Rc<dyn Any>>,
}

impl<'b> From<Cow<'b, [u8]>> for Common<'b> {
    fn from(body: Cow<'b, [u8]>) -> Self {
        Self { body, echo: None }
    }
}

/// Where a stream is: what an event needs that is written without the stream's writer.
#[derive(Clone, Debug)]
pub struct Place {
    /// The request's id.
    pub request: Rc<str>,
    /// The answer's id.
    pub answer: Box<str>,
    /// The model's name as the client sent it.
    pub model: Rc<str>,
    /// Start of the request, Unix seconds.
    pub created: u64,
    /// Number of events so far, in a language that numbers them.
    pub events: Rc<Cell<u64>>,
}

/// Converts a complete response to a stream.
pub type Streamed = fn(&[u8], &Memo) -> Vec<u8>;

/// Writes a complete response.
pub trait Whole: Sink {
    /// The response.
    fn answer(self: Box<Self>) -> Answer;
}

/// Writes the events of a streamed response.
pub trait Events: Sink {
    /// Ends the response with an error event, after which nothing follows.
    fn fail(&mut self, error: &ErrorBody);

    /// The response's id as it appears in the events, with JSON escapes; empty before the first event.
    fn id(&self) -> &str;

    /// Number of events so far, in a language that numbers them.
    fn count(&self) -> Rc<Cell<u64>> {
        Rc::default()
    }

    /// The bytes to send, the usage, and whether the response has ended.
    fn output(&self) -> &Output;

    /// The same, to be changed.
    fn output_mut(&mut self) -> &mut Output;

    /// Whether the response has ended, normally or with an error.
    fn ended(&self) -> bool {
        self.output().ended
    }

    /// The usage so far.
    fn used(&self) -> Usage {
        self.output().usage
    }

    /// Estimated number of tokens generated so far. Aborted responses are billed by it.
    fn produced(&self) -> u64 {
        self.output().produced.count()
    }

    /// The bytes to send to the client.
    fn pending(&self) -> &[u8] {
        &self.output().bytes
    }

    /// Discards the pending bytes after they were sent.
    fn clear(&mut self) {
        self.output_mut().bytes.clear();
    }
}

/// `OpenAI`'s format for an operation.
pub fn native(operation: Operation) -> &'static dyn Language {
    match operation {
        Operation::Chat => &CHAT,
        Operation::Completions => &COMPLETIONS,
        Operation::Embeddings => &EMBEDDINGS,
        Operation::Moderations => &MODERATIONS,
        Operation::Rerank => &RERANK,
        Operation::Images => &IMAGES,
        Operation::Speech => &SPEECH,
        Operation::Transcriptions => &TRANSCRIPTIONS,
        Operation::Translations => &TRANSLATIONS,
        Operation::ImageEdits => &IMAGE_EDITS,
    }
}

/// The format for a path, and the model that the path names.
pub fn find<'p>(path: &'p str, query: &str) -> Option<(&'static dyn Language, Option<&'p str>)> {
    at(path, query, |language| Some(language.endpoint()))
}

/// The format for a path that asks how long a prompt is, and the model that the path names.
pub fn find_count(path: &str) -> Option<(&'static dyn Language, Option<&str>)> {
    at(path, "", Language::count_endpoint)
}

fn at<'p>(
    path: &'p str,
    query: &str,
    endpoint: impl Fn(&'static dyn Language) -> Option<&'static str>,
) -> Option<(&'static dyn Language, Option<&'p str>)> {
    LANGUAGES.iter().find_map(|language| {
        let base = path.strip_suffix(endpoint(*language)?)?;
        language.is_at(base, query).then(|| (*language, language.model(base)))
    })
}
