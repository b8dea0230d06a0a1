//! What hosts of several houses' models need: addresses of places, and who speaks what there.

use super::{OtherBase, Publisher, accents};
use crate::dialects::{ANTHROPIC, GEMINI, OPENAI};

/// Places that are no region.
pub(super) const VERTEX_BASES: &[OtherBase] = &[
    OtherBase {
        option: "vertex_location",
        value: "global",
        base: "https://aiplatform.googleapis.com/v1/projects/{vertex_project}/locations/global",
    },
    OtherBase {
        option: "vertex_location",
        value: "us",
        base: "https://aiplatform.us.rep.googleapis.com/v1/projects/{vertex_project}/locations/us",
    },
    OtherBase {
        option: "vertex_location",
        value: "eu",
        base: "https://aiplatform.eu.rep.googleapis.com/v1/projects/{vertex_project}/locations/eu",
    },
];

/// What every house has that says nothing of it.
const HOUSE: Publisher = Publisher { models: &[""], dialect: &OPENAI, path: "", headers: &[], version: "" };

pub(super) const VERTEX_PUBLISHERS: &[Publisher] = &[
    Publisher {
        models: &["claude-"],
        dialect: &ANTHROPIC,
        path: "/publishers/anthropic",
        // `2026-10-21` refuses sampling here, too.
        version: "vertex-2023-10-16",
        ..HOUSE
    },
    Publisher {
        models: &["mistral-", "ministral-", "codestral-", "mistral_"],
        dialect: &accents::VERTEX_MISTRAL,
        path: "/publishers/mistralai",
        ..HOUSE
    },
    Publisher { models: &["jamba-"], dialect: &accents::VERTEX_AI21, path: "/publishers/ai21", ..HOUSE },
    // Open models as a service: the model is `house/name-maas`.
    Publisher {
        models: &[
            "deepseek-ai/",
            "google/gemma-",
            "meta/",
            "minimaxai/",
            "moonshotai/",
            "openai/",
            "qwen/",
            "zai-org/",
        ],
        path: "/endpoints/openapi",
        ..HOUSE
    },
    // Tuned models: the number of their endpoint.
    Publisher { models: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], dialect: &GEMINI, ..HOUSE },
    Publisher { dialect: &GEMINI, path: "/publishers/google", ..HOUSE },
];

/// Foundry serves Claude in Anthropic's language, under the key that its other models have.
pub(super) const AZURE_PUBLISHERS: &[Publisher] = &[Publisher {
    models: &["claude-"],
    dialect: &ANTHROPIC,
    path: "/anthropic",
    headers: &[("anthropic-version", "2023-06-01")],
    ..HOUSE
}];
