//! A provider: where its API is, how a request is authenticated, and which dialect its models speak.

use std::borrow::Cow;

use super::Dialect;

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

/// Header with beta features of Claude, which clients and operators set; a list.
pub const FEATURES_HEADER: &str = "anthropic-beta";

/// The same in a body, for clouds without such a header; an array.
pub const FEATURES_FIELD: &str = "anthropic_beta";

/// Header with the version of Anthropic's API, which its clients set.
pub const VERSION_HEADER: &str = "anthropic-version";

/// The same in a body, for clouds without such a header.
pub const VERSION_FIELD: &str = "anthropic_version";
