//! Newline-delimited frames (NDJSON, <https://github.com/ndjson/ndjson-spec>). Blank lines are skipped.

use super::{FRAME_LIMIT, Frame, FrameError};

/// Splits a stream at line feeds.
#[derive(Debug, Default)]
pub struct Lines {
    tail: Vec<u8>,
}

impl Lines {
    pub(super) fn feed(&mut self, chunk: &[u8], each: &mut impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        let mut rest = chunk;
        while let Some((line, after)) =
            memchr::memchr(b'\n', rest).and_then(|at| Some((rest.get(..at)?, rest.get(at + 1..)?)))
        {
            if self.tail.is_empty() {
                hand_out(line, each);
            } else {
                self.tail.extend_from_slice(line);
                hand_out(&self.tail, each);
                self.tail.clear();
            }
            rest = after;
        }
        if self.tail.len() + rest.len() > FRAME_LIMIT {
            return Err(FrameError::TooLarge);
        }
        self.tail.extend_from_slice(rest);
        Ok(())
    }
}

fn hand_out(line: &[u8], each: &mut impl FnMut(Frame<'_>)) {
    let data = line.trim_ascii();
    if !data.is_empty() {
        each(Frame { event: b"", data, exception: false });
    }
}
