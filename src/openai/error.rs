//! The one error envelope, and what upstreams do wrong in its words.
//!
//! `{"error":{"message","type","param","code"}}` with `code` the HTTP status as a string, as `LiteLLM` writes it;
//! messages keep `LiteLLM`'s `litellm.<Class>:` prefix, for clients search for it.
//!
//! What makes an error is `#[cold]`: the code for it stays out of the way of requests that have none.

use std::borrow::Cow;

use crate::facts::{Class, Fault};
use crate::json::Writer;

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// HTTP status.
    pub status: u16,
    /// `error.type`
    pub kind: Cow<'static, str>,
    /// `error.message`
    pub message: String,
    /// `error.param`
    pub param: Option<Cow<'static, str>>,
}

impl ErrorBody {
    /// Any error.
    #[cold]
    pub fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind: Cow::Borrowed(kind), message: message.into(), param: None }
    }

    /// A request that cannot be served as it is.
    #[cold]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// A request that lacks a field.
    #[cold]
    pub fn missing(route: &str, field: &'static str) -> Self {
        Self::bad_request(format!("{route}: Missing required parameter: '{field}'.")).about(field)
    }

    /// A field that has a wrong value: says which, what was expected and by whom.
    #[cold]
    pub fn invalid(param: impl Into<Cow<'static, str>>, why: &str) -> Self {
        let param = param.into();
        Self::bad_request(format!("Invalid value for '{param}': {why}")).about(param)
    }

    /// A fault of the gateway itself.
    #[cold]
    pub fn ours(message: impl Into<String>) -> Self {
        Self::new(500, "internal_server_error", message)
    }

    /// Names the field.
    #[must_use]
    #[cold]
    pub fn about(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The body.
    #[cold]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.message.len() + 96);
        self.write(&mut out);
        out
    }

    /// Writes it as an event of a stream.
    pub fn write_event(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        self.write(out);
        out.extend_from_slice(b"\n\n");
    }

    /// Writes the body.
    fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.object().key("error").object();
        w.key("message").string(&self.message);
        w.key("type").string(&self.kind);
        match &self.param {
            Some(param) => w.key("param").string(param),
            None => w.key("param").raw("null"),
        };
        w.key("code").string(&self.status.to_string());
        w.end_object().end_object();
    }
}

impl Fault {
    /// In the client's words. `provider` is the row's name.
    #[cold]
    pub fn to_body(&self, provider: &str) -> ErrorBody {
        let class = self.class.name();
        let chain = match self.class {
            Class::BadRequest => String::new(),
            Class::ContextWindowExceeded | Class::ContentPolicyViolation => {
                format!("litellm.BadRequestError: {class}: ")
            }
            _ => format!("{class}: "),
        };
        let message = format!("litellm.{class}: {chain}{} - {}", exception_name(provider), self.message);
        ErrorBody {
            status: self.class.status(),
            kind: Cow::Borrowed(self.class.kind()),
            message,
            param: self.param.clone().map(Cow::Owned),
        }
    }
}

/// `LiteLLM` writes `OpenAIException`, `AnthropicException`, `GroqException` …: the provider with a capital.
fn exception_name(provider: &str) -> String {
    if provider == "openai" {
        return "OpenAIException".to_owned();
    }
    let mut letters = provider.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain("Exception".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_all_four_fields_and_a_string_code() {
        let body = ErrorBody::missing("/chat/completions", "messages").to_json();
        assert_eq!(
            String::from_utf8(body).unwrap(),
            r#"{"error":{"message":"/chat/completions: Missing required parameter: 'messages'.","type":"invalid_request_error","param":"messages","code":"400"}}"#
        );
    }

    #[test]
    fn faults_are_worded_as_litellm_words_them() {
        let worded = |class, provider| Fault::new(class, "x").to_body(provider).message;
        assert_eq!(worded(Class::BadRequest, "openai"), "litellm.BadRequestError: OpenAIException - x");
        assert_eq!(
            worded(Class::RateLimit, "anthropic"),
            "litellm.RateLimitError: RateLimitError: AnthropicException - x"
        );
        assert_eq!(
            worded(Class::ContextWindowExceeded, "openai"),
            "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - x"
        );
    }
}
