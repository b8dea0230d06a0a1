//! What a body is, by its first bytes: servers and proxies send streams without a content type or as JSON, and whole
//! answers to requests for streams.

use super::Framing;

/// What begins there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Too little is there to tell.
    Unknown,
    /// One document: JSON, or a proxy's page.
    Whole,
    /// A stream, cut that way.
    Stream(Framing),
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl Framing {
    /// What begins with these bytes, where a stream cut this way was asked for. `last` when nothing will follow.
    pub fn beginning(self, bytes: &[u8], last: bool) -> Beginning {
        if self == Self::EventStream {
            // A message begins with its length: 0 in the first of four bytes, for none is 16 MiB long.
            return match bytes.first() {
                Some(b'{' | b'[' | b'<' | b' ' | b'\n' | b'\r') => Beginning::Whole,
                None if !last => Beginning::Unknown,
                _ => Beginning::Stream(self),
            };
        }
        let text = bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start();
        match text.first() {
            None if !last => Beginning::Unknown,
            // A byte order mark that is not whole yet.
            Some(0xef) if text.len() < BOM.len() && !last => Beginning::Unknown,
            Some(b'<' | b'[') => Beginning::Whole,
            Some(b'{') if self == Self::Sse => Beginning::Whole,
            // A line of a stream is a whole object; a document that is written over several lines is not.
            Some(b'{') => match memchr::memchr(b'\n', text) {
                None if !last => Beginning::Unknown,
                end => {
                    let line = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
                    if line.trim_ascii_end().ends_with(b"}") {
                        Beginning::Stream(self)
                    } else {
                        Beginning::Whole
                    }
                }
            },
            _ if is_event(text) => Beginning::Stream(Self::Sse),
            _ => Beginning::Stream(self),
        }
    }
}

/// Whether a text begins as server-sent events do.
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
            (sse, b"\n\n  {\"id\"", Whole),
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
        assert_eq!(sse.beginning(b"", true), Stream(sse));
    }
}
