//! The languages that the provider speaks, one file each.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;
mod rerank;
mod responses;
mod scripted;
mod titan;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::model::{Prompt, Reply, in_round};
use crate::script::Script;

/// A language.
pub trait Dialect: Sync {
    /// Its name, for records and for [`crate::Step::at`].
    fn name(&self) -> &'static str;

    /// The ends of the paths that it serves, longest first.
    fn paths(&self) -> &'static [&'static str];

    /// Whether its paths have that method.
    fn takes(&self, method: &Method) -> bool {
        *method == Method::POST
    }

    /// What stands before its path, if that is one of its paths.
    fn account<'p>(&self, path: &'p str) -> Option<&'p str> {
        let before = self.paths().iter().find_map(|end| path.strip_suffix(end))?;
        Some(before.trim_matches('/'))
    }

    /// Refuses what the real provider would refuse, and answers the rest.
    fn answer(&self, asked: &Asked<'_>) -> Result<Script, Refusal>;

    /// An error in its words.
    fn error(&self, refusal: &Refusal) -> Script;

    /// An error inside a stream.
    fn error_event(&self, refusal: &Refusal) -> Bytes;

    /// An event with some more text, for streams that do not end.
    fn more(&self) -> Bytes;
}

/// All of them.
pub static DIALECTS: &[&dyn Dialect] = &[
    &anthropic::Anthropic,
    &bedrock::Bedrock,
    &bedrock::Invoke,
    &gemini::Gemini,
    &openai::OpenAi,
    &rerank::Rerank,
    &responses::Responses,
    &titan::Titan,
];

/// The dialect whose path that is, and the account before it.
pub fn of_path(path: &str) -> Option<(&'static dyn Dialect, &str)> {
    if let Some(name) = scripted::Scripted::account(path) {
        return Some((&scripted::Scripted, name));
    }
    DIALECTS.iter().find_map(|dialect| Some((*dialect, dialect.account(path)?)))
}

/// A request, as a dialect needs it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Method.
    pub method: &'a Method,
    /// Path.
    pub path: &'a str,
    /// What follows the path.
    pub query: &'a str,
    /// Headers.
    pub headers: &'a HeaderMap,
    /// Body.
    pub body: &'a [u8],
    /// What the model is to say instead of its own words.
    pub scripted: Option<&'a Reply>,
    /// What the model is to say in each round of tools.
    pub rounds: &'a [Reply],
}

impl Asked<'_> {
    fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(self.body).map_err(|error| {
            Refusal::bad(format!("We could not parse the JSON body of your request: {error}"))
        })
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The credential behind `Bearer`.
    fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    fn reply(&self, prompt: &Prompt) -> Reply {
        self.scripted.cloned().unwrap_or_else(|| in_round(self.rounds, prompt))
    }
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The provider's words.
    pub message: String,
    /// Field that is wrong, where the language names it.
    pub param: Option<String>,
    /// The provider's code, where the language has one.
    pub code: Option<String>,
}

impl Refusal {
    /// Any.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None }
    }

    /// A request that is wrong.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    fn about(mut self, param: &str) -> Self {
        self.param = Some(param.to_owned());
        self
    }

    fn code(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }
}

/// The members of an object that are not among the known ones.
fn unknown<'v>(value: &'v Value, known: &[&str]) -> Option<&'v str> {
    value.as_object()?.keys().map(String::as_str).find(|key| !known.contains(key))
}

/// Cuts a text as models stream it: word by word, the space with the word before it.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}

/// Cuts arguments into pieces that are no JSON by themselves.
fn pieces(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(5).map(|piece| piece.iter().collect()).collect()
}
