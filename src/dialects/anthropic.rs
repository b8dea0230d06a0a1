//! Anthropic Messages.
use super::{Dialect, Outbound, Stream, Target};
use crate::frame::{Frame, Framing};
use crate::openai::{Answer, ChunkWriter, ErrorBody, Fault, Memo, Operation, Request};

/// The language of `api.anthropic.com/v1/messages`.
pub static ANTHROPIC: Anthropic = Anthropic;

/// See the module.
pub struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn operations(&self) -> &'static [Operation] {
        &[Operation::Chat, Operation::Completions]
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn request(&self, _: &Request<'_>, _: &Target<'_>, _: &mut Memo) -> Result<Outbound, ErrorBody> {
        Err(ErrorBody::ours("being written"))
    }

    fn answer(&self, _: &[u8], _: &Memo) -> Result<Answer, Fault> {
        Err(Fault::garbled("being written"))
    }

    fn error(&self, _: u16, _: &[u8]) -> Fault {
        Fault::garbled("being written")
    }

    fn stream(&self, _: &Memo) -> Box<dyn Stream> {
        Box::new(Translation)
    }
}

struct Translation;

impl Stream for Translation {
    fn frame(&mut self, _: Frame<'_>, _: &mut ChunkWriter) -> Result<(), Fault> {
        Ok(())
    }
}
