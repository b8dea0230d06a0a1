//! What an answer says, apart from the language it is said in.
//!
//! A provider's language (`dialects`) reads an answer and reports it, fact by fact, to a [`Sink`]; a client's language
//! writes it. Neither knows the other. A model's text stays the JSON token that it arrived as.

mod fault;
mod finish;
mod usage;

pub use fault::{Class, Fault};
pub use finish::FinishReason;
pub use usage::Usage;

use crate::json::{JsonStr, JsonString, Raw};

/// Receives one answer, whole or streamed, in the order in which the provider gives it.
///
/// After [`done`](Self::done), facts have no effect.
pub trait Sink {
    /// The provider's id of the answer and its time, Unix seconds. Comes before every other fact, or not at all.
    fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>);

    /// The facts that follow are about this one of `n` choices. The first, 0, needs no call.
    fn choice(&mut self, index: usize);

    /// More of the text.
    fn text(&mut self, text: JsonStr<'_>);

    /// More of the model's reasoning.
    fn reasoning(&mut self, text: JsonStr<'_>);

    /// A block of reasoning is complete. Its text was reported by [`reasoning`](Self::reasoning) already.
    fn thinking(&mut self, block: Thinking<'_>);

    /// Gemini's signature of the thoughts behind the text so far.
    fn thought_signature(&mut self, signature: JsonStr<'_>);

    /// A call for the client to run begins. `signature` is Gemini's, of the thoughts before it. Returns the call's index within the choice.
    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32;

    /// More of a call's arguments, JSON text in a JSON string. `index` is what [`call`](Self::call) returned.
    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>);

    /// A source of the text.
    fn citation(&mut self, citation: Citation<'_>);

    /// More of the model's refusal.
    fn refusal(&mut self, text: JsonStr<'_>);

    /// An image that the model made: its media type, and the inside of a JSON string that is base64.
    fn image(&mut self, media_type: &str, data: &str);

    /// The log probabilities of the tokens since the last ones.
    fn logprobs(&mut self, tokens: &[Logprob<'_>]);

    /// Ends the choice.
    fn finish(&mut self, reason: FinishReason);

    /// What was used so far. Providers repeat themselves: the last report counts.
    fn usage(&mut self, usage: Usage);

    /// The answer is complete.
    fn done(&mut self);

    /// Takes the provider's own bytes instead of facts, where the client's language is that one: nothing is lost that no fact tells.
    fn relay(&mut self, _: Wire) -> Option<&mut dyn Relay> {
        None
    }

    /// A call whose arguments, a JSON text, are complete.
    fn whole_call(&mut self, id: JsonStr<'_>, name: &str, arguments: &str, signature: Option<JsonStr<'_>>) {
        let index = self.call(id, name, signature);
        self.arguments(index, JsonString::new(arguments).as_str());
    }
}

/// A form in which both a client and a provider may want an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `chat.completion` and `chat.completion.chunk`
    ChatCompletions,
    /// `text_completion`
    Completions,
}

/// Takes an answer in the client's own language.
pub trait Relay {
    /// The id that the answer has, the inside of a JSON string; empty before it is known.
    fn id(&self) -> &str;

    /// The answer has this id.
    fn set_id(&mut self, id: JsonStr<'_>);

    /// The model's words in what is relayed, the inside of a JSON string.
    fn words(&mut self, words: &str);

    /// An event of a stream, or a whole answer, in pieces.
    fn bytes(&mut self, pieces: &[&[u8]]);

    /// The relayed stream is complete.
    fn end(&mut self);
}

/// A complete block of reasoning, which some providers want back unchanged with the next turn.
#[derive(Clone, Copy, Debug)]
pub enum Thinking<'a> {
    /// Readable, with the provider's signature.
    Signed {
        /// The inside of a JSON string.
        text: &'a str,
        /// The signature.
        signature: JsonStr<'a>,
    },
    /// Encrypted.
    Redacted {
        /// The block's data.
        data: JsonStr<'a>,
    },
}

/// A source with a URL, and the part of the text that rests on it.
#[derive(Clone, Copy, Debug)]
pub struct Citation<'a> {
    /// Where the part begins, in characters of the choice's text; Gemini counts bytes.
    pub start: u64,
    /// Where it ends.
    pub end: u64,
    /// The source's title.
    pub title: JsonStr<'a>,
    /// The source.
    pub url: JsonStr<'a>,
}

/// The log probability of a token.
#[derive(Clone, Debug)]
pub struct Logprob<'a> {
    /// The token.
    pub token: JsonStr<'a>,
    /// The logarithm, a JSON number.
    pub logprob: &'a str,
    /// The token's bytes, a JSON array, where the provider reports them.
    pub bytes: Option<Raw<'a>>,
    /// The most likely tokens in its place.
    pub top: Vec<Logprob<'a>>,
}
