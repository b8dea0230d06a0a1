//! A streamed answer on its way to the client.

use crate::dialects::{Dialect, Stream};
use crate::facts::{Class, Fault};
use crate::frame::{Framer, Framing};
use crate::key::UsageError;
use crate::openai::{ChunkWriter, Memo};

/// Chunks in, as the network cut them; the client's events out. How the chunks were cut makes no difference to
/// the bytes that come out.
pub struct Streaming {
    framer: Framer,
    stream: Box<dyn Stream>,
    out: ChunkWriter,
    provider: &'static str,
    error: Option<UsageError<'static>>,
}

impl Streaming {
    /// The beginning of an answer to that request in that dialect. `provider` is named in errors.
    pub fn new(dialect: &dyn Dialect, memo: &Memo, provider: &'static str) -> Self {
        Self {
            framer: Framer::new(dialect.framing()),
            stream: dialect.stream(memo),
            out: ChunkWriter::new(memo),
            provider,
            error: None,
        }
    }

    /// The stream is cut otherwise than its language says. To be called before the first chunk.
    pub(super) fn reframe(&mut self, framing: Framing) {
        self.framer = Framer::new(framing);
    }

    /// Translates the next chunk. The bytes are the client's until the next call.
    ///
    /// A stream that reports an error, cannot be read, or ends (`last`) without its terminal event, ends in an
    /// error event; what comes after an end is dropped.
    pub fn feed(&mut self, chunk: &[u8], last: bool) -> &[u8] {
        if let Some(fault) = self.read(chunk, last) {
            self.fail(&fault);
        }
        self.out.pending()
    }

    /// The same as long as nothing has been written: nothing may come of a chunk yet.
    ///
    /// # Errors
    /// A stream that goes wrong before its first event is an answer that may still be another one's.
    pub fn open(&mut self, chunk: &[u8], last: bool) -> Result<&[u8], Fault> {
        match self.read(chunk, last) {
            Some(fault) if self.out.pending().is_empty() => return Err(fault),
            Some(fault) => self.fail(&fault),
            None => {}
        }
        Ok(self.out.pending())
    }

    #[cold]
    fn fail(&mut self, fault: &Fault) {
        let body = fault.to_body(self.provider);
        self.error = Some(UsageError::new(fault.class.name(), &body.message));
        self.out.fail(&body);
    }

    fn read(&mut self, chunk: &[u8], last: bool) -> Option<Fault> {
        self.out.clear();
        let mut fault = None;
        let (stream, out) = (&mut self.stream, &mut self.out);
        let mut each = |frame: crate::frame::Frame<'_>| {
            if fault.is_none() && !out.ended() {
                fault = stream.frame(frame, out).err();
            }
        };
        let mut cut = self.framer.feed(chunk, &mut each);
        if last && cut.is_ok() {
            cut = self.framer.end(&mut each);
        }
        if let Err(error) = cut {
            fault = fault.or(Some(Fault::garbled(format!("the provider sent {}", error.words()))));
        }
        if last && fault.is_none() && !self.out.ended() {
            self.stream.end(&mut self.out);
            if !self.out.ended() {
                fault = Some(Fault::new(
                    Class::InternalServer,
                    "the provider's stream ended before the response was complete",
                ));
            }
        }
        fault
    }

    /// The error in which the stream has ended.
    pub fn error(&self) -> Option<&UsageError<'static>> {
        self.error.as_ref()
    }

    /// The writer, for what was used and produced so far.
    pub fn writer(&self) -> &ChunkWriter {
        &self.out
    }
}
