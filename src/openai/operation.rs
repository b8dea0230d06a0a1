//! What a client asks a model to do.

/// The operation that the client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `/chat/completions`
    Chat,
    /// `/completions`
    Completions,
    /// `/embeddings`
    Embeddings,
    /// `/moderations`
    Moderations,
    /// `/rerank`, Cohere's API
    Rerank,
    /// `/images/generations`
    Images,
    /// `/audio/speech`
    Speech,
    /// `/audio/transcriptions`
    Transcriptions,
    /// `/audio/translations`
    Translations,
    /// `/images/edits`
    ImageEdits,
}

impl Operation {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Moderations,
        Self::Rerank,
        Self::Images,
        Self::Speech,
        Self::Transcriptions,
        Self::Translations,
        Self::ImageEdits,
    ];

    /// `LiteLLM`'s route name, as used in its messages.
    pub fn route(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
            Self::Moderations => "/moderations",
            Self::Rerank => "/rerank",
            Self::Images => "/images/generations",
            Self::Speech => "/audio/speech",
            Self::Transcriptions => "/audio/transcriptions",
            Self::Translations => "/audio/translations",
            Self::ImageEdits => "/images/edits",
        }
    }

    /// `LiteLLM`'s `mode` of a model that serves it.
    pub fn mode(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completion",
            Self::Embeddings => "embedding",
            Self::Moderations => "moderation",
            Self::Rerank => "rerank",
            Self::Images => "image_generation",
            Self::Speech => "audio_speech",
            Self::Transcriptions | Self::Translations => "audio_transcription",
            Self::ImageEdits => "image_edit",
        }
    }

    /// The required fields besides `model`.
    pub fn required(self) -> &'static [&'static str] {
        match self {
            Self::Chat => &["messages"],
            Self::Completions | Self::Images => &["prompt"],
            Self::Embeddings | Self::Moderations | Self::Speech => &["input"],
            Self::Transcriptions | Self::Translations => &["file"],
            Self::ImageEdits => &["image", "prompt"],
            Self::Rerank => &["query", "documents"],
        }
    }

    /// Whether the model writes a text, which may be streamed, and whose length is not known before.
    pub fn generates_text(self) -> bool {
        matches!(self, Self::Chat | Self::Completions)
    }

    /// Whether the response is not JSON, and is passed on as it arrives.
    pub fn is_binary(self) -> bool {
        self == Self::Speech
    }

    /// Whether the request is a form (`multipart/form-data`), because it has files.
    pub fn is_form(self) -> bool {
        matches!(self, Self::Transcriptions | Self::Translations | Self::ImageEdits)
    }

    /// Whether the response may be another text than JSON, as the request wishes.
    pub fn is_transcript(self) -> bool {
        matches!(self, Self::Transcriptions | Self::Translations)
    }

    /// The model of a request without one, where the API has a default.
    pub fn default_model(self) -> Option<&'static str> {
        (self == Self::Moderations).then_some("omni-moderation-latest")
    }

    /// Whether a model with this `mode` (`model_info`, or the price map) may be asked for it. Chats, completions and
    /// embeddings are left to the provider: models serve several of them.
    pub fn suits(self, mode: &str) -> bool {
        let is_known = || Self::ALL.iter().any(|operation| operation.mode() == mode) || mode == "responses";
        // A model that draws also edits.
        let draws = self == Self::ImageEdits && mode == Self::Images.mode();
        self.generates_text() || self == Self::Embeddings || self.mode() == mode || draws || !is_known()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_another_mode_is_not_asked_unless_it_may_have_several() {
        assert!(Operation::Rerank.suits("rerank") && Operation::Rerank.suits("semantic_search"));
        assert!(!Operation::Rerank.suits("chat") && !Operation::Moderations.suits("rerank"));
        assert!(Operation::Chat.suits("rerank") && Operation::Embeddings.suits("chat"));
    }
}
