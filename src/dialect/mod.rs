//! What a dialect is, and what it is told: the wire format of a provider's API, and the provider. `dialects` has all of them,
//! and `providers` says which provider uses which.

mod provider;

pub use provider::{
    Auth, FEATURES_FIELD, FEATURES_HEADER, OtherBase, Preset, Provider, Publisher, VERSION_FIELD,
    VERSION_HEADER,
};

use core::cell::{Cell, RefCell};
use std::borrow::Cow;

use crate::config::Deployment;
use crate::facts::{Fault, FinishReason, Sink, Usage, Wire};
use crate::frame::{Frame, Framing};
use crate::json::{Edits, JsonString};
use crate::openai::{Answer, ErrorBody, Memo, Operation, Request};

/// A wire format.
pub trait Dialect: Sync {
    /// Its name, for fixtures and documentation.
    fn name(&self) -> &'static str;

    /// Whether it supports an operation.
    fn supports(&self, operation: Operation) -> bool;

    /// The supported operations.
    fn operations(&self) -> Vec<Operation> {
        Operation::ALL.into_iter().filter(|operation| self.supports(*operation)).collect()
    }

    /// The framing of its streams.
    fn framing(&self) -> Framing;

    /// Response headers with facts that are not in the body. The [`Memo`] contains them when the body is
    /// read.
    fn answer_headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether it handles [`Target::features`] itself.
    fn names_features(&self) -> bool {
        false
    }

    /// The object of the provider's request that takes a field of `extra_body`; `None` for the top level.
    fn extra_in(&self, _: Operation, _member: &str) -> Option<&'static str> {
        None
    }

    /// Maximum number of inputs of an embedding request to the vendor's model; `None` if no limit is known.
    /// Requests with more inputs are split first.
    fn most_inputs(&self, _: &Provider, _model: &str) -> Option<usize> {
        None
    }

    /// Maximum number of tokens of all inputs of a request for embeddings; `None` if no limit is known.
    fn most_input_tokens(&self, _: &Provider, _model: &str) -> Option<u64> {
        None
    }

    /// Whether a request for embeddings with an image has no other input.
    fn embeds_images_alone(&self) -> bool {
        false
    }

    /// Writes the provider's request, and records in `memo` what translating the response will need.
    ///
    /// # Errors
    /// The dialect does not support the request: a 4xx that names the field.
    fn request(&self, request: &Request<'_>, to: &Target<'_>, memo: &mut Memo)
    -> Result<Outbound, ErrorBody>;

    /// The format of the provider's API, if clients may have the same: [`Self::relayed`] then receives their own requests.
    fn wire(&self) -> Option<Wire> {
        None
    }

    /// Whether this deployment has [`Self::wire`], whatever the request is.
    fn has_wire(&self, _: &Deployment) -> bool {
        self.wire().is_some()
    }

    /// Whether [`Self::relayed`] can send this request in [`Self::wire`]. Otherwise it is translated for
    /// [`Self::request`].
    fn can_relay(&self, _: &Request<'_>, _: &Provider, _model: &str) -> bool {
        true
    }

    /// Writes the provider's request from a client's own in [`Self::wire`]: its bytes, with the edits that the provider
    /// needs. [`Memo::wire`] is set; [`Self::answer`] and [`Self::stream`] then relay the response ([`Sink::relay`]).
    ///
    /// # Errors
    /// As [`Self::request`].
    fn relayed(
        &self,
        request: &Request<'_>,
        to: &Target<'_>,
        memo: &mut Memo,
    ) -> Result<Outbound, ErrorBody> {
        self.request(request, to, memo)
    }

    /// Whether [`Self::relayed`] also writes requests to count tokens ([`Memo::counts`]).
    fn counts_tokens(&self) -> bool {
        false
    }

    /// The number in an answer to such a request.
    fn count(&self, _body: &[u8]) -> Option<u64> {
        None
    }

    /// Reports a whole answer with status 2xx.
    ///
    /// # Errors
    /// The answer is an error all the same, or cannot be read.
    fn answer(&self, body: &[u8], memo: &Memo, out: &mut dyn Sink) -> Result<(), Fault>;

    /// Writes the client's answer to an operation that generates no text ([`Operation::generates_text`]): the formats of such
    /// answers are `OpenAI`'s, or Cohere's.
    ///
    /// # Errors
    /// As [`Self::answer`].
    fn converted(&self, _body: &[u8], memo: &Memo) -> Result<Answer, Fault> {
        Err(Fault::garbled(["the provider's API has no ", memo.operation.route()].concat()))
    }

    /// Parses a response with another status. Never fails: invalid ones are quoted.
    fn error(&self, status: u16, body: &[u8], memo: &Memo) -> Fault;

    /// Starts translating a stream.
    fn stream(&self, memo: &Memo) -> Box<dyn Stream>;
}

/// Translates a stream, frame by frame.
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

/// Where a request is sent.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The provider's row.
    pub provider: &'a Provider,
    /// The account and model.
    pub deployment: &'a Deployment,
    /// The model's name at the provider, with the wildcard filled in.
    pub model: &'a str,
    /// Drop unsupported parameters.
    pub drop_params: bool,
    /// The client's and the deployment's [`FEATURES_HEADER`], verbatim;
    /// empty if absent.
    pub features: &'a str,
    /// The client's `anthropic-version`; empty if absent.
    pub version: &'a str,
    /// The request was meant for other models, and is here as a fallback.
    pub is_fallback: bool,
    /// Parameters that are sent although the provider is not known to support them.
    pub allowed: Option<&'a Allowed>,
    /// Set if the request allows a search of the web, and the provider has none.
    pub lacks_search: Option<&'a Cell<bool>>,
}

