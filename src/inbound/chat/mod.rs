//! `OpenAI`'s formats: `/chat/completions`, `/completions`, `/embeddings` …, and Cohere's `/rerank`. They are the common
//! format, so requests are not translated.

mod chunk;
mod completion;
mod form;
mod parts;
mod streamed;

pub use chunk::ChunkWriter;
pub use completion::CompletionWriter;

use std::borrow::Cow;

use super::{Common, Events, Language, Streamed, Whole};
use crate::openai::{ErrorBody, Memo, Operation};

/// `/chat/completions`
pub static CHAT: OpenAi = OpenAi(Operation::Chat);
/// `/completions`
pub static COMPLETIONS: OpenAi = OpenAi(Operation::Completions);
/// `/embeddings`
pub static EMBEDDINGS: OpenAi = OpenAi(Operation::Embeddings);

/// `/moderations`
pub static MODERATIONS: OpenAi = OpenAi(Operation::Moderations);
/// `/rerank`
pub static RERANK: OpenAi = OpenAi(Operation::Rerank);

/// `/images/generations`
pub static IMAGES: OpenAi = OpenAi(Operation::Images);
/// `/audio/speech`
pub static SPEECH: OpenAi = OpenAi(Operation::Speech);

/// `/audio/transcriptions`
pub static TRANSCRIPTIONS: OpenAi = OpenAi(Operation::Transcriptions);
/// `/audio/translations`
pub static TRANSLATIONS: OpenAi = OpenAi(Operation::Translations);
/// `/images/edits`
pub static IMAGE_EDITS: OpenAi = OpenAi(Operation::ImageEdits);

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
        // Cohere's version of its own.
        BASES.contains(&base) || self.model(base).is_some() || base == "/v2" && self.0 == Operation::Rerank
    }

    fn model<'p>(&self, base: &'p str) -> Option<&'p str> {
        // A model's name may contain slashes (`anthropic/claude`).
        let model = base.strip_prefix("/engines/").or_else(|| base.strip_prefix("/openai/deployments/"));
        model.filter(|model| !model.is_empty())
    }

    fn operation(&self) -> Operation {
        self.0
    }

    fn request<'b>(&self, body: Cow<'b, [u8]>) -> Result<Common<'b>, ErrorBody> {
        if self.0.is_form() {
            form::fields(self.0, &body).map(Cow::Owned).map(Into::into)
        } else {
            Ok(body.into())
        }
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
