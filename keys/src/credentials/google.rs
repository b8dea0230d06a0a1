//! Access tokens of Google: from an account's JSON, or of the machine. A service account signs with RSA, which is too
//! expensive for a proxy worker.
//!
//! `gcp_auth` has service accounts, and the machine's own account. The other types of accounts are exchanges of one token
//! for another: <https://google.aip.dev/auth>.

use std::path::{Path, PathBuf};

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use futures_util::future::BoxFuture;
use gcp_auth::{CustomServiceAccount, TokenProvider as _};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use switchboard::secret::Secret;

use super::http::send;
use super::now;
use super::secrets::read_file;
use super::source::{Fetched, Inputs};

/// The setting with the account: JSON, or the path of a file.
pub(super) const SETTING: &str = "vertex_credentials";

/// The scope that Vertex AI requires.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where refresh tokens are exchanged, if the account does not say.
const USUAL_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// Variable with another address of the metadata server, as in Google's own libraries.
const METADATA_HOST_ENV: &str = "GCE_METADATA_HOST";

/// Fetches a new token.
pub(super) async fn token(inputs: &Inputs) -> Result<Fetched, String> {
    match inputs.get(SETTING).map(str::trim) {
        None => machine().await,
        Some(json) if json.starts_with('{') => account(json.to_owned()).await,
        Some(path) => Err(format!("cannot read the file {path}")),
    }
}

/// The token of the machine's own account: that of `gcloud auth application-default login`, or of the metadata server.
async fn machine() -> Result<Fetched, String> {
    if let Ok(host) = std::env::var(METADATA_HOST_ENV) {
        let path = "computeMetadata/v1/instance/service-accounts/default/token";
        let request = Request::get(format!("http://{host}/{path}")).header("metadata-flavor", "Google");
        let request = request.body(Bytes::new()).map_err(|_| format!("{METADATA_HOST_ENV} is not a host"))?;
        return granted(ask::<Granted>(request).await?);
    }
    let home = std::env::home_dir().unwrap_or_default();
    if let Some(json) = read_file(&home.join(".config/gcloud/application_default_credentials.json")) {
        return account(json).await;
    }
    let machine = gcp_auth::provider()
        .await
        .map_err(|error| format!("there is no default service account: {error}"))?;
    of_library(machine.token(&[SCOPE]).await)
}

fn of_library(token: Result<std::sync::Arc<gcp_auth::Token>, gcp_auth::Error>) -> Result<Fetched, String> {
    let token = token.map_err(|error| error.to_string())?;
    let expires_at = u64::try_from(token.expires_at().timestamp()).unwrap_or_default();
    Ok(Fetched::token(Secret::new(token.as_str()), Some(expires_at)))
}

/// An account's JSON, by its type.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Account {
    #[serde(rename = "service_account")]
    Service { token_uri: Option<String> },
    #[serde(rename = "authorized_user")]
    User(User),
    #[serde(rename = "external_account")]
    External(External),
    #[serde(rename = "impersonated_service_account")]
    Impersonated { service_account_impersonation_url: String, source_credentials: Value },
}

#[derive(Deserialize)]
struct User {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    token_uri: Option<String>,
}

#[derive(Deserialize)]
struct External {
    audience: String,
    subject_token_type: String,
    token_url: String,
    credential_source: CredentialSource,
    service_account_impersonation_url: Option<String>,
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    subject_token_field_name: Option<String>,
}

fn account(json: String) -> BoxFuture<'static, Result<Fetched, String>> {
    Box::pin(async move {
        // A message of the JSON parser may contain the text.
        let kind: Value = serde_json::from_str(&json)
            .map_err(|_| "expected a path or the JSON of a Google account".to_owned())?;
        let name = kind["type"].as_str().unwrap_or_default().to_owned();
        let account = serde_json::from_value(kind).map_err(|_| {
            let known = "service_account, authorized_user, external_account, impersonated_service_account";
            format!("type '{name}' is unknown, or fields are missing; supported types: {known}")
        })?;
        match account {
            Account::Service { token_uri } => {
                let uri = token_uri.map(|uri| uri.parse::<axum::http::Uri>());
                if !matches!(uri, Some(Ok(uri)) if uri.host().is_some()) {
                    return Err("token_uri is not a valid URL".to_owned());
                }
                let account = CustomServiceAccount::from_json(&json)
                    .map_err(|error| format!("not a service account: {error}"))?;
                of_library(account.token(&[SCOPE]).await)
            }
            Account::User(user) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", &user.client_id),
                    ("client_secret", &user.client_secret),
                    ("refresh_token", &user.refresh_token),
                ];
                let uri = user.token_uri.as_deref().unwrap_or(USUAL_TOKEN_URI);
                granted(ask::<Granted>(posted(uri, &form)?).await?)
            }
            Account::External(external) => external.token().await,
            Account::Impersonated { service_account_impersonation_url, source_credentials } => {
                let own = self::account(source_credentials.to_string()).await?;
                impersonated(&service_account_impersonation_url, &own).await
            }
        }
    })
}

