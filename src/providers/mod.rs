//! Who speaks what: one row per vendor, and no code.
//!
//! A vendor that speaks a known language is one row (`rows.rs`). `name` is `LiteLLM`'s prefix in
//! `litellm_params.model`.

mod accents;
#[cfg(test)]
mod example;
mod hosts;
mod rows;
mod wordings;

use std::borrow::Cow;

use crate::dialects::Dialect;

pub use rows::PROVIDERS;
pub use wordings::{Said, WORDINGS, Wording};

/// A vendor.
pub struct Provider {
    /// `LiteLLM`'s name for it: what stands before the slash in `litellm_params.model`.
    pub name: &'static str,
    /// What it speaks.
    pub dialect: &'static dyn Dialect,
    /// `api_base` where the configuration names none; empty where it must. `{name}` stands for an option's value.
    pub base: &'static str,
    /// Bases that go before [`Self::base`] for some values of an option.
    pub other_bases: &'static [OtherBase],
    /// Environment variable that goes before [`Self::base`]; empty where there is none.
    pub base_env: &'static str,
    /// Environment variable with the credential where the configuration names none; empty where there is none.
    pub key_env: &'static str,
    /// Other variables with the credential, which are read when [`Self::key_env`] is not set.
    pub other_key_envs: &'static [&'static str],
    /// The option (`LiteLLM`'s name) that holds what the key service fetches access tokens with, where they are the
    /// credential; empty otherwise. [`Self::key_env`] is then its usual variable.
    pub token_source: &'static str,
    /// Options where the configuration names none.
    pub options: &'static [Preset],
    /// How the credential is presented.
    pub auth: Auth,
    /// Headers that every request carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// Houses whose models it serves in their own languages, at paths of their own; the first that fits counts.
    pub publishers: &'static [Publisher],
    /// What it is at an address that is not the vendor's own, where that makes a difference: users give a vendor's name
    /// to every server that speaks its language.
    pub elsewhere: Option<&'static Provider>,
}

/// A base for deployments whose option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherBase {
    /// `LiteLLM`'s name of the option.
    pub option: &'static str,
    /// Its value.
    pub value: &'static str,
    /// As [`Provider::base`].
    pub base: &'static str,
}

/// A house whose models another vendor serves.
pub struct Publisher {
    /// How its models' names begin.
    pub models: &'static [&'static str],
    /// What they speak.
    pub dialect: &'static dyn Dialect,
    /// What stands between the vendor's base and the language's own path.
    pub path: &'static str,
    /// Headers that every request for them carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// The language's version, where the body tells it instead of a header, and the path names the model instead of
    /// the body; empty otherwise.
    pub version: &'static str,
}

impl Provider {
    /// Whose model that is, where the vendor serves several houses' models.
    pub fn publisher(&self, model: &str) -> Option<&'static Publisher> {
        let fits = |publisher: &&Publisher| publisher.models.iter().any(|prefix| model.starts_with(prefix));
        self.publishers.iter().find(fits)
    }

    /// The path below the base, of a path in that model's language.
    pub fn path_of<'p>(&self, model: &str, path: &'p str) -> Cow<'p, str> {
        match self.publisher(model) {
            Some(publisher) => Cow::Owned(format!("{}{path}", publisher.path)),
            None => Cow::Borrowed(path),
        }
    }

    /// Headers that every request for that model carries.
    pub fn headers_of(&self, model: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        let publishers = self.publisher(model).map(|publisher| publisher.headers).unwrap_or_default();
        self.headers.iter().chain(publishers)
    }

    /// What that model speaks.
    pub fn dialect_of(&self, model: &str) -> &'static dyn Dialect {
        self.publisher(model).map_or(self.dialect, |publisher| publisher.dialect)
    }
}

/// How a credential is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer …`
    Bearer,
    /// `authorization: Bearer …`, where there is a credential: a server of one's own may need none.
    BearerIfAny,
    /// The credential alone in this header.
    Header(&'static str),
    /// AWS: an API key as a bearer, or else a signature (version 4) under this service's name.
    Aws {
        /// The service's name in signatures.
        service: &'static str,
    },
    /// The same, unless the deployment's secrets hold a token of that name, which is a bearer's.
    HeaderOrToken {
        /// The header of the credential.
        header: &'static str,
        /// `LiteLLM`'s name of the token.
        token: &'static str,
    },
    /// No credential.
    None,
}

/// An option of a deployment (`litellm_params.api_version` …) that need not stand in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// `LiteLLM`'s name for it.
    pub name: &'static str,
    /// Environment variables with its value, tried in this order.
    pub env: &'static [&'static str],
    /// Its value where no variable is set; empty where there is no usual one.
    pub value: &'static str,
}

/// The row of that name.
pub fn find(name: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.name == name)
}

/// The row of that name for a deployment with this base URL.
pub fn find_at(name: &str, base: &str) -> Option<&'static Provider> {
    let row = find(name)?;
    Some(row.elsewhere.filter(|_| !is_within(host_of(base), host_of(row.base))).unwrap_or(row))
}

/// Host of a URL, without the port.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?']).next().unwrap_or_default()
}

/// Whether a host is the other one, or a region of it.
fn is_within(host: &str, other: &str) -> bool {
    host.strip_suffix(other).is_some_and(|region| region.is_empty() || region.ends_with('.'))
}

/// All names, for messages about an unknown one.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().map(|provider| provider.name)
}

/// The header by which clients and operators ask for features of Claude that are not yet general; a list.
pub const FEATURES_HEADER: &str = "anthropic-beta";

/// The same in a body, where a cloud has no such header; an array.
pub const FEATURES_FIELD: &str = "anthropic_beta";

/// Headers that some row can own: every attempt takes all of them away before it sets its own, because Envoy
/// gives a retry the headers of the attempt before it.
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
