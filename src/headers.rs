//! Header lists that replace all headers of a message: what is not in the list is not sent.

use core::ops::Deref;
use std::borrow::Cow;
use std::rc::Rc;

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
    pub fn for_request(scheme: &'static str, authority: Rc<str>, path: String, length: usize) -> Self {
        let mut headers = Self(Vec::with_capacity(16));
        headers.add(":method", "POST");
        headers.add(":scheme", scheme);
        headers.add(":authority", authority);
        headers.add(":path", path);
        headers.add("content-type", "application/json");
        headers.add("content-length", length.to_string());
        headers.add("accept-encoding", "identity");
        headers.add("user-agent", concat!("Switchboard/", env!("CARGO_PKG_VERSION")));
        headers
    }

    /// The headers of a request to a provider whose response is ignored.
    pub fn for_any_answer(scheme: &'static str, authority: Rc<str>) -> Self {
        let mut headers = Self::default();
        headers.add(":method", "HEAD");
        headers.add(":scheme", scheme);
        headers.add(":authority", authority);
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
    pub fn for_stream(content_type: &'static str) -> Self {
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
    pub fn add(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) {
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
    pub fn for_ourselves(scheme: impl Into<Value>) -> Self {
        let mut headers = Self::default();
        headers.set(":method", "GET");
        headers.set(":scheme", scheme);
        headers.set(":authority", "localhost");
        headers.set(":path", "/health/liveliness");
        headers.set_length(0);
        headers
    }

    /// The names and values.
    pub fn into_pairs(self) -> Vec<(Cow<'static, str>, Value)> {
        self.0
    }
}
