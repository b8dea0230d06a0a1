//! Header lists that replace all headers of a message: what is not in the list is not sent.

use core::fmt::Write as _;
use core::ops::Deref;
use std::borrow::Cow;
use std::rc::Rc;

use crate::facts::Usage;
use crate::table::Endpoint;

use super::call::Call;
use super::head::Head;
use super::limited::limit_headers;
use super::retry_after::RetryAfter;

/// Says how the tokens of a prompt were counted, if no provider counted them: [`ESTIMATE`].
pub(super) const COUNT_HEADER: &str = "x-switchboard-token-count";

/// The value of [`COUNT_HEADER`].
pub(super) const ESTIMATE: &str = "estimate";

/// A header's value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A constant.
    Static(&'static str),
    /// Created for this message.
    Owned(String),
    /// Shared between messages.
    Shared(Rc<str>),
}

impl Deref for Value {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Owned(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Value {}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl From<Rc<str>> for Value {
    fn from(text: Rc<str>) -> Self {
        Self::Shared(text)
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Static(text),
            Cow::Owned(text) => Self::Owned(text),
        }
    }
}

/// All headers of a message, in the order in which they were added.
#[derive(Debug, Default, Clone)]
pub struct Headers(Vec<(Cow<'static, str>, Value)>);

impl Headers {
    /// The headers of a request to a provider. No header of the client or of an earlier attempt is forwarded.
    pub fn for_request(endpoint: &Endpoint, path: &str, length: usize) -> Self {
        let mut headers = Self(Vec::with_capacity(16));
        headers.add(":method", "POST");
        headers.add(":scheme", endpoint.scheme);
        headers.add(":authority", Rc::clone(&endpoint.authority));
        headers.add(":path", [&*endpoint.base_path, path].concat());
        headers.add("content-type", "application/json");
        headers.add("content-length", length.to_string());
        headers.add("accept-encoding", "identity");
        headers.add("user-agent", concat!("Switchboard/", env!("CARGO_PKG_VERSION")));
        headers
    }

    /// The headers of a request to a provider whose response is ignored.
    pub(super) fn for_any_answer(endpoint: &Endpoint) -> Self {
        let mut headers = Self::default();
        headers.add(":method", "HEAD");
        headers.add(":scheme", endpoint.scheme);
        headers.add(":authority", Rc::clone(&endpoint.authority));
        headers.add(":path", "/");
        headers.set_length(0);
        headers
    }

    /// The headers of a response to a client.
    pub fn for_answer(status: u16, content_type: &'static str) -> Self {
        let mut headers = Self(Vec::with_capacity(24));
        headers.add(":status", if status == 200 { "200".into() } else { Value::from(status.to_string()) });
        headers.add("content-type", content_type);
        headers
    }

    /// The headers of a stream to a client. Proxies must not cache or buffer it.
    pub(super) fn for_stream(content_type: &'static str) -> Self {
        let mut headers = Self::for_answer(200, content_type);
        headers.add("cache-control", "no-cache");
        headers.add("x-accel-buffering", "no");
        headers
    }

    /// Sets a header, replacing an existing one.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>> + AsRef<str>, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(header, _)| *header == name.as_ref()) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Adds a header that is not set yet.
    pub(super) fn add(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
        let name = name.into();
        debug_assert!(self.0.iter().all(|(header, _)| *header != name), "duplicate header {name}");
        self.0.push((name, value.into()));
    }

    /// Sets `content-length`.
    pub fn set_length(&mut self, length: usize) {
        self.set("content-length", length.to_string());
    }

    /// Changes `content-length`, if it is set.
    pub fn fit_length(&mut self, length: usize) {
        if self.get("content-length").is_some() {
            self.set_length(length);
        }
    }

    /// The value of a header.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(header, _)| *header == name).map(|(_, value)| value)
    }

    /// Removes a header.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(header, _)| header != name);
    }

    /// Iterates over names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The headers of a request to the gateway itself, which is always reachable. `scheme` is the attempt's.
    pub(super) fn for_ourselves(scheme: impl Into<Value>) -> Self {
        let mut headers = Self::default();
        headers.set(":method", "GET");
        headers.set(":scheme", scheme);
        headers.set(":authority", "localhost");
        headers.set(":path", "/health/liveliness");
        headers.set_length(0);
        headers
    }

    pub(super) fn into_pairs(self) -> Vec<(Cow<'static, str>, Value)> {
        self.0
    }
}

/// Adds `x-litellm-*` headers: what served the request and what it cost. A stream's cost is not known yet
/// when its headers are sent.
pub(super) fn answer_headers(headers: &mut Headers, call: &Call, endpoint: &Endpoint, usage: Option<&Usage>) {
    let shown = &endpoint.shown;
    let attempts = call.progress.borrow().attempts.len();
    headers.add("x-litellm-call-id", Rc::clone(&call.id));
    // The SDKs expose it as `_request_id`.
    headers.add("x-request-id", Rc::clone(&call.id));
    headers.add("x-litellm-model-id", Rc::clone(&shown.id));
    headers.add(
        "x-litellm-model-name",
        match call.model_of(endpoint) {
            Cow::Borrowed(_) => Rc::clone(&shown.model).into(),
            Cow::Owned(model) => Value::from([&*endpoint.deployment.provider, "/", &model].concat()),
        },
    );
    headers.add("x-litellm-model-group", Rc::clone(&shown.group));
    if !shown.api_base.is_empty() {
        headers.add("x-litellm-model-api-base", Rc::clone(&shown.api_base));
    }
    headers.add("x-litellm-version", concat!("switchboard-", env!("CARGO_PKG_VERSION")));
    for (name, value) in call.language.headers(&call.memo) {
        headers.add(name, value);
    }
    let fallbacks = call.way.borrow().fallbacks();
    headers.add("x-litellm-attempted-retries", small(attempts.saturating_sub(1 + fallbacks)));
    headers.add("x-litellm-attempted-fallbacks", small(fallbacks));
    let cost = usage.map(|usage| call.cost_of(endpoint, usage).unwrap_or_default());
    if let Some(cost) = cost {
        headers.add("x-litellm-response-cost", dollars(cost));
    }
    limit_headers(headers, call, cost.unwrap_or_default());
}

/// Formats a count that is usually 0.
fn small(count: usize) -> Value {
    if count == 0 { "0".into() } else { count.to_string().into() }
}

/// Copies headers of the provider's response: all of them with the prefix `llm_provider-`, and rate limits,
/// `x-should-retry` and `retry-after` also under their own names. `asked_ms` is when the request arrived.
pub(super) fn passed_on(headers: &mut Headers, head: Head, asked_ms: u64) {
    if let Some(wait) = RetryAfter::of(&head, asked_ms) {
        wait.write(headers);
    }
    for (name, value) in head.into_pairs() {
        let Ok(value) = String::from_utf8(value) else { continue };
        if name == "x-request-id" || name == "request-id" {
            headers.set("request-id", value.clone());
        }
        let hop_by_hop = matches!(
            &*name,
            "connection" | "content-length" | "keep-alive" | "set-cookie" | "transfer-encoding" | "upgrade"
        );
        if !hop_by_hop
            && !name.starts_with(':')
            && !name.starts_with("x-envoy-")
            && !name.starts_with("x-switchboard-")
        {
            let ours = ["llm_provider-", &name].concat();
            // SDKs read the second before the status.
            if name.starts_with("x-ratelimit-") || name == "x-should-retry" {
                headers.set(name, value.clone());
            }
            headers.set(ours, value);
        }
    }
}

/// Formats picodollars as dollars, exactly.
pub(super) fn dollars(pico: u64) -> String {
    let (whole, mut fraction) = (pico / 1_000_000_000_000, pico % 1_000_000_000_000);
    // Enough for most values, and for the `.0` that Python adds.
    let mut text = String::with_capacity(20);
    let written = write!(text, "{whole}");
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
    if fraction > 0 {
        text.push('.');
    }
    let mut unit = 100_000_000_000;
    while fraction > 0 {
        let digit = u8::try_from(fraction / unit).unwrap_or_default();
        text.push(char::from(b'0' + digit));
        fraction %= unit;
        unit /= 10;
    }
    text
}

/// Parses the output of [`dollars`].
pub(super) fn picodollars(dollars: &str) -> Option<u64> {
    let (whole, fraction) = dollars.split_once('.').unwrap_or((dollars, ""));
    let whole: u64 = whole.parse().ok()?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 12)?;
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(1_000_000_000_000)?.checked_add(fraction * 10_u64.pow(12 - digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_exactly() {
        assert_eq!(dollars(3_000_000_000), "0.003");
        assert_eq!(dollars(0), "0");
        assert_eq!(dollars(12_000_000_000_001), "12.000000000001");
    }

    #[test]
    fn money_is_read_back_as_it_was_written() {
        for pico in [0, 1, 999, 3_000_000_000, 12_000_000_000_001, 1_000_000_000_000, u64::MAX] {
            assert_eq!(picodollars(&dollars(pico)), Some(pico));
        }
        for text in ["", "x", "-1", "1.2345678901234", "99999999999999999999"] {
            assert_eq!(picodollars(text), None, "{text}");
        }
    }
}
