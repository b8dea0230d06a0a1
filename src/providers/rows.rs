//! The rows, in the order of their names.

use super::{Auth, Provider};
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
];
