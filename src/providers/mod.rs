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
mod wordings;

use std::borrow::Cow;

use crate::dialects::Dialect;

pub use rows::PROVIDERS;
pub use wordings::{Said, WORDINGS, Wording};

/// A vendor.
pub struct Provider {
    /// `LiteLLM`'s name for it: the prefix before the slash in `litellm_params.model`.
    pub name: &'static str,
    /// Its dialect.
    pub dialect: &'static dyn Dialect,
    /// The default `api_base`; empty if it must be configured. `{name}` is replaced by an option's value.
    pub base: &'static str,
    /// Base URLs that override [`Self::base`] for some values of an option.
    pub other_bases: &'static [OtherBase],
    /// Environment variable that overrides [`Self::base`]; empty if there is none.
    pub base_env: &'static str,
    /// Default environment variable of the credential; empty if there is none.
    pub key_env: &'static str,
    /// Other variables for the credential, if [`Self::key_env`] is not set.
    pub other_key_envs: &'static [&'static str],
    /// The option (`LiteLLM`'s name) with the source of access tokens, if those are the credential; empty
    /// otherwise. [`Self::key_env`] is then its default variable.
    pub token_source: &'static str,
    /// Default options.
    pub options: &'static [Preset],
    /// How the credential is sent.
    pub auth: Auth,
    /// Headers that every request carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// Publishers whose models it serves with other dialects and paths; the first match counts.
    pub publishers: &'static [Publisher],
    /// Overrides for other addresses than the vendor's own: users give a vendor's name to every server that
    /// is compatible with it.
    pub elsewhere: Option<&'static Provider>,
}

/// A base URL for deployments with a certain option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherBase {
    /// `LiteLLM`'s name for the option.
    pub option: &'static str,
    /// Its value.
    pub value: &'static str,
    /// As [`Provider::base`].
    pub base: &'static str,
}

/// A publisher whose models another vendor serves.
pub struct Publisher {
    /// Prefixes of its models' names.
    pub models: &'static [&'static str],
    /// Their dialect.
    pub dialect: &'static dyn Dialect,
    /// The path between the vendor's base URL and the dialect's own path.
    pub path: &'static str,
    /// Headers of every request for them.
    pub headers: &'static [(&'static str, &'static str)],
    /// The API version, if it is in the body instead of a header, and the model is in the path instead of the
    /// body; empty otherwise.
    pub version: &'static str,
}

impl Provider {
    /// The publisher of a model, for vendors that serve several publishers' models.
    pub fn publisher(&self, model: &str) -> Option<&'static Publisher> {
        let fits = |publisher: &&Publisher| publisher.models.iter().any(|prefix| model.starts_with(prefix));
        self.publishers.iter().find(fits)
    }

    /// The path below the base URL, for a path of that model's dialect.
    pub fn path_of<'p>(&self, model: &str, path: &'p str) -> Cow<'p, str> {
        match self.publisher(model) {
            Some(publisher) => Cow::Owned(format!("{}{path}", publisher.path)),
            None => Cow::Borrowed(path),
        }
    }

    /// Headers of every request for that model.
    pub fn headers_of(&self, model: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let publishers = self.publisher(model).map(|publisher| publisher.headers).unwrap_or_default();
        self.headers.iter().chain(publishers)
    }

    /// The dialect of a model.
    pub fn dialect_of(&self, model: &str) -> &'static dyn Dialect {
        self.publisher(model).map_or(self.dialect, |publisher| publisher.dialect)
    }
}

/// How a credential is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer …`
    Bearer,
    /// `authorization: Bearer …`, if there is a credential; self-hosted servers may need none.
    BearerIfAny,
    /// The credential alone in this header.
    Header(&'static str),
    /// AWS: an API key as a bearer token, or otherwise a signature (version 4) for this service.
    Aws {
        /// The service's name in signatures.
        service: &'static str,
    },
    /// The same, unless the deployment's secrets contain a token with that name, which is sent as a bearer
    /// token.
    HeaderOrToken {
        /// The header of the credential.
        header: &'static str,
        /// `LiteLLM`'s name of the token.
        token: &'static str,
    },
    /// No credential.
    None,
}

/// An option of a deployment (`litellm_params.api_version` …) with a default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// `LiteLLM`'s name for it.
    pub name: &'static str,
    /// Environment variables with its value, in order of precedence.
    pub env: &'static [&'static str],
    /// Its value if no variable is set; empty if there is no default.
    pub value: &'static str,
}

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

/// Header with beta features of Claude, which clients and operators set; a list.
pub const FEATURES_HEADER: &str = "anthropic-beta";

/// The same in a body, for clouds without such a header; an array.
pub const FEATURES_FIELD: &str = "anthropic_beta";

/// Header with the version of Anthropic's API, which its clients set.
pub const VERSION_HEADER: &str = "anthropic-version";

/// The same in a body, for clouds without such a header.
pub const VERSION_FIELD: &str = "anthropic_version";

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
