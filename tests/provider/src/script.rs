//! What goes over one connection in answer to one request: a head, and acts in time.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// An answer, as the connection will carry it. Faults edit it.
#[derive(Clone, Debug)]
pub struct Script {
    /// Before anything is sent.
    pub delay: Duration,
    /// Status and headers; without them the connection is reset instead of answered.
    pub head: Option<(StatusCode, HeaderMap)>,
    /// What follows.
    pub acts: Vec<Act>,
}

/// One thing that happens on the connection after the head.
#[derive(Clone, Debug)]
pub enum Act {
    /// These bytes are sent at once. Of a stream: one event.
    Send(Bytes),
    /// Nothing is sent for so long.
    Wait(Duration),
    /// These bytes are sent, again and again, with that pause, until the peer goes away.
    Repeat(Bytes, Duration),
    /// Nothing is sent any more, and the connection stays open.
    Hang,
    /// The connection is reset (TCP RST).
    Reset,
}

impl Script {
    /// A whole answer, with its length.
    pub fn whole(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut script = Self::streamed(status, content_type, vec![body.clone()]);
        script.set("content-length", &body.len().to_string());
        script
    }

    /// An answer in pieces, of a length that nobody knows yet.
    pub fn streamed(status: u16, content_type: &str, pieces: Vec<Bytes>) -> Self {
        let mut script = Self {
            delay: Duration::ZERO,
            head: Some((StatusCode::from_u16(status).unwrap_or_default(), HeaderMap::new())),
            acts: pieces.into_iter().map(Act::Send).collect(),
        };
        script.set("content-type", content_type);
        script
    }

    /// Sets a header; nothing is done where there is no head, or where the value cannot stand in one.
    pub fn set(&mut self, name: &str, value: &str) {
        let Some((_, headers)) = &mut self.head else { return };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }

    /// Whether the answer is a stream of events.
    pub fn is_stream(&self) -> bool {
        self.head.as_ref().is_some_and(|(_, headers)| !headers.contains_key(header::CONTENT_LENGTH))
    }

    /// All bytes that it would send if nothing went wrong.
    pub fn bytes(&self) -> Vec<u8> {
        let sent = self.acts.iter().filter_map(|act| match act {
            Act::Send(bytes) => Some(&bytes[..]),
            _ => None,
        });
        sent.flatten().copied().collect()
    }
}
