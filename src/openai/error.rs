//! The error response, and the classes of upstream errors.
//!
//! Errors are `{"error":{"message","type","param","code"}}`, where `code` is the HTTP status as a string, as
//! in `LiteLLM`. Messages keep `LiteLLM`'s `litellm.<Class>:` prefix because clients match on it.
//!
//! Functions that create errors are `#[cold]`, which keeps their code out of the path of successful requests.

use std::borrow::Cow;

use crate::facts::{Class, Fault};
use crate::json::Writer;

/// Maximum length of a message of the gateway's own, bytes. It is longer than any that lists a key's models.
const LONGEST: usize = 4096;

/// The start of a value of the request, to be quoted in a message.
pub fn quoted(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(64) {
        Some((end, _)) => Cow::Owned(value.get(..end).unwrap_or_default().to_owned() + "…"),
        None => Cow::Borrowed(value),
    }
}

/// An error response.
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
    /// `OpenAI`'s word for it, in languages that use words for codes.
    pub code: Option<Cow<'static, str>>,
    /// `details` in Google's format, JSON.
    pub details: Option<Box<str>>,
}

impl ErrorBody {
    /// Creates an error. What the message quotes of the request may make it too long; then its end is cut.
    #[cold]
    pub fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > LONGEST {
            message.truncate(message.floor_char_boundary(LONGEST));
            message.push('…');
        }
        Self { status, kind: Cow::Borrowed(kind), message, param: None, code: None, details: None }
    }

    /// An invalid request (400).
    #[cold]
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// A missing required field (400).
    #[cold]
    pub fn missing(route: &str, field: &'static str) -> Self {
        Self::bad_request(format!("{route}: Missing required parameter: '{field}'.")).about(field)
    }

    /// An invalid value (400). `why` says what was expected, and who expects it.
    #[cold]
    pub fn invalid(param: impl Into<Cow<'static, str>>, why: &str) -> Self {
        let param = param.into();
        Self::bad_request(format!("Invalid value for '{param}': {why}")).about(param)
    }

    /// An internal error of the gateway (500).
    #[cold]
    pub fn ours(message: impl Into<String>) -> Self {
        Self::new(500, "internal_server_error", message)
    }

    /// Sets `param`.
    #[must_use]
    #[cold]
    pub fn about(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// Sets `code`.
    #[must_use]
    #[cold]
    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(Cow::Borrowed(code));
        self
    }

    /// The body as JSON.
    #[cold]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.message.len() + 96);
        self.write(&mut out);
        out
    }

    /// Writes the error as an event of a stream.
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
    /// The error for the client. `provider` is the provider's name in the table.
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
            code: match self.class {
                Class::ContextWindowExceeded => Some(Cow::Borrowed("context_length_exceeded")),
                Class::BadRequest | Class::NotFound => self.code.clone().map(Cow::Owned),
                _ => None,
            },
            details: self.details.clone(),
        }
    }
}

/// The exception name as in `LiteLLM`: `OpenAIException`, `AnthropicException`, `GroqException` …
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
    fn a_message_quotes_little_of_a_long_request() {
        assert_eq!(quoted("user"), "user");
        assert_eq!(quoted(&"é".repeat(64)), "é".repeat(64));
        assert_eq!(quoted(&"é".repeat(65)), "é".repeat(64) + "…");
        let error = ErrorBody::bad_request("é".repeat(1 << 20));
        assert_eq!(error.message, "é".repeat(2048) + "…");
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
