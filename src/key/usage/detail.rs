//! Details of a request for `/spend/logs`, in addition to its usage.

use std::borrow::Cow;

/// Details of a request. Unknown values are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail<'a> {
    /// `id` of the response.
    pub answer_id: Cow<'a, str>,
    /// The caller's end user: `user` in the body, or `x-litellm-end-user-id`.
    pub end_user: Cow<'a, str>,
    /// `metadata.tags`, `tags`, and `x-litellm-tags`.
    pub tags: Cow<'a, [String]>,
    /// The client's address.
    pub requester_ip: Cow<'a, str>,
    /// Why the request failed, if it did.
    pub error: Option<UsageError<'a>>,
    /// Id of the trace, if the request was traced.
    pub trace_id: Cow<'a, str>,
    /// The attempts, if there was more than one.
    pub attempts: Vec<UsageAttempt<'a>>,
}

/// An attempt at a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageAttempt<'a> {
    /// The deployment.
    pub deployment_id: Cow<'a, str>,
    /// `provider/model`
    pub model: Cow<'a, str>,
    /// Status of the response; 0 if there was none.
    pub status: u16,
    /// From the first byte received to the request to the provider, milliseconds.
    pub began_ms: u64,
    /// Why it failed, if the next attempt knows.
    pub error: Option<UsageError<'a>>,
}

/// An error, as the client received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageError<'a> {
    /// `LiteLLM`'s class name for provider errors (`RateLimitError`); for the gateway's own errors, their
    /// `type`.
    pub class: Cow<'a, str>,
    /// The message, truncated to [`Self::LONGEST`] bytes.
    pub message: Cow<'a, str>,
}

impl UsageAttempt<'_> {
    /// An owned copy.
    pub fn into_owned(self) -> UsageAttempt<'static> {
        UsageAttempt {
            deployment_id: Cow::Owned(self.deployment_id.into_owned()),
            model: Cow::Owned(self.model.into_owned()),
            error: self.error.map(UsageError::into_owned),
            ..self
        }
    }
}

impl UsageError<'_> {
    /// An owned copy.
    pub fn into_owned(self) -> UsageError<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        UsageError { class: owned(self.class), message: owned(self.message) }
    }

    /// Maximum length of a stored message, bytes.
    pub const LONGEST: usize = 500;

    /// Creates an error; long messages are truncated.
    #[cold]
    pub fn new(class: impl Into<Cow<'static, str>>, message: &str) -> UsageError<'static> {
        UsageError { class: class.into(), message: Cow::Owned(clipped(message, Self::LONGEST).to_owned()) }
    }
}

impl Detail<'_> {
    /// An owned copy.
    pub fn into_owned(self) -> Detail<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Detail {
            answer_id: owned(self.answer_id),
            end_user: owned(self.end_user),
            tags: Cow::Owned(self.tags.into_owned()),
            requester_ip: owned(self.requester_ip),
            error: self.error.map(UsageError::into_owned),
            trace_id: owned(self.trace_id),
            attempts: self.attempts.into_iter().map(UsageAttempt::into_owned).collect(),
        }
    }
}

/// The beginning of a text, at most `most` bytes, truncated between characters.
pub fn clipped(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
