//! The contents of a response, independent of any wire format.
//!
//! A provider's dialect (`dialects`) parses a response and reports it to a [`Sink`] fact by fact; the
//! client's format writes it. Neither knows the other. The model's text stays the JSON token that arrived.

mod fault;
mod finish;
mod units;
mod usage;

pub use fault::{Class, Fault};
pub use finish::FinishReason;
pub use units::{DOCUMENTS_PER_SEARCH, Units};
pub use usage::Usage;

use crate::json::{JsonStr, JsonString, Raw};

/// Receives a response, complete or streamed, in the order in which the provider sends it.
///
/// After [`done`](Self::done), facts have no effect.
pub trait Sink {
    /// The provider's id of the response and its creation time, Unix seconds. Called before any other fact,
    /// or not at all.
    fn begin(&mut self, id: Option<JsonStr<'_>>, created: Option<u64>);

    /// Selects one of the `n` choices for the following facts. The first choice, 0, is the default.
    fn choice(&mut self, index: usize);

    /// More of the text.
    fn text(&mut self, text: JsonStr<'_>);

    /// More of the model's reasoning.
    fn reasoning(&mut self, text: JsonStr<'_>);

    /// A reasoning block is complete. Its text was already reported by [`reasoning`](Self::reasoning).
    fn thinking(&mut self, block: Thinking<'_>);

    /// Gemini's signature of the thoughts behind the text so far.
    fn thought_signature(&mut self, signature: JsonStr<'_>);

    /// Starts a call for the client to run. `signature` is Gemini's, of the thoughts before it. Returns the
    /// call's index within the choice.
    fn call(&mut self, id: JsonStr<'_>, name: &str, signature: Option<JsonStr<'_>>) -> u32;

    /// More of a call's arguments: JSON text in a JSON string. `index` is what [`call`](Self::call) returned.
    fn arguments(&mut self, index: u32, fragment: JsonStr<'_>);

    /// A source of the text.
    fn citation(&mut self, citation: Citation<'_>);

    /// The provider has searched the web. Formats that show no searches ignore it.
    fn searched(&mut self, _: Search<'_>) {}

    /// More of the model's refusal.
    fn refusal(&mut self, text: JsonStr<'_>);

    /// An image that the model generated: its media type, and base64 as the contents of a JSON string.
    fn image(&mut self, media_type: &str, data: &str);

    /// The log probabilities of the tokens since the last ones.
    fn logprobs(&mut self, tokens: &[Logprob<'_>]);

    /// Ends the choice.
    fn finish(&mut self, reason: FinishReason);

    /// The usage so far. Providers report it more than once; the last report counts.
    fn usage(&mut self, usage: Usage);

    /// The response is complete.
    fn done(&mut self);

    /// Returns a relay if the client's format is the provider's own. Bytes are then copied, which preserves
    /// fields that no fact covers.
    fn relay(&mut self, _: Wire) -> Option<&mut dyn Relay> {
        None
    }

    /// A call whose arguments, a JSON text, are complete.
    fn whole_call(&mut self, id: JsonStr<'_>, name: &str, arguments: &str, signature: Option<JsonStr<'_>>) {
        let index = self.call(id, name, signature);
        self.arguments(index, JsonString::new(arguments).as_str());
    }
}

/// A wire format that is both a client's and a provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// `chat.completion` and `chat.completion.chunk`
    ChatCompletions,
    /// `text_completion`
    Completions,
    /// Anthropic's messages and their events
    Messages,
    /// Google's `GenerateContentResponse`, whole and in events, and its embeddings
    Contents,
    /// `OpenAI`'s responses and their events
    Responses,
    /// A conversation that `OpenAI` compacts, in the format of [`Self::Responses`]
    Compaction,
}

impl Wire {
    /// The format of the provider's API that serves it.
    #[must_use]
    pub fn api(self) -> Self {
        match self {
            Self::Compaction => Self::Responses,
            wire => wire,
        }
    }
}

/// Receives a response that is already in the client's format.
pub trait Relay {
    /// The id of the response, as the contents of a JSON string; empty until it is known.
    fn id(&self) -> &str;

    /// Sets the id of the response.
    fn set_id(&mut self, id: JsonStr<'_>);

    /// The model's text in a relayed event, as the contents of a JSON string.
    fn words(&mut self, words: &str);

    /// An event of a stream, or a complete response, in pieces.
    fn bytes(&mut self, pieces: &[&[u8]]);

    /// An event of a stream whose events have names.
    fn named_event(&mut self, _name: &str, data: &[&[u8]]) {
        self.bytes(data);
    }

    /// The relayed stream is complete.
    fn end(&mut self);
}

/// A complete reasoning block, which some providers require unchanged in the next turn.
#[derive(Clone, Copy, Debug)]
pub enum Thinking<'a> {
    /// Readable, with the provider's signature.
    Signed {
        /// The contents of a JSON string.
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

/// A source with a URL, and the part of the text that it supports.
#[derive(Clone, Copy, Debug)]
pub struct Citation<'a> {
    /// Start of the part, in characters of the choice's text; Gemini counts bytes.
    pub start: u64,
    /// End of the part.
    pub end: u64,
    /// The source's title.
    pub title: JsonStr<'a>,
    /// The source.
    pub url: JsonStr<'a>,
}

/// A search of the web by the provider itself.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// What was searched for.
    pub queries: &'a [JsonStr<'a>],
    /// URL and title of each result.
    pub results: &'a [(JsonStr<'a>, JsonStr<'a>)],
    /// The provider reports an error instead of results.
    pub failed: bool,
}

/// The log probability of a token.
#[derive(Clone, Debug)]
pub struct Logprob<'a> {
    /// The token.
    pub token: JsonStr<'a>,
    /// The logarithm, as a JSON number.
    pub logprob: &'a str,
    /// The token's bytes as a JSON array, if the provider reports them.
    pub bytes: Option<Raw<'a>>,
    /// The most likely tokens at this position.
    pub top: Vec<Logprob<'a>>,
}
