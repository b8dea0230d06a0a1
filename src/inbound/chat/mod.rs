//! `OpenAI`'s formats: `/chat/completions`, `/completions` and `/embeddings`. They are the common format, so
//! requests are not translated.

mod chunk;
mod completion;
mod parts;
mod streamed;

pub use chunk::ChunkWriter;
pub use completion::CompletionWriter;

use super::{Events, Language, Streamed, Whole};
use crate::openai::{Memo, Operation};

/// `/chat/completions`
pub static CHAT: OpenAi = OpenAi(Operation::Chat);
/// `/completions`
pub static COMPLETIONS: OpenAi = OpenAi(Operation::Completions);
/// `/embeddings`
pub static EMBEDDINGS: OpenAi = OpenAi(Operation::Embeddings);

/// One of `OpenAI`'s formats.
pub struct OpenAi(Operation);

impl Language for OpenAi {
    fn name(&self) -> &'static str {
        self.0.mode()
    }

    fn endpoint(&self) -> &'static str {
        self.0.route()
    }

    fn is_at(&self, base: &str, _: &str) -> bool {
        BASES.contains(&base) || self.model(base).is_some()
    }

    fn model<'p>(&self, base: &'p str) -> Option<&'p str> {
        // A model's name may contain slashes (`anthropic/claude`).
        let model = base.strip_prefix("/engines/").or_else(|| base.strip_prefix("/openai/deployments/"));
        model.filter(|model| !model.is_empty())
    }

    fn operation(&self) -> Operation {
        self.0
    }

    fn whole<'m>(&self, memo: &'m Memo) -> Box<dyn Whole + 'm> {
        Box::new(CompletionWriter::new(memo))
    }

    fn events(&self, memo: &Memo) -> Box<dyn Events> {
        Box::new(ChunkWriter::new(memo))
    }

    fn streamed(&self) -> Option<Streamed> {
        Some(streamed::streamed)
    }
}

/// Base paths: none, `OpenAI`'s `/v1`, Azure's `/openai/v1`, and that of its older SDKs.
const BASES: [&str; 4] = ["", "/openai/v1", "/openai", "/v1"];
