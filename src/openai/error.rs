//! The one error envelope, and what upstreams do wrong in its words.
//!
//! `{"error":{"message","type","param","code"}}` with `code` the HTTP status as a string, as `LiteLLM` writes it;
//! messages keep `LiteLLM`'s `litellm.<Class>:` prefix, for clients search for it.
//!
//! What makes an error is `#[cold]`: the code for it stays out of the way of requests that have none.

use std::borrow::Cow;

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

/// `LiteLLM`'s exception classes: what decides on retries and fallbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 400
    BadRequest,
    /// 400: the prompt is longer than the model's window
    ContextWindowExceeded,
    /// 400: the provider refuses the content
    ContentPolicyViolation,
    /// 401
    Authentication,
    /// 402: the account at the provider has no money left
    PaymentRequired,
    /// 403
    PermissionDenied,
    /// 404
    NotFound,
    /// 408
    Timeout,
    /// 422
    UnprocessableEntity,
    /// 429
    RateLimit,
    /// 500
    InternalServer,
    /// 502
    BadGateway,
    /// 503
    ServiceUnavailable,
}

impl Class {
    /// The class of a status that says no more.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::PaymentRequired,
            429 => Self::RateLimit,
            403 => Self::PermissionDenied,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            422 => Self::UnprocessableEntity,
            400..=499 => Self::BadRequest,
            502 => Self::BadGateway,
            503 | 529 => Self::ServiceUnavailable,
            _ => Self::InternalServer,
        }
    }

    /// `LiteLLM`'s class name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestError",
            Self::ContextWindowExceeded => "ContextWindowExceededError",
            Self::ContentPolicyViolation => "ContentPolicyViolationError",
            Self::Authentication => "AuthenticationError",
            // LiteLLM has no class of its own for it.
            Self::PaymentRequired => "APIError",
            Self::PermissionDenied => "PermissionDeniedError",
            Self::NotFound => "NotFoundError",
            Self::Timeout => "Timeout",
            Self::UnprocessableEntity => "UnprocessableEntityError",
            Self::RateLimit => "RateLimitError",
            Self::InternalServer => "InternalServerError",
            Self::BadGateway => "BadGatewayError",
            Self::ServiceUnavailable => "ServiceUnavailableError",
        }
    }

    /// The class of that name, as `mock_response: litellm.RateLimitError` writes it.
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::BadRequest,
            Self::ContextWindowExceeded,
            Self::ContentPolicyViolation,
            Self::Authentication,
            Self::PaymentRequired,
            Self::PermissionDenied,
            Self::NotFound,
            Self::Timeout,
            Self::UnprocessableEntity,
            Self::RateLimit,
            Self::InternalServer,
            Self::BadGateway,
            Self::ServiceUnavailable,
        ]
        .into_iter()
        .find(|class| class.name() == name)
    }

    /// The status that the client sees.
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest | Self::ContextWindowExceeded | Self::ContentPolicyViolation => 400,
            Self::Authentication => 401,
            Self::PaymentRequired => 402,
            Self::PermissionDenied => 403,
            Self::NotFound => 404,
            Self::Timeout => 408,
            Self::UnprocessableEntity => 422,
            Self::RateLimit => 429,
            Self::InternalServer => 500,
            Self::BadGateway => 502,
            Self::ServiceUnavailable => 503,
        }
    }

    /// `error.type`
    pub fn kind(self) -> &'static str {
        match self {
            Self::BadRequest
            | Self::ContextWindowExceeded
            | Self::ContentPolicyViolation
            | Self::NotFound
            | Self::Timeout
            | Self::UnprocessableEntity => "invalid_request_error",
            Self::Authentication => "authentication_error",
            Self::PaymentRequired => "insufficient_quota",
            Self::PermissionDenied => "permission_error",
            Self::RateLimit => "throttling_error",
            Self::InternalServer | Self::BadGateway | Self::ServiceUnavailable => "internal_server_error",
        }
    }
}

/// What an upstream did wrong: an error that it reported, or an answer that nobody can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of error.
    pub class: Class,
    /// The provider's own words.
    pub message: String,
    /// The field that the provider names.
    pub param: Option<String>,
    /// When to try again, seconds from now, where the provider says it in the body.
    pub retry_after: Option<u64>,
}

impl Fault {
    /// An error of that class.
    #[cold]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), param: None, retry_after: None }
    }

    /// An answer that is not what its dialect says it is.
    #[cold]
    pub fn garbled(what: impl Into<String>) -> Self {
        Self::new(Class::BadGateway, what)
    }

    /// An answer that is not in its language at all: a proxy's HTML page, a cut body. Its beginning is quoted, for
    /// it helps who runs the gateway.
    #[cold]
    pub fn unreadable(status: u16, body: &[u8]) -> Self {
        let class = Class::of_status(if status < 400 { 502 } else { status });
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if text.is_empty() {
            return Self::new(class, format!("Error code: {status}"));
        }
        if text.starts_with('<') {
            return Self::new(class, format!("Error code: {status} (the answer is HTML, not JSON)"));
        }
        let clipped: String = text.chars().take(512).collect();
        Self::new(class, format!("Error code: {status} - {clipped}"))
    }

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
