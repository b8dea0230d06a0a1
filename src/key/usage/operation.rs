//! Names of a request's `mode` elsewhere.

/// `gen_ai.operation.name` of a mode, where OpenTelemetry's conventions have one, or else the mode:
/// <https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/>.
pub fn operation_name(mode: &str) -> &'static str {
    match mode {
        "embedding" => "embeddings",
        "completion" => "text_completion",
        "moderation" => "moderation",
        "rerank" => "rerank",
        "image_generation" => "image_generation",
        "audio_speech" => "speech",
        "audio_transcription" => "transcription",
        "image_edit" => "image_edit",
        _ => "chat",
    }
}

/// `call_type` of a mode in `LiteLLM`'s spend log.
pub fn call_type(mode: &str) -> &str {
    match mode {
        "chat" => "acompletion",
        "completion" => "atext_completion",
        "embedding" => "aembedding",
        "moderation" => "amoderation",
        "rerank" => "arerank",
        "image_generation" => "aimage_generation",
        "audio_speech" => "aspeech",
        "audio_transcription" => "atranscription",
        "image_edit" => "aimage_edit",
        other => other,
    }
}
