//! AWS event streams (`application/vnd.amazon.eventstream`): binary messages with two checksums.
//!
//! ```text
//! message = total:u32 headers:u32 crc32(these 8 bytes):u32  *header  payload  crc32(all before):u32
//! header  = length:u8 name  type:u8 value                   big-endian throughout
//! ```
//!
//! Source: <https://smithy.io/2.0/aws/amazon-eventstream.html>. The prelude is checked before anything is kept for
//! it: a length that is damaged or dishonest is an error at once, not a wait for bytes that never come. (The AWS
//! SDK's own decoder waits for up to 4 GB, and brings some twenty crates along.)

use super::{FRAME_LIMIT, Frame, FrameError};

/// Both lengths and their checksum.
const PRELUDE: usize = 12;
/// The message's checksum.
const TRAILER: usize = 4;

/// Splits a stream into messages by their lengths.
#[derive(Debug, Default)]
pub struct EventStream {
    tail: Vec<u8>,
}

impl EventStream {
    pub(super) fn feed(&mut self, chunk: &[u8], each: &mut impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        let mut rest = chunk;
        while !self.tail.is_empty() {
            let wanted = Prelude::read(&self.tail)?.map_or(PRELUDE, |prelude| prelude.total);
            let missing = wanted.saturating_sub(self.tail.len());
            let (taken, after) = rest.split_at_checked(missing).unwrap_or((rest, &[]));
            self.tail.extend_from_slice(taken);
            rest = after;
            if self.tail.len() < wanted {
                return Ok(());
            }
            if let Some(prelude) = Prelude::read(&self.tail)?
                && prelude.total == self.tail.len()
            {
                each(message(&self.tail, prelude)?);
                self.tail.clear();
            }
        }
        while let Some(prelude) = Prelude::read(rest)? {
            let Some((whole, after)) = rest.split_at_checked(prelude.total) else { break };
            each(message(whole, prelude)?);
            rest = after;
        }
        self.tail.extend_from_slice(rest);
        Ok(())
    }
}

/// The checked lengths of a message.
#[derive(Clone, Copy)]
struct Prelude {
    total: usize,
    headers: usize,
}

impl Prelude {
    /// Reads the prelude; `None` if it is incomplete.
    fn read(bytes: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some((&[lengths @ .., a, b, c, d], _)) = bytes.split_first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        if crc32fast::hash(&lengths) != u32::from_be_bytes([a, b, c, d]) {
            return Err(FrameError::Damaged);
        }
        let [t0, t1, t2, t3, h0, h1, h2, h3] = lengths;
        let total = u32::from_be_bytes([t0, t1, t2, t3]) as usize;
        let headers = u32::from_be_bytes([h0, h1, h2, h3]) as usize;
        if total > FRAME_LIMIT {
            return Err(FrameError::TooLarge);
        }
        if headers.saturating_add(PRELUDE + TRAILER) > total {
            return Err(FrameError::Malformed);
        }
        Ok(Some(Self { total, headers }))
    }
}

/// Reads a complete message.
fn message(bytes: &[u8], prelude: Prelude) -> Result<Frame<'_>, FrameError> {
    let Some((checked, trailer)) = bytes.split_last_chunk::<TRAILER>() else {
        return Err(FrameError::Malformed);
    };
    if crc32fast::hash(checked) != u32::from_be_bytes(*trailer) {
        return Err(FrameError::Damaged);
    }
    let body = checked.get(PRELUDE..).unwrap_or_default();
    let (headers, payload) = body.split_at_checked(prelude.headers).ok_or(FrameError::Malformed)?;
    let headers = Headers::read(headers).ok_or(FrameError::Malformed)?;
    Ok(match headers.message_type {
        b"exception" => Frame { event: headers.exception_type, data: payload, exception: true },
        // An error that the service did not model: its message is in a header, and the payload is empty.
        b"error" => Frame { event: headers.error_code, data: headers.error_message, exception: true },
        _ => Frame { event: headers.event_type, data: payload, exception: false },
    })
}

