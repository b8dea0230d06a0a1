//! Who speaks what: one row per vendor, and no code.
//!
//! A vendor that speaks a known language is one row here. `name` is `LiteLLM`'s prefix in `litellm_params.model`.

use crate::dialects::{ANTHROPIC, Dialect, MOCK, OPENAI};

/// A vendor.
pub struct Provider {
    /// `LiteLLM`'s name for it: what stands before the slash in `litellm_params.model`.
    pub name: &'static str,
    /// What it speaks.
    pub dialect: &'static dyn Dialect,
    /// `api_base` where the configuration names none; empty where it must.
    pub base: &'static str,
    /// Environment variable with the credential where the configuration names none; empty where there is none.
    pub key_env: &'static str,
    /// How the credential is presented.
    pub auth: Auth,
    /// Headers that every request carries.
    pub headers: &'static [(&'static str, &'static str)],
}

/// How a credential is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer …`
    Bearer,
    /// The credential alone in this header.
    Header(&'static str),
    /// No credential.
    None,
}

const fn row(
    name: &'static str,
    dialect: &'static dyn Dialect,
    base: &'static str,
    key_env: &'static str,
) -> Provider {
    Provider { name, dialect, base, key_env, auth: Auth::Bearer, headers: &[] }
}

/// Every vendor.
pub static PROVIDERS: &[Provider] = &[
    Provider {
        auth: Auth::Header("x-api-key"),
        // `2026-10-21` refuses `temperature`, `top_p` and `top_k` on every model.
        headers: &[("anthropic-version", "2023-06-01")],
        ..row("anthropic", &ANTHROPIC, "https://api.anthropic.com", "ANTHROPIC_API_KEY")
    },
    Provider { auth: Auth::None, ..row("mock", &MOCK, "", "") },
    row("openai", &OPENAI, "https://api.openai.com/v1", "OPENAI_API_KEY"),
];

/// The row of that name.
pub fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// All names, for messages about an unknown one.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name)
}

/// Headers that some row can own: every attempt takes all of them away before it sets its own, because Envoy
/// gives a retry the headers of the attempt before it.
pub const OWNED_HEADERS: &[&str] =
    &["anthropic-beta", "anthropic-version", "api-key", "authorization", "x-api-key", "x-goog-api-key"];
