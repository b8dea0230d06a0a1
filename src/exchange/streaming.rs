//! Translates a streamed response.

use crate::dialects::{Dialect, Stream};
use crate::facts::{Class, Fault};
use crate::frame::{Framer, Framing};
use crate::inbound::{Events, Language};
use crate::key::UsageError;
use crate::openai::Memo;

/// Takes chunks as the network split them and produces the client's events. The output does not depend on how
/// the chunks were split.
pub struct Streaming {
    framer: Framer,
    stream: Box<dyn Stream>,
    out: Box<dyn Events>,
    provider: &'static str,
    error: Option<UsageError<'static>>,
}

impl Streaming {
    /// Starts a response in a dialect, for a client of that language. `provider` is the name used in errors.
    pub fn new(dialect: &dyn Dialect, language: &dyn Language, memo: &Memo, provider: &'static str) -> Self {
        Self {
            framer: Framer::new(dialect.framing()),
            stream: dialect.stream(memo),
            out: language.events(memo),
            provider,
            error: None,
        }
    }

    /// Sets another framing than the dialect's. Call it before the first chunk.
    pub(super) fn reframe(&mut self, framing: Framing) {
        self.framer = Framer::new(framing);
    }

    /// Translates the next chunk. The returned bytes are valid until the next call.
    ///
    /// A stream that reports an error, is invalid, or ends (`last`) without its terminal event, ends with an
    /// error event. Input after the end is ignored.
    pub fn feed(&mut self, chunk: &[u8], last: bool) -> &[u8] {
        if let Some(fault) = self.read(chunk, last) {
            self.fail(&fault);
        }
        self.out.pending()
    }

    /// Like [`Self::feed`], as long as nothing has been written; the result may be empty.
    ///
    /// # Errors
    /// The stream failed before its first event, so a retry is still possible.
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
        let (stream, out) = (&mut self.stream, &mut *self.out);
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
            self.stream.end(&mut *self.out);
            if !self.out.ended() {
                fault = Some(Fault::new(
                    Class::InternalServer,
                    "the provider's stream ended before the response was complete",
                ));
            }
        }
        fault
    }

    /// The error that ended the stream.
    pub fn error(&self) -> Option<&UsageError<'static>> {
        self.error.as_ref()
    }

    /// The writer, which knows the usage and the generated text so far.
    pub fn writer(&self) -> &dyn Events {
        &*self.out
    }
}
