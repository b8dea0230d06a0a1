//! Detects the type of a body from its first bytes: servers and proxies send streams without a content type
//! or as JSON, and complete responses to requests for streams.

use super::{FRAME_LIMIT, Framing};

/// The type of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Not enough bytes yet.
    Unknown,
    /// A single document: JSON, or a proxy's page.
    Whole,
    /// A stream with this framing.
    Stream(Framing),
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl Framing {
    /// The type of a body that starts with these bytes, if a stream with this framing was requested. `last`
    /// says that no more bytes follow.
    pub fn beginning(self, bytes: &[u8], last: bool) -> Beginning {
        if self == Self::EventStream {
            // A message starts with its length. The first of its four bytes is 0, because no message is as
            // long as 16 MiB.
            return match bytes.first() {
                Some(b'{' | b'[' | b'<' | b' ' | b'\n' | b'\r') => Beginning::Whole,
                None if !last => Beginning::Unknown,
                _ => Beginning::Stream(self),
            };
        }
        let text = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
        match text.first() {
            None if !last => Beginning::Unknown,
            // An incomplete byte order mark.
            Some(0xef) if text.len() < BOM.len() && !last => Beginning::Unknown,
            Some(b'<' | b'[') => Beginning::Whole,
            Some(b'{') => self.object(text, last),
            _ if is_event(text) => Beginning::Stream(Self::Sse),
            _ => Beginning::Stream(self),
        }
    }
}

impl Framing {
    /// What begins with an object. A line of a stream is a whole one; a document that is written over several lines is
    /// not. Where events were asked for, one line alone is a document, and several are a stream all the same.
    fn object(self, text: &[u8], last: bool) -> Beginning {
        let Some(end) = memchr::memchr(b'\n', text) else {
            return match self {
                _ if !last && text.len() <= FRAME_LIMIT => Beginning::Unknown,
                Self::Lines if text.trim_ascii_end().ends_with(b"}") => Beginning::Stream(self),
                _ => Beginning::Whole,
            };
        };
        let (line, rest) = text.split_at_checked(end).unwrap_or_default();
        if !line.trim_ascii_end().ends_with(b"}") {
            return Beginning::Whole;
        }
        match (self, rest.trim_ascii_start().first()) {
            (Self::Sse, None) if !last => Beginning::Unknown,
            // `[DONE]` may come as it does in events.
            (Self::Lines, _) | (Self::Sse, Some(b'{' | b'[')) => Beginning::Stream(Self::Lines),
            _ => Beginning::Whole,
        }
    }
}

/// Whether a text starts like server-sent events.
pub fn is_event(text: &[u8]) -> bool {
    [&b"data:"[..], b"event:", b"id:", b"retry:", b":"].iter().any(|field| text.starts_with(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_told_by_its_first_bytes() {
        use Beginning::{Stream, Unknown, Whole};
        let (sse, lines, events) = (Framing::Sse, Framing::Lines, Framing::EventStream);
        for (framing, bytes, expected) in [
            (sse, &b""[..], Unknown),
            (sse, b" \r\n", Unknown),
            (sse, b"\xef", Unknown),
            (sse, b"data: {", Stream(sse)),
            (sse, b"\xef\xbb\xbfdata: {", Stream(sse)),
            (sse, b": ping", Stream(sse)),
            (sse, b"\n\n  {\"id\"", Unknown),
            (sse, b"{\n  \"id\": 1", Whole),
            (sse, b"{\"id\":1}\r\n", Unknown),
            (sse, b"{\"id\":1}\n{", Stream(lines)),
            (sse, b"{\"id\":1}\n\n[DONE]", Stream(lines)),
            (sse, b"{\"id\":1}\n<", Whole),
            (sse, b"[{\"error\"", Whole),
            (sse, b"<html>", Whole),
            (lines, b"{\"model\"", Unknown),
            (lines, b"{\"a\":1}\n{", Stream(lines)),
            (lines, b"{\n  \"a\": 1\n}", Whole),
            (lines, b"data: {}", Stream(sse)),
            (events, b"", Unknown),
            (events, b"\0\0\0\x7b", Stream(events)),
            (events, b"{\"message\"", Whole),
        ] {
            assert_eq!(framing.beginning(bytes, false), expected, "{framing:?} {bytes:?}");
        }
        assert_eq!(lines.beginning(b"{\"a\":1}", true), Stream(lines));
        assert_eq!(sse.beginning(b"{\"a\":1}", true), Whole);
        assert_eq!(sse.beginning(b"{\"a\":1}\n", true), Whole);
        assert_eq!(sse.beginning(b"", true), Stream(sse));
    }
}
