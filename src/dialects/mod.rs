//! The languages that upstreams speak, one file each. A dialect takes bytes and facts and writes bytes: it has no
//! host, no clock, no log, and does not know the other dialects or who speaks it (`providers` does).

mod anthropic;
mod bedrock;
mod claude;
mod cohere;
mod gemini;
mod mock;
mod ollama;
pub mod openai;
mod tool_schema;
mod wording;
mod words;

pub use anthropic::ANTHROPIC;
pub use bedrock::BEDROCK;
pub use cohere::COHERE;
pub use gemini::GEMINI;
pub use mock::MOCK;
pub use ollama::OLLAMA;
pub use openai::OPENAI;

use core::cell::RefCell;
use std::borrow::Cow;

use crate::config::Deployment;
use crate::facts::{Fault, Sink, Usage};
use crate::frame::{Frame, Framing};
use crate::json::Edits;
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request};
use crate::providers::{Provider, Publisher};

/// A wire language.
pub trait Dialect: Sync {
    /// Its name, for fixtures and documentation.
    fn name(&self) -> &'static str;

    /// What it can be asked for.
    fn operations(&self) -> &'static [Operation];

    /// How its streams are cut.
    fn framing(&self) -> Framing;

    /// Headers of an answer that say what its body does not: the [`Memo`] has them when the body is read.
    fn answer_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it says itself what [`Target::features`] asks for.
    fn names_features(&self) -> bool {
        false
    }

    /// Inputs that a request to that vendor's model for embeddings may have at most; nothing where no limit is known. A request with more is
    /// split before anybody is asked.
    fn most_inputs(&self, _: &Provider, _model: &str) -> Option<usize> {
        None
    }

    /// Writes the provider's request; notes in `memo` what the answer will need.
    ///
    /// # Errors
    /// What the client asked for cannot be said in this language: a 4xx that names the field.
    fn request(&self, request: &Request<'_>, to: &Target<'_>, memo: &mut Memo)
    -> Result<Outbound, ErrorBody>;

    /// Reports a whole answer with status 2xx.
    ///
    /// # Errors
    /// The answer is an error all the same, or cannot be read.
    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault>;

    /// Writes the client's answer to [`Operation::Embeddings`].
    ///
    /// # Errors
    /// As [`Self::answer`].
    fn embeddings(&self, _body: &[u8], _: &Memo) -> Result<Answer, Fault> {
        Err(Fault::garbled("the provider's API has no embeddings"))
    }

    /// Reads an answer with another status. Never fails: what cannot be read is quoted.
    fn error(&self, status: u16, body: &[u8], memo: &Memo) -> Fault;

    /// Begins the translation of a stream.
    fn stream(&self, memo: &Memo) -> Box<dyn Stream>;
}

/// The translation of one stream, frame by frame.
pub trait Stream {
    /// Turns one frame into facts. The terminal event calls [`Sink::done`]; a stream that ends without it
    /// has died.
    ///
    /// # Errors
    /// The provider reports an error inside the stream, or the frame cannot be read.
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) -> Result<(), Fault>;

    /// The upstream ended cleanly without a terminal event: a language whose speakers may leave it out calls
    /// [`Sink::done`] here if the answer was complete.
    fn end(&mut self, _: &mut dyn Sink) {}
}

/// Whom a request is written for.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The vendor's row.
    pub provider: &'a Provider,
    /// The account and model.
    pub deployment: &'a Deployment,
    /// The model in the provider's words, the wildcard filled in.
    pub model: &'a str,
    /// Leave out what the provider lacks.
    pub drop_params: bool,
    /// What the client's and the deployment's [`FEATURES_HEADER`](crate::providers::FEATURES_HEADER) ask for, as it
    /// stands there; empty where they do not.
    pub features: &'a str,
    /// What is sent although the provider is said to lack it.
    pub allowed: Option<&'a Allowed>,
}

/// `allowed_openai_params`: parameters that are sent as they are although the provider is said to lack them.
#[derive(Debug, Default)]
pub struct Allowed {
    names: Vec<String>,
    used: RefCell<Vec<String>>,
}

impl Allowed {
    /// These parameters.
    pub fn new(names: Vec<String>) -> Self {
        Self { names, used: RefCell::default() }
    }

    /// Those of them that a dialect would have refused, and has left out.
    pub fn used(self) -> Vec<String> {
        self.used.into_inner()
    }

    fn lets(&self, name: &str) -> bool {
        let lets = self.names.iter().any(|known| known == name);
        let mut used = self.used.borrow_mut();
        if lets && !used.iter().any(|known| known == name) {
            used.push(name.to_owned());
        }
        lets
    }
}

