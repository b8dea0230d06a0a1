//! Data for hosts of several makers' models: regional addresses, and the dialect of each maker.

use super::{OtherBase, Publisher, accents};
use crate::dialects::{ANTHROPIC, GEMINI, OPENAI};

/// Locations that are not regions.
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

/// Defaults for all publishers.
const HOUSE: Publisher = Publisher { models: &[""], dialect: &OPENAI, path: "", headers: &[], version: "" };

pub(super) const VERTEX_PUBLISHERS: &[Publisher] = &[
    Publisher {
        models: &["claude-"],
        dialect: &ANTHROPIC,
        path: "/publishers/anthropic",
        // `2026-10-21` rejects sampling here, too.
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
    // Endpoints of Model Garden, as LiteLLM names them: `openai/NUMBER`.
    Publisher {
        models: &[
            "openai/0", "openai/1", "openai/2", "openai/3", "openai/4", "openai/5", "openai/6", "openai/7",
            "openai/8", "openai/9",
        ],
        dialect: &accents::VERTEX_ENDPOINT,
        ..HOUSE
    },
    // Open models as a service: the model's name is `publisher/name-maas`.
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
    // Tuned models, which are named by the number of their endpoint.
    Publisher { models: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], dialect: &GEMINI, ..HOUSE },
    Publisher { dialect: &GEMINI, path: "/publishers/google", ..HOUSE },
];

/// Foundry serves Claude with Anthropic's API, under the same key as its other models.
pub(super) const AZURE_PUBLISHERS: &[Publisher] = &[Publisher {
    models: &["claude-"],
    dialect: &ANTHROPIC,
    path: "/anthropic",
    headers: &[("anthropic-version", "2023-06-01")],
    ..HOUSE
}];
