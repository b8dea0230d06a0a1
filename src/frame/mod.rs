//! Splits bytes into frames: server-sent events, lines, and AWS event streams. Does not know JSON or vendors.
//!
//! A framer takes chunks as the network split them and returns complete frames. A frame inside a single chunk
//! is borrowed from it; only incomplete tails are copied, and scanning continues where it stopped.

mod beginning;
mod eventstream;
mod lines;
mod sse;

pub use beginning::{Beginning, is_event};
pub use eventstream::EventStream;
pub use lines::Lines;
pub use sse::Sse;

/// Maximum length of a frame, bytes. A longer one is not a valid response.
pub const FRAME_LIMIT: usize = 16 << 20;

/// How a stream is divided into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events (WHATWG HTML, section 9.2).
    Sse,
    /// One frame per line (NDJSON).
    Lines,
    /// AWS event stream messages.
    EventStream,
}

impl Framing {
    /// The media type of such a stream, for the `accept` header.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Lines => "application/x-ndjson",
            Self::EventStream => "application/vnd.amazon.eventstream",
        }
    }
}

/// An event of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name: SSE `event:`, or an AWS `:event-type`, `:exception-type` or `:error-code`; empty if
    /// the framing has none.
    pub event: &'a [u8],
    /// The event's payload.
    pub data: &'a [u8],
    /// The framing marks this as an error (AWS `:message-type`).
    pub exception: bool,
}

/// A stream that cannot be split into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A frame is longer than [`FRAME_LIMIT`].
    TooLarge,
    /// A checksum does not match.
    Damaged,
    /// Inconsistent lengths or headers.
    Malformed,
}

impl FrameError {
    /// A description that follows "the provider sent ".
    pub fn words(self) -> &'static str {
        match self {
            Self::TooLarge => "an unterminated stream event",
            Self::Damaged => "a corrupt stream event (checksum mismatch)",
            Self::Malformed => "a malformed stream event",
        }
    }
}

/// A framer for any framing.
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
    /// Creates a framer for the start of a stream.
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::Sse => Self::Sse(Sse::default()),
            Framing::Lines => Self::Lines(Lines::default()),
            Framing::EventStream => Self::EventStream(EventStream::default()),
        }
    }

    /// Takes the next chunk and passes on the frames that it completes.
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        match self {
            Self::Sse(sse) => sse.feed(chunk, &mut each),
            Self::Lines(lines) => lines.feed(chunk, &mut each),
            Self::EventStream(messages) => messages.feed(chunk, &mut each),
        }
    }

    /// Ends the stream and passes on a last frame that lacks only its end marker.
    pub fn end(&mut self, mut each: impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        match self {
            Self::Sse(sse) => sse.feed(b"\n\n", &mut each),
            Self::Lines(lines) => lines.feed(b"\n", &mut each),
            // A message has a length, so an incomplete one is not a frame.
            Self::EventStream(_) => Ok(()),
        }
    }
}
