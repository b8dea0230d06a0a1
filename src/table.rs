//! The table in memory: the parsed and validated [`Document`], joined with the vendors' rows and the
//! credentials.

use core::cell::Cell;
use core::fmt;
use std::borrow::Cow;
use std::rc::Rc;

use hashbrown::HashMap;
use sha2::{Digest as _, Sha256};

use crate::config::{Alias, Deployment, Document, Group, KeyService, PART_HEADER, Price, Settings, VERSION};
use crate::credentials::{Held, Named};
use crate::hex::hex;
use crate::price_list::PriceList;
use crate::providers::{self, Provider};
use crate::route::Routes;
use crate::secret::Secret;
use crate::sigv4::{self, SigningKey};
use crate::tags::Subsets;

/// The basis of every decision. Immutable: a new configuration is a new table, and a request keeps the table
/// that admitted it.
#[derive(Debug)]
pub struct Table {
    /// How to reach the key service.
    pub keys: KeyService,
    /// Bearer token of the key service's internal port.
    pub internal_token: Secret,
    /// Marks parts of split requests. It is derived from the token of the key service's internal port, so
    /// nobody without that token can forge it.
    pub part_secret: Secret,
    /// The key with full access.
    pub master_key: Secret,
    /// Authenticates the ids of responses that providers keep. It is derived from the master key, so that they stay valid
    /// after a restart, and for every Envoy.
    pub seal_secret: Secret,
    /// Settings for all requests.
    pub settings: Settings,
    /// The models that clients can request.
    pub groups: Vec<Group>,
    /// Aliases of groups.
    pub aliases: Vec<Alias>,
    /// Maps model names to groups.
    pub routes: Routes,
    /// The credentials that its deployments name. This is the only part that changes.
    pub credentials: Named,
    endpoints: HashMap<String, Rc<Endpoint>>,
    /// By group.
    members: HashMap<String, Vec<Rc<Endpoint>>>,
    /// The parts of groups that serve requests with certain tags.
    subsets: Subsets,
}

/// A deployment with everything that a request to it needs.
pub struct Endpoint {
    /// The configured deployment.
    pub deployment: Deployment,
    /// A short hash of its id, for names of what it keeps.
    pub tag: String,
    /// Its vendor.
    pub provider: &'static Provider,
    /// Index of its credential in [`Table::credentials`], if the key service hands it out.
    pub handed_out: Option<usize>,
    /// Its credential from the environment; `None` if the variable is not set.
    pub credential: Option<Secret>,
    /// Its other credentials from the environment by their `LiteLLM` names.
    pub secrets: Vec<(String, Secret)>,
    /// Its extra headers with their values.
    pub headers: Vec<(String, HeaderValue)>,
    /// Today's signing key, if requests are signed.
    pub signing_key: SigningKey,
    /// `http` or `https`, from `api_base`.
    pub scheme: &'static str,
    /// `host[:port]` of `api_base`.
    pub authority: Rc<str>,
    /// Path of `api_base`, without a trailing slash.
    pub base_path: String,
    /// What clients see of it.
    pub shown: Shown,
    /// Prices of models that are only named by a request or a response.
    pub prices: Rc<PriceList>,
    /// Index in the price list of the model that its last response named, if the deployment's own name has no
    /// price. The next response is expected to cost the same.
    pub usual_price: Cell<Option<usize>>,
}

/// The value of an extra header.
#[derive(Debug)]
pub enum HeaderValue {
    /// The value itself.
    Known(Secret),
    /// The index of a credential in [`Table::credentials`].
    HandedOut(usize),
}

/// What clients see of a deployment. It is part of every response, so it is shared.
pub struct Shown {
    /// Its id.
    pub id: Rc<str>,
    /// `provider/model`, possibly with a `*`.
    pub model: Rc<str>,
    /// Its group, by its public name.
    pub group: Rc<str>,
    /// Its `api_base`.
    pub api_base: Rc<str>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.deployment.id)
    }
}

/// An invalid document. The launcher checks all of this, but a hand-written document may be invalid.
#[derive(Debug)]
pub enum ConfigError {
    /// Not JSON, or not a document.
    Malformed(serde_json::Error),
    /// Written for another build.
    Version(u32),
    /// A deployment has an unknown provider.
    UnknownProvider {
        /// The deployment.
        deployment: String,
        /// The provider.
        provider: String,
    },
    /// A required environment variable is not set.
    MissingVariable(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "invalid plugin configuration: {error}"),
            Self::Version(version) => write!(
                f,
                "the plugin configuration has version {version}, but this build reads version {VERSION}; run `switchboard render` again"
            ),
            Self::UnknownProvider { deployment, provider } => {
                write!(f, "deployment '{deployment}': unknown provider '{provider}'")
            }
            Self::MissingVariable(name) => write!(
                f,
                "environment variable {name} is not set; set it for Envoy and list it in vm_config.environment_variables.host_env_keys"
            ),
        }
    }
}

