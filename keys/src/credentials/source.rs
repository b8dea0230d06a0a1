//! What a credential is made from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use switchboard::key::Credential;
use switchboard::secret::Secret;

use super::secrets::{Known, read_file};
use super::{aws, azure, google};

/// A credential to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name in the filter's table.
    pub name: String,
    /// How it is obtained.
    pub kind: Kind,
    /// `LiteLLM`'s settings for it.
    pub settings: Vec<(String, Setting)>,
}

/// How a credential is obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first of its settings that is set.
    Key,
    /// An API key of Bedrock, or keys of AWS.
    Aws,
    /// An API key of Azure, or an access token of Entra ID.
    Azure,
    /// An access token of Google.
    Google,
}

/// A setting that is written out, or names a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The value itself.
    Literal(Secret),
    /// The variable with the value.
    Environment(String),
}

/// The values of a definition's settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Inputs(BTreeMap<String, Secret>);

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Inputs").field(&self.0.keys()).finish()
    }
}

impl Inputs {
    /// The value of a setting.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::reveal)
    }

    /// The same, hidden.
    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        self.0.get(name).cloned()
    }
}

/// A credential's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fetched {
    /// The API key, access token or secret access key.
    pub(super) value: Secret,
    pub(super) is_token: bool,
    pub(super) access_key_id: Option<Secret>,
    pub(super) session_token: Option<Secret>,
    /// Unix seconds.
    pub(super) expires_at: Option<u64>,
}

impl Fetched {
    /// An API key.
    pub(super) fn key(value: Secret) -> Self {
        Self { value, is_token: false, access_key_id: None, session_token: None, expires_at: None }
    }

    /// An access token.
    pub(super) fn token(value: Secret, expires_at: Option<u64>) -> Self {
        Self { is_token: true, expires_at, ..Self::key(value) }
    }

    /// Whether it cannot be used any longer, at that Unix time in seconds.
    pub(super) fn has_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }

    /// For the filter.
    pub(super) fn credential(&self, name: &str) -> Credential {
        Credential {
            name: name.to_owned(),
            value: Some(self.value.clone()),
            is_token: self.is_token,
            access_key_id: self.access_key_id.clone(),
            session_token: self.session_token.clone(),
            expires_at: self.expires_at,
            problem: None,
        }
    }
}

impl Definition {
    /// What its settings amount to.
    pub(super) fn inputs(&self, known: &Known) -> Inputs {
        let value = |(name, setting): &(String, Setting)| {
            let value = match setting {
                Setting::Literal(secret) => Some(secret.clone()),
                Setting::Environment(variable) => known.get(variable),
            }?;
            Some((name.clone(), self.kind.read(name, value)))
        };
        // Of several settings with the same name, the first that is set counts.
        let mut inputs = BTreeMap::new();
        for (name, value) in self.settings.iter().filter_map(value) {
            inputs.entry(name).or_insert(value);
        }
        Inputs(inputs)
    }

    /// The value, or why there is none, if nobody has to be asked.
    pub(super) fn at_once(&self, inputs: &Inputs) -> Option<Result<Fetched, String>> {
        match self.kind {
            Kind::Key => {}
            Kind::Aws => return aws::at_once(inputs).map(Ok),
            Kind::Azure => return Some(azure::at_once(inputs)?.map_err(|()| self.unset())),
            Kind::Google => return None,
        }
        let value = inputs.0.values().next().cloned().map(Fetched::key);
        Some(value.ok_or_else(|| self.unset()))
    }

    /// Which variables are not set.
    fn unset(&self) -> String {
        let variable = |(_, setting): &(String, Setting)| match setting {
            Setting::Environment(name) => Some(name.clone()),
            Setting::Literal(_) => None,
        };
        let names: Vec<String> = self.settings.iter().filter_map(variable).collect();
        match &names[..] {
            [] => "it is empty".to_owned(),
            [name] => format!("{name} is not set"),
            [name, ..] if self.kind == Kind::Azure => format!("{name} is not set, nor another credential"),
            names => format!("none of {} is set", names.join(", ")),
        }
    }
}

impl Kind {
    /// The value of a setting: of one that holds the path of a file, the file's text.
    fn read(self, name: &str, value: Secret) -> Secret {
        let path = value.reveal().trim();
        if (self, name) != (Self::Google, google::SETTING) || path.starts_with('{') {
            return value;
        }
        let text = read_file(Path::new(path));
        text.map_or(value, Secret::new)
    }

    /// Fetches a value from whoever issues it.
    pub(super) async fn fetch(self, inputs: &Inputs) -> Result<Fetched, String> {
        match self {
            Self::Aws => aws::keys(inputs).await,
            Self::Azure => azure::token(inputs).await,
            Self::Google => google::token(inputs).await,
            Self::Key => Err("there is nobody to ask".to_owned()),
        }
    }

    /// Its name in `SWITCHBOARD_CREDENTIALS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Google => "google",
        }
    }

    /// Who issues its values.
    pub(super) fn authority(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "Entra ID",
            Self::Google => "Google",
            Self::Key => "the source",
        }
    }
}
