//! A credential that the key service hands out, by its name.

use crate::config::Setting;

/// Where the key service finds the credentials, if it does not read `config.yaml`: JSON, without secrets.
pub const CREDENTIALS_ENV: &str = "SWITCHBOARD_CREDENTIALS";

/// A credential that the key service hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its name in the document.
    pub name: String,
    /// How it is obtained.
    pub kind: CredentialKind,
    /// `LiteLLM`'s settings for it. Of several with the same name, the first that is set counts.
    pub settings: Vec<(String, Setting)>,
    /// What it is for, as a path in `config.yaml`.
    pub purpose: String,
}

/// How a credential is obtained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// It is the value of its setting.
    Key,
    /// An API key of Bedrock, or keys of AWS.
    Aws,
    /// An API key of Azure, or an access token of Entra ID.
    Azure,
    /// An access token of Google.
    Google,
}

impl CredentialKind {
    /// Its name in [`CREDENTIALS_ENV`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Google => "google",
        }
    }
}