/// The headers that determine a message's type.
#[derive(Default)]
struct Headers<'a> {
    message_type: &'a [u8],
    event_type: &'a [u8],
    exception_type: &'a [u8],
    error_code: &'a [u8],
    error_message: &'a [u8],
}

impl<'a> Headers<'a> {
    fn read(mut rest: &'a [u8]) -> Option<Self> {
        let mut headers = Self::default();
        while let Some((length, after)) = rest.split_first() {
            if *length == 0 {
                return None;
            }
            let (name, after) = after.split_at_checked(usize::from(*length))?;
            let (kind, after) = after.split_first()?;
            let (value, after) = match kind {
                // true, false
                0 | 1 => (&[][..], after),
                // byte, short, integer, long, timestamp, UUID
                2 => after.split_at_checked(1)?,
                3 => after.split_at_checked(2)?,
                4 => after.split_at_checked(4)?,
                5 | 8 => after.split_at_checked(8)?,
                9 => after.split_at_checked(16)?,
                // bytes, string
                6 | 7 => {
                    let (length, after) = after.split_first_chunk()?;
                    after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?
                }
                _ => return None,
            };
            rest = after;
            match name {
                b":message-type" => headers.message_type = value,
                b":event-type" => headers.event_type = value,
                b":exception-type" => headers.exception_type = value,
                b":error-code" => headers.error_code = value,
                b":error-message" => headers.error_message = value,
                _ => {}
            }
        }
        Some(headers)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Framer, Framing};

    type Seen = (String, Vec<u8>, bool);

