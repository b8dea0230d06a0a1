//! The languages of clients: how a request becomes one that every provider's language can read, and how the facts of an
//! answer become what the client expects.
//!
//! A language is one folder and one row of [`LANGUAGES`]. It knows no provider, and no provider's language knows it.

mod chat;
mod messages;

pub use chat::{CHAT, COMPLETIONS, ChunkWriter, CompletionWriter, EMBEDDINGS};
pub use messages::MESSAGES;

use core::any::Any;
use core::cell::Cell;
use core::fmt;
use std::borrow::Cow;
use std::rc::Rc;

use crate::facts::{Sink, Usage};
use crate::openai::{Answer, ErrorBody, Memo, Operation};

/// All of them.
pub static LANGUAGES: [&dyn Language; 4] = [&CHAT, &COMPLETIONS, &EMBEDDINGS, &MESSAGES];

/// A client's language.
pub trait Language: Sync {
    /// `gen_ai.operation.name`'s part of it, for logs and tests.
    fn name(&self) -> &'static str;

    /// The end of the paths that speak it, below a base URL.
    fn endpoint(&self) -> &'static str;

    /// Base URLs' paths that it may stand under, besides `""`, `/v1` and those of `OpenAI`'s languages.
    fn is_at(&self, base: &str) -> bool;

    /// What a provider is asked for.
    fn operation(&self) -> Operation;

    /// The body as a request of [`Self::operation`].
    ///
    /// # Errors
    /// It is not in the form of this language, or asks for what cannot be said in the common one.
    fn request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        Ok(body.into())
    }

    /// Whether the client is shown an estimate of its prompt before the provider has counted.
    fn shows_estimate(&self) -> bool {
        false
    }

    /// Gathers a whole answer.
    fn whole<'m>(&self, memo: &'m Memo) -> Box<dyn Whole + 'm>;

    /// Writes a stream.
    fn events(&self, memo: &Memo) -> Box<dyn Events>;

    /// A whole answer as a stream, where the language writes one from the bytes; else it is reported to [`Self::events`].
    fn streamed(&self, _: &[u8], _: &Memo) -> Option<Vec<u8>> {
        None
    }

    /// The status that the client sees of an error.
    fn status(&self, error: &ErrorBody) -> u16 {
        error.status
    }

    /// An error as a whole answer, where it is not `OpenAI`'s. `id` is the request's.
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

/// Gathers a whole answer.
pub trait Whole: Sink {
    /// The answer.
    fn answer(self: Box<Self>) -> Answer;
}

/// Writes the events of a streamed answer.
pub trait Events: Sink {
    /// A bad end: an error event, after which nothing follows.
    fn fail(&mut self, error: &ErrorBody);

    /// The answer's id as its events have it, escapes included; empty before the first.
    fn id(&self) -> &str;

    /// Number of events so far, in a language that numbers them.
    fn count(&self) -> Rc<Cell<u64>> {
        Rc::default()
    }

    /// Whether the answer has ended, well or badly.
    fn ended(&self) -> bool;

    /// What was used so far.
    fn used(&self) -> Usage;

    /// Tokens of the model's words so far, estimated: what an aborted answer is billed by.
    fn produced(&self) -> u64;

    /// The bytes that wait for the client.
    fn pending(&self) -> &[u8];

    /// The bytes have been handed over.
    fn clear(&mut self);
}

/// `OpenAI`'s language for that operation.
pub fn native(operation: Operation) -> &'static dyn Language {
    match operation {
        Operation::Chat => &CHAT,
        Operation::Completions => &COMPLETIONS,
        Operation::Embeddings => &EMBEDDINGS,
    }
}

/// The language of a path, and the base and the model that stand before its endpoint.
pub fn find(path: &str) -> Option<(&'static dyn Language, &str)> {
    LANGUAGES.iter().find_map(|language| {
        let base = path.strip_suffix(language.endpoint())?;
        language.is_at(base).then_some((*language, base))
    })
}