impl External {
    /// Exchanges the token of another issuer: workload identity federation.
    async fn token(self) -> Result<Fetched, String> {
        let subject = self.credential_source.token().await?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("audience", &self.audience),
            ("scope", SCOPE),
            ("subject_token", &subject),
            ("subject_token_type", &self.subject_token_type),
        ];
        let own = granted(ask::<Granted>(posted(&self.token_url, &form)?).await?)?;
        match &self.service_account_impersonation_url {
            Some(url) => impersonated(url, &own).await,
            None => Ok(own),
        }
    }
}

impl CredentialSource {
    async fn token(self) -> Result<String, String> {
        let text = match (&self.file, &self.url) {
            (Some(path), _) => read_file(Path::new(path))
                .ok_or_else(|| format!("cannot read the file {}", path.display()))?,
            (None, Some(url)) => {
                let mut request = Request::get(url);
                for (name, value) in &self.headers {
                    request = request.header(name, value);
                }
                let request = request.body(Bytes::new()).map_err(|_| "credential_source.url is not a URL")?;
                String::from_utf8_lossy(&answer(request).await?).into_owned()
            }
            (None, None) => {
                return Err("credential_source has neither file nor url; others are not supported".to_owned());
            }
        };
        let Some(name) = self.format.and_then(|format| format.subject_token_field_name) else {
            return Ok(text.trim().to_owned());
        };
        let document: Value = serde_json::from_str(&text).unwrap_or_default();
        document[&name]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| format!("the subject token has no field {name}"))
    }
}

/// A token of a service account that another account may impersonate.
async fn impersonated(url: &str, own: &Fetched) -> Result<Fetched, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Impersonated {
        access_token: String,
        expire_time: String,
    }
    let body = json!({"scope": [SCOPE], "lifetime": "3600s"}).to_string();
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/json")
        .header(AUTHORIZATION, format!("Bearer {}", own.value.reveal()))
        .body(body.into());
    let request = request.map_err(|_| "service_account_impersonation_url is not a URL")?;
    let Impersonated { access_token, expire_time } = ask(request).await?;
    let expire_time: Timestamp = expire_time.parse().map_err(|_| "expireTime is not a time")?;
    let expires_at = u64::try_from(expire_time.as_second()).unwrap_or_default();
    Ok(Fetched::token(Secret::new(access_token), Some(expires_at)))
}

/// The response of a token endpoint.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[expect(clippy::unnecessary_wraps, reason = "the end of a chain of results")]
fn granted(Granted { access_token, expires_in }: Granted) -> Result<Fetched, String> {
    Ok(Fetched::token(Secret::new(access_token), Some(now() + expires_in)))
}

fn posted(uri: &str, form: &[(&str, &str)]) -> Result<Request<Bytes>, String> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    Request::builder()
        .method(Method::POST)
        .uri(uri)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.into())
        .map_err(|_| format!("'{uri}' is not a URL"))
}

async fn ask<T: DeserializeOwned>(request: Request<Bytes>) -> Result<T, String> {
    let body = answer(request).await?;
    serde_json::from_slice(&body).map_err(|_| "the response has no token".to_owned())
}

/// The body of a response, or what the error says, in the fields of OAuth (RFC 6749, section 5.2) or of Google's APIs.
async fn answer(request: Request<Bytes>) -> Result<Bytes, String> {
    let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let response = send(request).await?;
    let status = response.status();
    let body = response.into_body();
    if status.is_success() {
        return Ok(body);
    }
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let words = [&said["error"], &said["error_description"], &said["error"]["message"]];
    let words: Vec<String> = words.into_iter().filter_map(text).collect();
    Err(format!("{host}: {status}: {}", words.join(": ")))
}