impl<'a> Target<'a> {
    /// An option of the deployment by its `LiteLLM` name.
    pub fn option(&self, name: &str) -> Option<&'a str> {
        self.deployment.options.iter().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
    }

    /// Whose model it is, where the vendor serves several houses' models.
    pub fn publisher(&self) -> Option<&'static Publisher> {
        self.provider.publisher(self.model)
    }

    /// The language's version, where the body tells it and the path names the model ([`Publisher::version`]).
    pub fn version_in_body(&self) -> Option<&'static str> {
        self.publisher().map(|publisher| publisher.version).filter(|version| !version.is_empty())
    }

    /// The model that is meant, where the provider's own name for it is an operator's (`model_info.base_model`).
    pub fn base_model(&self) -> &'a str {
        self.option("base_model").unwrap_or(self.model)
    }

    /// Whether a parameter is sent although the provider is said to lack it.
    fn allows(&self, name: &str) -> bool {
        self.allowed.is_some_and(|allowed| allowed.lets(name))
    }

    /// Refuses a value that the model cannot be asked for, unless such parameters are to be left out.
    ///
    /// # Errors
    /// `LiteLLM`'s `UnsupportedParamsError`; `why` goes on from "does not support ".
    pub fn refuse_value(&self, param: &'static str, why: &str) -> Result<(), ErrorBody> {
        if self.allows(param) || self.drop_params {
            return Ok(());
        }
        Err(ErrorBody::bad_request(format!(
            "litellm.UnsupportedParamsError: {} does not support {why}, for model={}. {DROP_HINT}",
            self.provider.name, self.model,
        ))
        .about(param))
    }

    /// Refuses, or leaves out, what the language has no word for.
    ///
    /// A value that means nothing is left out in any case: many SDKs always send it.
    ///
    /// # Errors
    /// `LiteLLM`'s `UnsupportedParamsError`, with the names.
    pub fn check_params(&self, request: &Request<'_>, supported: &[&str]) -> Result<(), ErrorBody> {
        self.check_params_by(request, &|name| supported.contains(&name))
    }

    /// The same, where a language has no list of what it supports.
    ///
    /// # Errors
    /// As [`Self::check_params`].
    pub fn check_params_by(
        &self,
        request: &Request<'_>,
        is_supported: &dyn Fn(&str) -> bool,
    ) -> Result<(), ErrorBody> {
        if self.drop_params && self.allowed.is_none() {
            return Ok(());
        }
        let unsupported: Vec<String> = request
            .params()
            .filter(|(name, value)| {
                // What a language lacks is little: nearly every name ends here.
                !is_supported(name)
                    && crate::openai::STANDARD_PARAMS.contains(&&**name)
                    && !value.is_null()
                    && !crate::openai::is_default(name, *value)
                    // LiteLLM never checks the first two. Clients send the third on every turn; where it cannot be said,
                    // it is left out.
                    && !matches!(&**name, "stream_options" | "user" | "parallel_tool_calls")
                    && !self.allows(name)
            })
            .map(|(name, _)| name.into_owned())
            .collect();
        let Some(first) = unsupported.first().filter(|_| !self.drop_params) else { return Ok(()) };
        let names: Vec<String> = unsupported.iter().map(|name| format!("'{name}'")).collect();
        let param = first.clone();
        Err(ErrorBody::bad_request(format!(
            "litellm.UnsupportedParamsError: {} does not support parameters: [{}], for model={}. {DROP_HINT}",
            self.provider.name,
            names.join(", "),
            self.model,
        ))
        .about(param))
    }
}

/// A model's name in its place in a path: what would end the place is escaped. An `@` before a version stays.
fn path_segment(model: &str) -> Cow<'_, str> {
    use core::fmt::Write as _;

    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~@".contains(c);
    if model.chars().all(is_plain) {
        return Cow::Borrowed(model);
    }
    let mut escaped = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        if is_plain(char::from(byte)) {
            escaped.push(char::from(byte));
        } else {
            let written = write!(escaped, "%{byte:02X}");
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
    }
    Cow::Owned(escaped)
}

const DROP_HINT: &str = "To drop these, set `litellm_settings.drop_params: true`, or `drop_params: true` in the \
                         request or the deployment.";

/// A request in the provider's words, without credentials.
#[derive(Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Path and query below the deployment's base URL.
    pub path: Cow<'static, str>,
    /// Headers that belong to the language.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: Body,
}

/// Where the provider's body comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The client's own, edited.
    Edited(Edits),
    /// Nobody is called: this is the answer.
    Answered {
        /// HTTP status.
        status: u16,
        /// The answer in the client's language, whole or as a stream's events.
        body: Vec<u8>,
        /// What it is said to have used.
        usage: Usage,
    },
    /// Nobody is called: this went wrong. What it leads to is what the same error of a provider leads to.
    Raised(Fault),
}

/// The path of an endpoint below a base that users write with or without the version, or in full.
fn path_below(base: &str, version: &'static str, endpoint: &'static str) -> Cow<'static, str> {
    if base.ends_with(endpoint) {
        Cow::Borrowed("")
    } else if base.ends_with(version) {
        Cow::Borrowed(endpoint)
    } else {
        Cow::Owned(format!("{version}{endpoint}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_may_name_the_version_or_the_whole_path() {
        for base in ["https://api.cohere.com", "https://api.cohere.ai/v2", "http://a/b/v2/chat"] {
            let url = format!("{base}{}", path_below(base, "/v2", "/chat"));
            assert!(url.ends_with("/v2/chat") && url.matches("/v2").count() == 1, "{url}");
        }
    }
}
