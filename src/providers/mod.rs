//! The providers and their dialects: one row per vendor, and no code.
//!
//! A vendor with an existing dialect is a single row (`rows.rs`). `name` is `LiteLLM`'s prefix in
//! `litellm_params.model`.

mod accents;
#[cfg(test)]
mod example;
mod hosts;
pub mod own_routes;
mod rows;

pub use rows::PROVIDERS;

pub use crate::dialect::{
    Auth, FEATURES_FIELD, FEATURES_HEADER, OtherBase, Preset, Provider, Publisher, VERSION_FIELD,
    VERSION_HEADER,
};

/// A row by name.
pub fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// A row by name, for a deployment with this base URL.
pub fn find_at(name: &str, base: &str) -> Option<&'static Provider> {
    let row = find(name)?;
    Some(row.elsewhere.filter(|_| !is_within(host_of(base), host_of(row.base))).unwrap_or(row))
}

/// The host of a URL, without the port.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or_default()
}

/// Whether a host is the other one, or a regional subdomain of it.
fn is_within(host: &str, other: &str) -> bool {
    host.strip_suffix(other).is_some_and(|region| region.is_empty() || region.ends_with('.'))
}

/// All names, for error messages.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name)
}

/// Headers that any row may set. Every attempt removes all of them before it sets its own, because Envoy
/// passes the headers of the previous attempt to a retry.
pub const OWNED_HEADERS: &[&str] = &[
    "anthropic-beta",
    "anthropic-version",
    "api-key",
    "api-subscription-key",
    "authorization",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-api-key",
    "x-goog-api-key",
    "x-snowflake-authorization-token-type",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_users_give_to_every_server_is_the_vendors_own_at_its_own_address_only() {
        let is_own = |base: &str| std::ptr::eq(find_at("openai", base).unwrap(), find("openai").unwrap());
        for own in ["https://api.openai.com/v1", "https://api.openai.com:443", "https://eu.api.openai.com/v1"]
        {
            assert!(is_own(own), "{own}");
        }
        for other in [
            "http://127.0.0.1:8000/v1",
            "https://api.openai.com.evil.example/v1",
            "https://notapi.openai.com",
        ] {
            assert!(!is_own(other), "{other}");
        }
        assert_eq!(find_at("openai", "http://vllm:8000").unwrap().name, "openai");
        assert!(std::ptr::eq(find_at("groq", "http://vllm:8000").unwrap(), find("groq").unwrap()));
    }
}