/// `allowed_openai_params`: parameters that are sent verbatim although the provider is not known to support
/// them.
#[derive(Debug, Default)]
pub struct Allowed {
    names: Vec<String>,
    used: RefCell<Vec<String>>,
}

impl Allowed {
    /// Creates the list.
    pub fn new(names: Vec<String>) -> Self {
        Self { names, used: RefCell::default() }
    }

    /// The parameters that a dialect would have rejected, and has left out.
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

    /// The model's publisher, for providers that serve models of several publishers.
    pub fn publisher(&self) -> Option<&'static Publisher> {
        self.provider.publisher(self.model)
    }

    /// The API version, if it belongs in the body and the model in the path ([`Publisher::version`]).
    pub fn version_in_body(&self) -> Option<&'static str> {
        self.publisher().map(|publisher| publisher.version).filter(|version| !version.is_empty())
    }

    /// The base model (`model_info.base_model`), if the provider's name for it is chosen by an operator.
    pub fn base_model(&self) -> &'a str {
        self.option("base_model").unwrap_or(self.model)
    }

    /// Whether a parameter is sent although the provider is not known to support it.
    pub fn allows(&self, name: &str) -> bool {
        self.allowed.is_some_and(|allowed| allowed.lets(name))
    }

    /// Rejects an unsupported value, unless unsupported parameters are dropped.
    ///
    /// # Errors
    /// `LiteLLM`'s `UnsupportedParamsError`; `why` follows "does not support ".
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

    /// The error for a request that asks for nothing but a search of the web, or for that tool.
    fn no_search(&self) -> ErrorBody {
        ErrorBody::invalid(
            "tools",
            &format!(
                "the request needs a web search, which {} does not offer for model={}; use a model that searches",
                self.provider.name, self.model
            ),
        )
    }

    /// Notes that a search of the web is left out.
    ///
    /// # Errors
    /// The request needs it.
    pub fn note_no_search(&self, request: &Request<'_>) -> Result<(), ErrorBody> {
        if request.must_search() {
            return Err(self.no_search());
        }
        if let Some(lacks_search) = self.lacks_search {
            lacks_search.set(true);
        }
        Ok(())
    }

    /// Rejects or drops parameters that the dialect does not support.
    ///
    /// Default values are dropped in any case, because many SDKs always send them.
    ///
    /// # Errors
    /// `LiteLLM`'s `UnsupportedParamsError`, with the names.
    pub fn check_params(&self, request: &Request<'_>, supported: &[&str]) -> Result<(), ErrorBody> {
        self.check_params_by(request, &|name| supported.contains(&name))
    }

    /// The same, for dialects without a list of supported parameters.
    ///
    /// # Errors
    /// As [`Self::check_params`].
    pub fn check_params_by(
        &self,
        request: &Request<'_>,
        is_supported: &dyn Fn(&str) -> bool,
    ) -> Result<(), ErrorBody> {
        if request.get("web_search_options").is_some()
            && !is_supported("web_search_options")
            && !self.allows("web_search_options")
        {
            self.note_no_search(request)?;
        }
        if self.drop_params && self.allowed.is_none() {
            return Ok(());
        }
        let unsupported: Vec<String> = request
            .params()
            .filter(|(name, value)| {
                // Nearly every parameter is supported.
                !is_supported(name)
                    && crate::openai::STANDARD_PARAMS.contains(&&**name)
                    && !value.is_null()
                    && !crate::openai::is_default(name, *value)
                    // LiteLLM never checks the first two. Clients send the third on every turn, so it is
                    // dropped if unsupported.
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

const DROP_HINT: &str = "To drop these, set `litellm_settings.drop_params: true`, or `drop_params: true` in the \
                         request or the deployment.";

/// A provider's request without credentials.
#[derive(Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Path and query below the deployment's base URL.
    pub path: Cow<'static, str>,
    /// Headers of the dialect.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// The body.
    pub body: Body,
}

/// The source of the provider's body.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The client's own, edited.
    Edited(Edits),
    /// The client's own form, with new values of fields, or without those that have none.
    Form(Vec<(Cow<'static, str>, Option<String>)>),
    /// No provider is called: this is what [`Dialect::converted`] would have returned.
    Converted(Answer),
    /// No provider is called: this is the response.
    Mock(Mocked),
    /// No provider is called: this error is handled as if a provider had returned it.
    Raised(Fault),
}

/// The text that a mock answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Mocked {
    /// The text.
    pub text: String,
    /// The reported usage.
    pub usage: Usage,
}

impl Mocked {
    /// Reports it, as a stream word by word.
    pub fn report(&self, stream: bool, out: &mut dyn Sink) {
        let words: Vec<&str> =
            if stream { self.text.split_inclusive(' ').collect() } else { vec![self.text.as_str()] };
        for word in words {
            out.text(JsonString::new(word).as_str());
        }
        out.finish(FinishReason::Stop);
        out.usage(self.usage);
        out.done();
    }
}
