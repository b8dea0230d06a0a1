//! What a request was about besides its numbers: what `/spend/logs` shows of it.

use std::borrow::Cow;

/// Details of one request. What is not known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail<'a> {
    /// `id` of the response.
    pub answer_id: Cow<'a, str>,
    /// The caller's own user: `user` in the body, or `x-litellm-end-user-id`.
    pub end_user: Cow<'a, str>,
    /// `metadata.tags`, `tags`, and `x-litellm-tags`.
    pub tags: Cow<'a, [String]>,
    /// Address of the client.
    pub requester_ip: Cow<'a, str>,
    /// Why the request failed, if it did.
    pub error: Option<UsageError<'a>>,
}

/// An error as the client was told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageError<'a> {
    /// `LiteLLM`'s name for errors of providers (`RateLimitError`); for the gateway's own, their `type`.
    pub class: Cow<'a, str>,
    /// The message, cut to [`Self::LONGEST`] bytes.
    pub message: Cow<'a, str>,
}

impl UsageError<'_> {
    /// Longest message that is kept, bytes.
    pub const LONGEST: usize = 500;

    /// An error of that class, its message cut where it is too long.
    #[cold]
    pub fn new(class: impl Into<Cow<'static, str>>, message: &str) -> UsageError<'static> {
        UsageError { class: class.into(), message: Cow::Owned(clipped(message, Self::LONGEST).to_owned()) }
    }
}

impl Detail<'_> {
    /// The same, for longer than what it was read from.
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

/// The beginning of a text, at most that many bytes, cut between characters.
pub fn clipped(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}
