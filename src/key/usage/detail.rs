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

impl UsageError<'_> {
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
            error: self
                .error
                .map(|error| UsageError { class: owned(error.class), message: owned(error.message) }),
        }
    }
}

/// The beginning of a text, at most `most` bytes, truncated between characters.
pub fn clipped(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
