//! Routing settings in a request, from its body or headers, and what its headers ask of the provider. A
//! header takes precedence, as in `LiteLLM`.

use core::slice::from_ref;

use crate::openai::{ErrorBody, Request};

use super::head::Head;
use crate::config::Group;
use crate::inbound::MESSAGES_VERSION;
use crate::providers::FEATURES_HEADER;

/// The request's own settings. Absent ones are taken from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestSettings {
    /// `num_retries`
    pub retries: Option<u32>,
    /// `timeout` of an attempt, milliseconds.
    pub timeout_ms: Option<u64>,
    /// `stream_timeout`: time until a stream's first event, milliseconds.
    pub stream_timeout_ms: Option<u64>,
    /// `fallbacks`: models to try if the requested one fails.
    pub fallbacks: Option<Vec<String>>,
    /// `context_window_fallbacks`
    pub context_window_fallbacks: Option<Vec<String>>,
    /// `content_policy_fallbacks`
    pub content_policy_fallbacks: Option<Vec<String>>,
    /// `disable_fallbacks`
    pub disable_fallbacks: bool,
    /// Value of [`FEATURES_HEADER`], for dialects that support it.
    pub features: Option<String>,
    /// Value of [`MESSAGES_VERSION`], for providers with the same API.
    pub version: Option<String>,
}

const RETRIES: &str = "a non-negative integer";
const SECONDS: &str = "a positive number of seconds";
const MODELS: &str = "an array of model names";

impl RequestSettings {
    /// Reads the headers.
    ///
    /// # Errors
    /// An invalid value.
    pub(super) fn by_headers(head: &Head) -> Result<Self, ErrorBody> {
        let header = |name| head.text(name).map(|text| (name, text.trim()));
        let seconds = |name| {
            let read =
                |(name, text): (&'static str, &str)| milliseconds(name, text.parse().unwrap_or(f64::NAN));
            header(name).map(read).transpose()
        };
        let retries = header("x-litellm-num-retries").map(|(name, text)| {
            text.parse().map_err(|_| ErrorBody::invalid(name, &format!("expected {RETRIES}")))
        });
        Ok(Self {
            retries: retries.transpose()?,
            timeout_ms: seconds("x-litellm-timeout")?,
            stream_timeout_ms: seconds("x-litellm-stream-timeout")?,
            features: head.joined(FEATURES_HEADER),
            version: head.text(MESSAGES_VERSION).filter(|version| is_version(version)).map(str::to_owned),
            ..Self::default()
        })
    }

    /// Adds settings from the body.
    ///
    /// # Errors
    /// A value of the wrong type.
    pub(super) fn or_body(mut self, request: &Request<'_>) -> Result<Self, ErrorBody> {
        let seconds = |name| {
            let read = |seconds| milliseconds(name, seconds);
            request.read::<f64>(name, "a number of seconds")?.map(read).transpose()
        };
        self.retries = self.retries.or(request.read("num_retries", RETRIES)?);
        self.timeout_ms = self.timeout_ms.or(seconds("timeout")?);
        self.stream_timeout_ms = self.stream_timeout_ms.or(seconds("stream_timeout")?);
        self.fallbacks = request.read("fallbacks", MODELS)?;
        self.context_window_fallbacks = request.read("context_window_fallbacks", MODELS)?;
        self.content_policy_fallbacks = request.read("content_policy_fallbacks", MODELS)?;
        self.disable_fallbacks = request.read("disable_fallbacks", "a boolean")?.unwrap_or(false);
        Ok(self)
    }

    /// Has the group of a deployment stand in for it, and after that what stands in for the group.
    pub(super) fn stand_in(&mut self, group: &Group) {
        let further = self.fallbacks.as_ref().unwrap_or(&group.fallbacks);
        self.fallbacks = Some([from_ref(&group.name), further].concat());
    }

    /// Every model named in the settings.
    pub(super) fn models(&self) -> impl Iterator<Item = &str> {
        let lists = [&self.fallbacks, &self.context_window_fallbacks, &self.content_policy_fallbacks];
        lists.into_iter().flatten().flatten().map(String::as_str)
    }
}

/// Whether it may be the version of an API: it becomes a header of the provider's request.
fn is_version(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn milliseconds(name: &'static str, seconds: f64) -> Result<u64, ErrorBody> {
    if !seconds.is_finite() || seconds <= 0.0 {
        return Err(ErrorBody::invalid(name, &format!("expected {SECONDS}")));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a day, and above 0"
    )]
    Ok((seconds * 1000.0).clamp(1.0, 86_400_000.0) as u64)
}