    fn frames(chunks: &[&[u8]]) -> Result<Vec<Seen>, FrameError> {
        let mut framer = Framer::new(Framing::EventStream);
        let mut seen = Vec::new();
        let mut each = |frame: Frame<'_>| {
            let event = String::from_utf8(frame.event.to_vec()).unwrap();
            seen.push((event, frame.data.to_vec(), frame.exception));
        };
        for chunk in chunks {
            framer.feed(chunk, &mut each)?;
        }
        framer.end(&mut each)?;
        Ok(seen)
    }

    fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        for (name, value) in headers {
            encoded.push(u8::try_from(name.len()).unwrap());
            encoded.extend_from_slice(name.as_bytes());
            encoded.push(7);
            encoded.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            encoded.extend_from_slice(value.as_bytes());
        }
        let total = u32::try_from(PRELUDE + encoded.len() + payload.len() + TRAILER).unwrap();
        let mut out = Vec::new();
        out.extend_from_slice(&total.to_be_bytes());
        out.extend_from_slice(&u32::try_from(encoded.len()).unwrap().to_be_bytes());
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out.extend_from_slice(&encoded);
        out.extend_from_slice(payload);
        out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
        out
    }

    /// An event and an exception as botocore wrote them.
    const STREAM: &str = "0000009e00000057fe1b824f0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070005\
        6576656e747b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a224869227d2c2270223a22616263227d9343f010\
        00000090000000618e91a9b70f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065070009\
        657863657074696f6e7b226d657373616765223a22546f6f206d616e79207265717565737473227de67f8005";

    fn stream() -> Vec<u8> {
        let digits: Vec<u8> = STREAM
            .bytes()
            .filter(|digit| !digit.is_ascii_whitespace())
            .map(|digit| u8::try_from((digit as char).to_digit(16).unwrap()).unwrap())
            .collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn expected() -> Vec<Seen> {
        vec![
            (
                "contentBlockDelta".into(),
                br#"{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abc"}"#.to_vec(),
                false,
            ),
            ("throttlingException".into(), br#"{"message":"Too many requests"}"#.to_vec(), true),
        ]
    }

    #[test]
    fn a_whole_stream_gives_its_events_and_exceptions() {
        assert_eq!(frames(&[&stream()]), Ok(expected()));
    }

    #[test]
    fn every_pair_of_cuts_gives_the_same_events() {
        let bytes = stream();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let chunks = [&bytes[..first], &bytes[first..second], &bytes[second..]];
                assert_eq!(frames(&chunks), Ok(expected()), "cut at {first} and {second}");
            }
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(frames(&single), Ok(expected()));
    }

    /// The AWS SDK for Rust's own test data.
    #[test]
    fn official_messages_are_read_or_refused() {
        macro_rules! vector {
            ($name:literal) => {
                include_bytes!(concat!("../../tests/vectors/eventstream/", $name))
            };
        }
        for whole in [
            &vector!("valid_with_all_headers_and_payload")[..],
            vector!("valid_empty_payload"),
            vector!("valid_no_headers"),
        ] {
            assert_eq!(frames(&[whole]).unwrap().len(), 1);
        }
        for damaged in [&vector!("invalid_prelude_checksum")[..], vector!("invalid_message_checksum")] {
            assert_eq!(frames(&[damaged]), Err(FrameError::Damaged));
        }
        for malformed in [
            &vector!("invalid_header_name_length")[..],
            vector!("invalid_header_name_length_too_long"),
            vector!("invalid_header_string_length_cut_off"),
            vector!("invalid_header_string_value_length"),
            vector!("invalid_header_value_type"),
            vector!("invalid_headers_length"),
        ] {
            // Their last checksum is wrong, too.
            assert!(frames(&[malformed]).is_err());
            let total = u32::from_be_bytes(*malformed.first_chunk().unwrap()) as usize;
            let mut sealed = malformed[..total - TRAILER].to_vec();
            sealed.extend_from_slice(&crc32fast::hash(&sealed).to_be_bytes());
            assert_eq!(frames(&[&sealed]), Err(FrameError::Malformed));
        }
    }

    #[test]
    fn damage_anywhere_is_told_from_a_message_that_is_not_complete() {
        let bytes = stream();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x20;
            assert_eq!(frames(&[&damaged]), Err(FrameError::Damaged), "byte {at}");
            assert!(frames(&[&bytes[..at]]).unwrap().len() < 2);
        }
    }

    #[test]
    fn a_length_that_is_no_honest_one_is_refused_before_its_bytes_come() {
        let prelude = |total: u32, headers: u32| {
            let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
            bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
            frames(&[&bytes])
        };
        assert_eq!(prelude(u32::MAX, 0), Err(FrameError::TooLarge));
        assert_eq!(prelude(100, 85), Err(FrameError::Malformed));
        assert_eq!(prelude(100, 84), Ok(vec![]));
        assert_eq!(prelude(15, 0), Err(FrameError::Malformed));
        assert_eq!(prelude(100, u32::MAX), Err(FrameError::Malformed));
    }

    #[test]
    fn an_error_that_is_not_modelled_has_its_words_in_a_header() {
        let headers =
            [(":message-type", "error"), (":error-code", "InternalError"), (":error-message", "Oh no")];
        let error = ("InternalError".to_owned(), b"Oh no".to_vec(), true);
        assert_eq!(frames(&[&encode(&headers, b"")]), Ok(vec![error]));
    }

    proptest! {
        #[test]
        fn any_messages_in_any_cuts_come_out_as_they_went_in(
            messages in proptest::collection::vec(("[a-zA-Z]{0,20}", proptest::collection::vec(any::<u8>(), 0..80)), 0..6),
            size in 1usize..64,
        ) {
            let bytes: Vec<u8> = messages.iter()
                .flat_map(|(event, data)| encode(&[(":event-type", event), (":message-type", "event")], data))
                .collect();
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            let seen = messages.into_iter().map(|(event, data)| (event, data, false)).collect();
            prop_assert_eq!(frames(&chunks), Ok(seen));
        }

        #[test]
        fn any_bytes_in_any_cuts_end_alike(bytes in proptest::collection::vec(any::<u8>(), 0..120), size in 1usize..16) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(frames(&chunks), frames(&[&bytes]));
        }
    }
}
