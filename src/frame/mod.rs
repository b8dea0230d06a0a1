//! Bytes to frames: server-sent events, lines, and AWS event streams. Knows no JSON and no vendor.
//!
//! A framer is fed chunks as the network cut them and hands out whole frames. A frame that lies inside one chunk
//! is borrowed from it; only a cut tail is copied, and scanning goes on where it stopped.

mod beginning;
mod eventstream;
mod lines;
mod sse;

pub use beginning::{Beginning, is_event};
pub use eventstream::EventStream;
pub use lines::Lines;
pub use sse::Sse;

/// The longest frame that is kept for its end, bytes. A longer one is no honest answer.
pub const FRAME_LIMIT: usize = 16 << 20;

/// How an upstream cuts its stream into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// One frame a line (NDJSON).
    Lines,
    /// AWS event stream messages.
    EventStream,
}

impl Framing {
    /// The media type of such a stream: what a request for one accepts.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Lines => "application/x-ndjson",
            Self::EventStream => "application/vnd.amazon.eventstream",
        }
    }
}

/// One event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name: SSE `event:`, or an AWS `:event-type`, `:exception-type` or `:error-code`; empty where the
    /// framing has none.
    pub event: &'a [u8],
    /// The event's payload.
    pub data: &'a [u8],
    /// The framing itself says that this is an error (AWS `:message-type`).
    pub exception: bool,
}

/// A stream that cannot be cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A frame is longer than [`FRAME_LIMIT`].
    TooLarge,
    /// A checksum does not match.
    Damaged,
    /// Lengths or headers contradict each other.
    Malformed,
}

impl FrameError {
    /// What the provider did, in words that go on from "the provider sent ".
    pub fn words(self) -> &'static str {
        match self {
            Self::TooLarge => "an unterminated stream event",
            Self::Damaged => "a corrupt stream event (checksum mismatch)",
            Self::Malformed => "a malformed stream event",
        }
    }
}

/// A framer of any kind.
#[derive(Debug)]
pub enum Framer {
    /// Server-sent events.
    Sse(Sse),
    /// Lines.
    Lines(Lines),
    /// AWS event stream messages.
    EventStream(EventStream),
}

impl Framer {
    /// A framer at the beginning of a stream.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(Sse::default()),
            Framing::Lines => Self::Lines(Lines::default()),
            Framing::EventStream => Self::EventStream(EventStream::default()),
        }
    }

    /// Takes the next chunk and hands out the frames that it completes.
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        match self {
            Self::Sse(sse) => sse.feed(chunk, &mut each),
            Self::Lines(lines) => lines.feed(chunk, &mut each),
            Self::EventStream(messages) => messages.feed(chunk, &mut each),
        }
    }

    /// Ends the stream and hands out a last frame that only lacked its end mark.
    pub fn end(&mut self, mut each: impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        match self {
            Self::Sse(sse) => sse.feed(b"\n\n", &mut each),
            Self::Lines(lines) => lines.feed(b"\n", &mut each),
            // A message knows its length: a part of one is none.
            Self::EventStream(_) => Ok(()),
        }
    }
}
