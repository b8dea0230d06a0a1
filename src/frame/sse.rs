//! Server-sent events, by the grammar of WHATWG HTML section 9.2.5:
//!
//! ```text
//! stream        = [ bom ] *event
//! event         = *( comment / field ) end-of-line
//! comment       = colon *any-char end-of-line
//! field         = 1*name-char [ colon [ space ] *any-char ] end-of-line
//! end-of-line   = ( cr lf / cr / lf )
//! ```
//!
//! Lines are split as bytes, so a character split by the network does no harm. `id` and `retry` are for
//! browsers that reconnect, and are skipped.

use super::{FRAME_LIMIT, Frame, FrameError};

/// Splits a stream of server-sent events.
#[derive(Debug, Default)]
pub struct Sse {
    /// The incomplete line.
    line: Vec<u8>,
    /// Fields of the incomplete event.
    event: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    /// The last chunk ended with a carriage return; a following line feed belongs to it.
    after_cr: bool,
    /// Whether the stream is past the point where a byte order mark may occur.
    begun: bool,
}

const BOM: &[u8] = b"\xef\xbb\xbf";

impl Sse {
    pub(super) fn feed(&mut self, chunk: &[u8], each: &mut impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        let mut rest = chunk;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        // The usual event is one `data:` line and one blank line in a single chunk: it is passed on without a
        // copy.
        let mut uncut: Option<&[u8]> = None;
        while let Some(end) = memchr::memchr2(b'\n', b'\r', rest) {
            let Some((line, mut after)) = rest.split_at_checked(end) else { break };
            let is_cr = after.first() == Some(&b'\r');
            after = after.get(1..).unwrap_or_default();
            if is_cr {
                match after.first() {
                    Some(b'\n') => after = after.get(1..).unwrap_or_default(),
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            rest = after;
            if self.line.is_empty() {
                let line = if self.begun { line } else { line.strip_prefix(BOM).unwrap_or(line) };
                self.begun = true;
                self.take_line(line, &mut uncut, each)?;
            } else {
                self.line.extend_from_slice(line);
                let whole = core::mem::take(&mut self.line);
                let line = if self.begun { &whole[..] } else { whole.strip_prefix(BOM).unwrap_or(&whole) };
                self.begun = true;
                // An incomplete line cannot be borrowed from the chunk, so its contents are copied.
                self.keep(&mut uncut);
                let mut said = None;
                self.take_line(line, &mut said, each)?;
                self.keep(&mut said);
                self.line = whole;
                self.line.clear();
            }
        }
        self.keep(&mut uncut);
        if self.line.len() + self.data.len() + rest.len() > FRAME_LIMIT {
            return Err(FrameError::TooLarge);
        }
        self.line.extend_from_slice(rest);
        Ok(())
    }

    fn take_line<'c>(
        &mut self,
        line: &'c [u8],
        uncut: &mut Option<&'c [u8]>,
        each: &mut impl FnMut(Frame<'_>),
    ) -> Result<(), FrameError> {
        if line.is_empty() {
            if let Some(data) = uncut.take() {
                each(Frame { event: &self.event, data, exception: false });
            } else if self.has_data {
                each(Frame { event: &self.event, data: &self.data, exception: false });
            }
            self.event.clear();
            self.data.clear();
            self.has_data = false;
            return Ok(());
        }
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let name = line.get(..colon).unwrap_or_default();
        let value = line.get(colon + 1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" if !self.has_data && uncut.is_none() => *uncut = Some(value),
            b"data" => {
                self.keep(uncut);
                if self.data.len() + value.len() > FRAME_LIMIT {
                    return Err(FrameError::TooLarge);
                }
                self.data.push(b'\n');
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.event.clear();
                self.event.extend_from_slice(value);
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, uncut: &mut Option<&[u8]>) {
        if let Some(data) = uncut.take() {
            self.data.extend_from_slice(data);
            self.has_data = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::frame::{Framer, Framing};

    fn events(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut framer = Framer::new(Framing::Sse);
        let mut seen = Vec::new();
        for chunk in chunks {
            framer
                .feed(chunk, |frame| {
                    seen.push((
                        String::from_utf8(frame.event.to_vec()).unwrap(),
                        String::from_utf8(frame.data.to_vec()).unwrap(),
                    ));
                })
                .unwrap();
        }
        seen
    }

    const STREAM: &str = "\u{feff}: hello\n\ndata: {\"a\":\"é😀\"}\n\nevent: ping\r\ndata:x\r\n\r\nevent: two\rdata: 1\rdata: 2\r\rid: 7\nretry: 9\ndata\n\ndata: last\n\n";

    fn expected() -> Vec<(String, String)> {
        [("", "{\"a\":\"é😀\"}"), ("ping", "x"), ("two", "1\n2"), ("", ""), ("", "last")]
            .map(|(event, data)| (event.to_owned(), data.to_owned()))
            .to_vec()
    }

    #[test]
    fn a_whole_stream_gives_its_events() {
        assert_eq!(events(&[STREAM.as_bytes()]), expected());
    }

    #[test]
    fn every_pair_of_cuts_gives_the_same_events() {
        let bytes = STREAM.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(events(&chunks), expected(), "cut at {first} and {second}");
            }
        }
    }

    #[test]
    fn byte_by_byte_gives_the_same_events() {
        let chunks: Vec<&[u8]> = STREAM.as_bytes().chunks(1).collect();
        assert_eq!(events(&chunks), expected());
    }

    #[test]
    fn an_event_without_its_blank_line_comes_at_the_end() {
        let mut framer = Framer::new(Framing::Sse);
        let mut seen = Vec::new();
        framer.feed(b"data: [DONE]", |_| panic!("not yet")).unwrap();
        framer.end(|frame| seen.push(frame.data.to_vec())).unwrap();
        assert_eq!(seen, [b"[DONE]".to_vec()]);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_cuts_give_the_same_events(
            bytes in proptest::collection::vec(proptest::sample::select(b"da:t \r\nevent{}".to_vec()), 0..120),
            cuts in proptest::collection::vec(0usize..120, 0..6),
        ) {
            let mut at: Vec<usize> = cuts.into_iter().filter(|cut| *cut <= bytes.len()).collect();
            at.sort_unstable();
            let mut chunks = Vec::new();
            let mut from = 0;
            for cut in at { chunks.push(&bytes[from..cut]); from = cut; }
            chunks.push(&bytes[from..]);
            prop_assert_eq!(events(&chunks), events(&[&bytes]));
        }
    }
}
