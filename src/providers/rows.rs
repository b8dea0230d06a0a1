//! The rows, in the order of their names.

use super::{Auth, OtherBase, Preset, Provider, Publisher};
use crate::dialects::{ANTHROPIC, Dialect, GEMINI, MOCK, OPENAI};

const fn row(
    name: &'static str,
    dialect: &'static dyn Dialect,
    base: &'static str,
    key_env: &'static str,
) -> Provider {
    Provider {
        name,
        dialect,
        base,
        other_bases: &[],
        base_env: "",
        key_env,
        other_key_envs: &[],
        options: &[],
        auth: Auth::Bearer,
        headers: &[],
        publishers: &[],
    }
}

/// Every vendor.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        auth: Auth::Header("x-api-key"),
        // `2026-10-21` refuses `temperature`, `top_p` and `top_k` on every model.
        headers: &[("anthropic-version", "2023-06-01")],
        ..row("anthropic", &ANTHROPIC, "https://api.anthropic.com", "ANTHROPIC_API_KEY")
    },
    Provider {
        auth: Auth::Header("x-goog-api-key"),
        other_key_envs: &["GOOGLE_API_KEY"],
        base_env: "GEMINI_API_BASE",
        ..row("gemini", &GEMINI, "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY")
    },
    Provider { auth: Auth::None, ..row("mock", &MOCK, "", "") },
    row("openai", &OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Provider {
        other_bases: VERTEX_BASES,
        options: &[
            Preset { name: "vertex_project", env: &["VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"], value: "" },
            Preset { name: "vertex_location", env: &["VERTEXAI_LOCATION"], value: "us-central1" },
        ],
        publishers: VERTEX_PUBLISHERS,
        ..row(
            "vertex_ai",
            &GEMINI,
            "https://{vertex_location}-aiplatform.googleapis.com/v1/projects/{vertex_project}/locations/{vertex_location}",
            "",
        )
    },
];

/// Places that are no region.
const VERTEX_BASES: &[OtherBase] = &[
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

const VERTEX_PUBLISHERS: &[Publisher] = &[
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
