//! Upstream failures: their class and the provider's own message.
//!
//! Functions that create faults are `#[cold]`, which keeps their code out of the path of successful requests.

/// `LiteLLM`'s exception classes. They determine retries and fallbacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 400
    BadRequest,
    /// 400: the prompt exceeds the model's context window
    ContextWindowExceeded,
    /// 400: the provider rejected the content
    ContentPolicyViolation,
    /// 401
    Authentication,
    /// 402: the account at the provider has no credit left
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
    /// The class for a status, if the body says nothing more specific.
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
            // LiteLLM has no class for it.
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

    /// Looks up a class by its name, as written in `mock_response: litellm.RateLimitError`.
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

/// An upstream failure: an error that the provider reported, or an invalid response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The class of the error.
    pub class: Class,
    /// The provider's message.
    pub message: String,
    /// The field that the provider complains about.
    pub param: Option<String>,
    /// Seconds until a retry makes sense, if the body says so.
    pub retry_after: Option<u64>,
    /// The provider's code for an error of the request, for clients of its own API.
    pub code: Option<String>,
    /// More about it, JSON, for clients of the provider's own API.
    pub details: Option<Box<str>>,
}

impl Fault {
    /// Creates a fault.
    #[cold]
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), param: None, retry_after: None, code: None, details: None }
    }

    /// A response that does not follow its dialect.
    #[cold]
    pub fn garbled(what: impl Into<String>) -> Self {
        Self::new(Class::BadGateway, what)
    }

    /// A response that is not in the dialect's format at all, such as a proxy's HTML page or a truncated
    /// body. Its beginning is quoted to help the operator.
    #[cold]
    pub fn unreadable(status: u16, body: &[u8]) -> Self {
        let class = Class::of_status(if status < 400 { 502 } else { status });
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if text.is_empty() {
            return Self::new(class, format!("Error code: {status}"));
        }
        if text.starts_with('<') {
            return Self::new(class, format!("Error code: {status} (the response is HTML, not JSON)"));
        }
        let clipped: String = text.chars().take(512).collect();
        Self::new(class, format!("Error code: {status} - {clipped}"))
    }
}