impl Table {
    /// Parses a document. `env` looks up environment variables.
    ///
    /// A deployment without its credential is kept: its requests fail and fall back, as in `LiteLLM`.
    pub fn parse(document: &[u8], env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let document: Document = crate::json::read(document).map_err(ConfigError::Malformed)?;
        if document.version != VERSION {
            return Err(ConfigError::Version(document.version));
        }
        let required = |name: &str| {
            env(name)
                .filter(|value| !value.is_empty())
                .map(Secret::new)
                .ok_or_else(|| ConfigError::MissingVariable(name.to_owned()))
        };
        let internal_token = required(&document.keys.token_env)?;
        let master_key = required(&document.keys.master_key_env)?;
        let prices = Rc::new(PriceList::new(document.prices));
        let mut endpoints = HashMap::with_capacity(document.deployments.len());
        let mut members: HashMap<String, Vec<Rc<Endpoint>>> = HashMap::new();
        let mut credentials = Named::default();
        for deployment in document.deployments {
            let mut endpoint = Endpoint::new(deployment, &prices, &mut credentials, &env)?;
            let of_team = |group: &&Group| group.team_id.is_some() && group.name == endpoint.deployment.group;
            if let Some(group) = document.groups.iter().find(of_team) {
                endpoint.shown.group = group.public_name().into();
            }
            let endpoint = Rc::new(endpoint);
            let deployment = &endpoint.deployment;
            members.entry(deployment.group.clone()).or_default().push(Rc::clone(&endpoint));
            endpoints.insert(deployment.id.clone(), endpoint);
        }
        let mut routes = Routes::new(&document.groups, &document.aliases, document.catalog);
        for (at, group) in document.groups.iter().enumerate().filter(|(_, group)| !group.name.contains('*')) {
            if let Some([alone]) = members.get(&group.name).map(Vec::as_slice) {
                routes.add_id(&alone.deployment.id, group.team_id.as_deref(), at);
            }
        }
        let subsets = Subsets::new(&document.groups, |group| {
            members.get(group).into_iter().flatten().map(|endpoint| &endpoint.deployment)
        });
        for group in &document.groups {
            let Some(ids) = &group.subset else { continue };
            let own = ids.iter().filter_map(|id| endpoints.get(id)).map(Rc::clone).collect();
            members.insert(group.name.clone(), own);
        }
        Ok(Self {
            routes,
            subsets,
            keys: document.keys,
            part_secret: sigv4::derived(&internal_token, PART_HEADER),
            internal_token,
            seal_secret: sigv4::derived(&master_key, "responses"),
            master_key,
            settings: document.settings,
            groups: document.groups,
            aliases: document.aliases,
            credentials,
            endpoints,
            members,
        })
    }

    /// A deployment by id.
    pub fn endpoint(&self, id: &str) -> Option<&Rc<Endpoint>> {
        self.endpoints.get(id)
    }

    /// All deployments, sorted by id.
    pub fn endpoints(&self) -> impl Iterator<Item = &Rc<Endpoint>> {
        let mut all: Vec<_> = self.endpoints.values().collect();
        all.sort_by(|a, b| a.deployment.id.cmp(&b.deployment.id));
        all.into_iter()
    }

