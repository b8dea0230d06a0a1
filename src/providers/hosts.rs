//! What hosts of several houses' models need: addresses of places, and who speaks what there.

use super::{OtherBase, Publisher};
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

pub(super) const VERTEX_PUBLISHERS: &[Publisher] = &[
    Publisher {
        models: &["claude-"],
        dialect: &ANTHROPIC,
        path: "/publishers/anthropic",
        // `2026-10-21` refuses sampling here, too.
        version: "vertex-2023-10-16",
    },
    // Open models as a service: the model is `house/name-maas`.
    Publisher {
        models: &["deepseek-ai/", "meta/", "minimaxai/", "moonshotai/", "openai/", "qwen/", "zai-org/"],
        dialect: &OPENAI,
        path: "/endpoints/openapi",
        version: "",
    },
    // Tuned models: the number of their endpoint.
    Publisher {
        models: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        dialect: &GEMINI,
        path: "",
        version: "",
    },
    Publisher { models: &[""], dialect: &GEMINI, path: "/publishers/google", version: "" },
];
