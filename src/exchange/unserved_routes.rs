//! Routes that clients of OpenAI, of vendors and of `LiteLLM` try and that are not served: what to use instead.

use std::borrow::Cow;

use crate::inbound;
use crate::providers;
use crate::providers::own_routes::SEGMENTS;

/// Segments of a path, and what is said of them.
type Row = (&'static [&'static str], &'static str);

/// The first row counts that has a segment of the path.
const ROWS: &[Row] = &[
    (
        &["responses"],
        "See POST /v1/responses, and the paths /v1/responses/{id}, /v1/responses/input_tokens and /v1/responses/compact.",
    ),
    (
        &[
            "assistants",
            "audio",
            "batches",
            "containers",
            "conversations",
            "evals",
            "files",
            "fine_tuning",
            "images",
            "ocr",
            "realtime",
            "score",
            "threads",
            "uploads",
            "vector_stores",
            "videos",
        ],
        "This API is not supported.",
    ),
];

/// The same for the first segment alone, which is a common word.
const FIRST: &[Row] = &[
    (&["health"], "Use GET /health, /health/liveliness or /health/readiness."),
    (&["model"], "Use GET /model/info or POST /model/new."),
    (&["global"], "Use GET /spend/logs or GET /metrics."),
    (&["login", "sso"], "The console is at /ui. GET /docs describes the key API."),
];

/// Routes with their ends: a base URL that holds too much, or another, is the usual mistake.
const SERVED: &[(&str, &str)] = &[
    ("/messages", "Did you mean /v1/messages?"),
    ("/responses", "Did you mean /v1/responses?"),
    ("/chat/completions", "Did you mean /v1/chat/completions?"),
    ("/completions", "Did you mean /v1/completions?"),
    ("/embeddings", "Did you mean /v1/embeddings?"),
    ("/moderations", "Did you mean /v1/moderations?"),
    ("/rerank", "Did you mean /v1/rerank?"),
    ("/images/generations", "Did you mean /v1/images/generations?"),
    ("/audio/speech", "Did you mean /v1/audio/speech?"),
    ("/audio/transcriptions", "Did you mean /v1/audio/transcriptions?"),
    ("/audio/translations", "Did you mean /v1/audio/translations?"),
    ("/images/edits", "Did you mean /v1/images/edits?"),
    ("/models", "Did you mean /v1/models?"),
    (":generateContent", "Did you mean /v1beta/models/{model}:generateContent?"),
    (":streamGenerateContent", "Did you mean /v1beta/models/{model}:streamGenerateContent?"),
];

/// What to do instead of asking for a path that nobody answers.
#[cold]
pub(super) fn instead_of(path: &str) -> Cow<'static, str> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let has = |segment: &str| segments.clone().any(|known| known == segment);
    let row = |(segments, _): &&Row| segments.iter().any(|segment| has(segment));
    if inbound::generative_models(path).is_some_and(|rest| rest.contains(':')) {
        return "Models have the methods generateContent, streamGenerateContent, countTokens, embedContent and batchEmbedContents."
            .into();
    }
    if let Some((_, meant)) = SERVED.iter().find(|(end, _)| path.ends_with(end)) {
        return (*meant).into();
    }
    if let Some((_, said)) = ROWS.iter().find(row) {
        return (*said).into();
    }
    if let Some((_, whose)) = SEGMENTS.iter().find(|(segment, _)| has(segment)) {
        return format!("{whose} API is not supported. Use POST /v1/chat/completions.").into();
    }
    let first = segments.next().unwrap_or_default();
    if let Some((_, said)) = FIRST.iter().find(|(segments, _)| segments.contains(&first)) {
        return (*said).into();
    }
    if providers::names().any(|name| name == first) {
        return "Providers' own APIs are not passed through. Use POST /v1/chat/completions.".into();
    }
    "Available: POST /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/moderations, /v1/rerank, \
     /v1/images/generations, /v1/images/edits, \
     /v1/audio/speech, /v1/audio/transcriptions, /v1/audio/translations, /v1/responses, /v1/messages and \
     /v1beta/models/{model}:generateContent, and GET /v1/models."
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_route_is_known_under_every_base() {
        for (path, word) in [
            ("/v1/responses/resp_1/events", "/v1/responses/{id}"),
            ("/v1/v1/responses", "Did you mean /v1/responses?"),
            ("/v1/complete", "Anthropic"),
            ("/v1/audio/voices", "This API is not supported"),
            ("/v3/rerank", "Did you mean /v1/rerank?"),
            ("/v1beta/models/gemini-2.5-flash:predict", "methods generateContent,"),
            ("/models/gemini-2.5-flash:generateContent", "Did you mean /v1beta/models/"),
            ("/health/other", "GET /health,"),
            ("/model", "GET /model/info"),
            ("/vertex_ai/v1/projects", "passed through"),
            ("/bedrock/model/m/converse", "passed through"),
            ("/api/tags", "Ollama"),
            ("/v1/v1/chat/completions", "Did you mean /v1/chat/completions?"),
            ("/unknown", "Available: POST"),
            ("", "Available: POST"),
        ] {
            let said = instead_of(path);
            assert!(said.contains(word), "{path}: {said}");
        }
    }
}