    /// The value of an endpoint's extra header; `None` if it was not handed out. `now_ms` is Unix time in milliseconds.
    pub fn header<'v>(&self, value: &'v HeaderValue, now_ms: u64) -> Option<Cow<'v, str>> {
        match value {
            HeaderValue::Known(value) => Some(Cow::Borrowed(value.reveal())),
            HeaderValue::HandedOut(index) => match self.credentials.get(*index, now_ms) {
                Held::Good(value) => Some(Cow::Owned(value.secret().reveal().to_owned())),
                Held::Absent(_) | Held::Unknown => None,
            },
        }
    }

    /// The deployment with that [`Endpoint::tag`].
    pub fn tagged(&self, tag: &str) -> Option<&Rc<Endpoint>> {
        self.endpoints.values().find(|endpoint| endpoint.tag == tag)
    }

    /// The group that contains a group, or the group itself.
    pub fn whole<'t>(&'t self, group: &'t Group) -> &'t Group {
        let whole =
            group.part_of.as_ref().and_then(|name| self.groups.iter().find(|whole| whole.name == *name));
        whole.unwrap_or(group)
    }

    /// The group, or the part of it, that serves a request with these tags; `None` if none does. `turn` selects one of equals.
    pub fn serving<'t>(&self, group: usize, tags: impl FnOnce() -> Vec<&'t str>, turn: u64) -> Option<usize> {
        match self.settings.tag_filtering {
            Some(filtering) => self.subsets.find(group, &tags(), filtering.match_any, turn),
            None => Some(group),
        }
    }

    /// The deployments of a group.
    pub fn members(&self, group: &str) -> &[Rc<Endpoint>] {
        self.members.get(group).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Endpoint {
    /// The model's name at the provider, with its `*` replaced by `wildcard`.
    pub fn model<'e>(&'e self, wildcard: Option<&str>) -> Cow<'e, str> {
        match (wildcard, self.deployment.model.split_once('*')) {
            (Some(wildcard), Some((before, after))) => Cow::Owned([before, wildcard, after].concat()),
            _ => Cow::Borrowed(&self.deployment.model),
        }
    }

    /// The price of `model`: the deployment's own price, or the listed one. `model` is the provider's name.
    pub fn price(&self, model: &str) -> Option<&Price> {
        let listed = || self.prices.get(self.prices.find(&self.deployment.provider, model)?);
        self.deployment.price.as_ref().or_else(listed)
    }

    /// The expected price of a request: as [`Self::price`], or as for the last response.
    pub fn expected_price(&self, model: &str) -> Option<&Price> {
        self.price(model).or_else(|| self.prices.get(self.usual_price.get()?))
    }

    fn new(
        deployment: Deployment,
        prices: &Rc<PriceList>,
        credentials: &mut Named,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let name = if deployment.mock_response.is_some() { "mock" } else { &deployment.provider };
        let provider =
            providers::find_at(name, &deployment.api_base).ok_or_else(|| ConfigError::UnknownProvider {
                deployment: deployment.id.clone(),
                provider: deployment.provider.clone(),
            })?;
        let set = |name: &String| env(name).filter(|value| !value.is_empty()).map(Secret::new);
        let credential = deployment.api_key_env.as_ref().and_then(set);
        let secrets =
            deployment.secrets.iter().filter_map(|(name, variable)| Some((name.clone(), set(variable)?)));
        let secrets = secrets.collect();
        let handed_out = deployment.credential.as_deref().map(|name| credentials.add(name));
        let headers = deployment.headers.iter().filter_map(|header| {
            let known = header.value.as_deref().map(Secret::new);
            let value = match &header.credential {
                Some(name) => HeaderValue::HandedOut(credentials.add(name)),
                None => HeaderValue::Known(known.or_else(|| header.value_env.as_ref().and_then(set))?),
            };
            Some((header.name.to_ascii_lowercase(), value))
        });
        let headers = headers.collect();
        let (authority, base_path) = split_url(&deployment.api_base);
        Ok(Self {
            tag: hex(&Sha256::digest(deployment.id.as_bytes())).chars().take(16).collect(),
            provider,
            handed_out,
            credential,
            secrets,
            headers,
            signing_key: SigningKey::default(),
            scheme: if deployment.api_base.starts_with("http:") { "http" } else { "https" },
            authority: authority.into(),
            base_path,
            shown: Shown {
                id: (*deployment.id).into(),
                model: [&*deployment.provider, "/", &deployment.model].concat().into(),
                group: (*deployment.group).into(),
                api_base: (*deployment.api_base).into(),
            },
            prices: Rc::clone(prices),
            usual_price: Cell::default(),
            deployment,
        })
    }
}

/// Authority and path of a URL, the path without a trailing slash.
fn split_url(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    (authority.to_owned(), if path.is_empty() { String::new() } else { format!("/{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"version":1,
        "keys":{"cluster":"keys","token_env":"T","master_key_env":"M","sync_interval_ms":1000,"timeout_ms":500,"grace_s":60,"cache_size":10},
        "groups":[{"name":"a","cluster":"group:a"}],
        "deployments":[{"id":"d","group":"a","provider":"openai","model":"x","api_base":"https://h:1/v1/","api_key_env":"K"}]}"#;

    fn env(name: &str) -> Option<String> {
        ["T", "M"].contains(&name).then(|| name.to_lowercase())
    }

    #[test]
    fn a_missing_credential_leaves_the_deployment_in_the_table() {
        let table = Table::parse(DOCUMENT.as_bytes(), env).unwrap();
        let endpoint = table.endpoint("d").unwrap();
        assert_eq!(endpoint.credential, None);
        assert_eq!((&*endpoint.authority, endpoint.base_path.as_str()), ("h:1", "/v1"));
    }

    #[test]
    fn a_missing_master_key_an_unknown_provider_and_another_version_are_refused() {
        let error = |document: &str, env: fn(&str) -> Option<String>| {
            Table::parse(document.as_bytes(), env).unwrap_err().to_string()
        };
        assert!(error(DOCUMENT, |_| None).contains("environment variable T is not set"));
        assert!(error(&DOCUMENT.replace("openai", "opnai"), env).contains("unknown provider 'opnai'"));
        assert!(error(&DOCUMENT.replace(":1,", ":7,"), env).contains("version 7"));
        assert!(error("{", env).contains("invalid plugin configuration"));
    }

    #[test]
    fn credentials_do_not_show_in_debug_output() {
        let table = Table::parse(DOCUMENT.as_bytes(), |_| Some("hush".into())).unwrap();
        assert!(!format!("{table:?}").contains("hush"));
    }
}
