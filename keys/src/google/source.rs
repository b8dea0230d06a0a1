//! Sources of access tokens: a service account key, or the machine's default service account.

use std::fmt;
use std::sync::Arc;

use gcp_auth::{CustomServiceAccount, Token, TokenProvider};
use serde::Deserialize;
use switchboard::secret::Secret;

/// Variable with the comma-separated names of the variables that contain the sources.
pub const SOURCES_ENV: &str = "SWITCHBOARD_GOOGLE_CREDENTIALS";

/// The scope that Vertex AI requires.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

/// A source of access tokens.
#[derive(Clone)]
pub struct Source {
    /// Name of the variable, and of the token.
    pub name: String,
    /// Its value: JSON, or the path of a file; `None` for the machine's default service account.
    pub(super) value: Option<Secret>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// The sources named in the environment. `env` looks up a variable.
pub fn sources(env: impl Fn(&str) -> Option<String>) -> Vec<Source> {
    let names = env(SOURCES_ENV).unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let value = |name: &str| env(name).filter(|value| !value.trim().is_empty()).map(Secret::new);
    names.map(|name| Source { name: name.to_owned(), value: value(name) }).collect()
}

impl Source {
    /// Fetches a new token. No client is kept between fetches, because the library would return the cached
    /// token.
    pub(super) async fn token(&self) -> Result<Arc<Token>, String> {
        let Some(value) = &self.value else {
            let machine = gcp_auth::provider().await.map_err(|error| {
                format!("{} is not set, and this machine has no default service account: {error}", self.name)
            })?;
            return machine.token(SCOPES).await.map_err(|error| error.to_string());
        };
        let json = match value.reveal().trim() {
            json if json.starts_with('{') => json.to_owned(),
            path => std::fs::read_to_string(path)
                .map_err(|error| format!("{}: cannot read the file {path}: {error}", self.name))?,
        };
        check(&json).map_err(|problem| format!("{}: {problem}", self.name))?;
        let account = CustomServiceAccount::from_json(&json)
            .map_err(|error| format!("{} is not a service account: {error}", self.name))?;
        account.token(SCOPES).await.map_err(|error| error.to_string())
    }
}

/// Detects errors that the library reports badly.
fn check(json: &str) -> Result<(), String> {
    #[derive(Deserialize)]
    struct Account {
        #[serde(default, rename = "type")]
        kind: Option<String>,
        #[serde(default)]
        token_uri: Option<String>,
    }
    let account: Account = serde_json::from_str(json)
        .map_err(|_| "expected a path or the JSON of a service account".to_owned())?;
    if let Some(kind) = account.kind.filter(|kind| kind != "service_account") {
        return Err(format!("unsupported account type '{kind}'; use a service account key"));
    }
    match account.token_uri.map(|uri| uri.parse::<axum::http::Uri>()) {
        Some(Ok(uri)) if uri.host().is_some() => Ok(()),
        _ => Err("token_uri is not a valid URL".to_owned()),
    }
}
