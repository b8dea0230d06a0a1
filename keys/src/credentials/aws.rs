//! Keys of AWS: written out, from a profile, of a role, or those of the machine (web identity, EKS pod identity, ECS, EC2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::meta::ProviderChainError;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use switchboard::secret::Secret;

use super::http::{Adapter, chain};
use super::source::{Fetched, Inputs};
use super::{now, oidc};

/// The region of STS, if there is none.
const USUAL_REGION: &str = "us-east-1";

/// Timeout of one request.
const TIME_OUT: Duration = Duration::from_secs(5);

/// The bearer token or the keys that are written out; `None` if somebody must be asked.
pub(super) fn at_once(inputs: &Inputs) -> Option<Fetched> {
    if let Some(bearer) = inputs.secret("api_key") {
        return Some(Fetched::key(bearer));
    }
    let asks = ["aws_role_name", "aws_web_identity_token", "aws_profile_name"];
    if asks.iter().any(|name| inputs.get(name).is_some()) {
        return None;
    }
    let (id, key) = (inputs.secret("aws_access_key_id")?, inputs.secret("aws_secret_access_key")?);
    let session_token = inputs.secret("aws_session_token");
    Some(Fetched { access_key_id: Some(id), session_token, ..Fetched::key(key) })
}

/// Fetches keys.
pub(super) async fn keys(inputs: &Inputs) -> Result<Fetched, String> {
    let get = |name: &str| inputs.get(name).map(str::to_owned);
    let time_out = TimeoutConfig::builder().operation_attempt_timeout(TIME_OUT).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(Adapter::new())
        .retry_config(RetryConfig::disabled())
        .timeout_config(time_out);
    if let Some(region) = get("aws_region_name") {
        loader = loader.region(Region::new(region));
    }
    if let Some(profile) = get("aws_profile_name") {
        loader = loader.profile_name(profile);
    } else if let (Some(id), Some(key)) = (get("aws_access_key_id"), get("aws_secret_access_key")) {
        let keys = Credentials::new(id, key, get("aws_session_token"), None, "configuration");
        loader = loader.credentials_provider(keys);
    }
    let config = loader.load().await;
    let role = get("aws_role_name").filter(|role| get("aws_web_identity_token").is_some() || !is_own(role));
    let Some(role) = role else {
        let provider = config.credentials_provider().ok_or("no source of AWS credentials is configured")?;
        let keys = provider.provide_credentials().await.map_err(|error| not_found(&error))?;
        let session_token = keys.session_token().map(str::to_owned);
        return Ok(fetched(keys.access_key_id(), keys.secret_access_key(), session_token, keys.expiry()));
    };
    let mut sts = aws_sdk_sts::config::Builder::from(&config);
    if config.region().is_none() {
        sts = sts.region(Region::new(USUAL_REGION));
    }
    if let Some(endpoint) = get("aws_sts_endpoint") {
        sts = sts.endpoint_url(endpoint);
    }
    let sts = aws_sdk_sts::Client::from_conf(sts.build());
    let session = get("aws_session_name").unwrap_or_else(|| format!("switchboard-{}", now()));
    let keys = if let Some(token) = get("aws_web_identity_token") {
        let asked = sts.assume_role_with_web_identity().role_arn(role).role_session_name(session);
        let asked = asked.web_identity_token(oidc::token(&token)?);
        asked.send().await.map_err(|error| said(&error))?.credentials
    } else {
        let asked = sts.assume_role().role_arn(role).role_session_name(session);
        let asked = asked.set_external_id(get("aws_external_id"));
        asked.send().await.map_err(|error| said(&error))?.credentials
    };
    let keys = keys.ok_or("STS has returned no credentials")?;
    let expiry = SystemTime::try_from(keys.expiration).ok();
    Ok(fetched(&keys.access_key_id, &keys.secret_access_key, Some(keys.session_token), expiry))
}

/// Whether the machine has this role already: it need not be assumed, and perhaps must not be.
fn is_own(role: &str) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && std::env::var("AWS_ROLE_ARN").is_ok_and(|own| own == role)
}

fn fetched(id: &str, key: &str, session_token: Option<String>, expiry: Option<SystemTime>) -> Fetched {
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Fetched {
        access_key_id: Some(Secret::new(id)),
        session_token: session_token.map(Secret::new),
        expires_at: expiry.map(seconds),
        ..Fetched::key(Secret::new(key))
    }
}

/// Why no source has keys, in one line.
fn not_found(error: &CredentialsError) -> String {
    use std::error::Error;

    let all = error.source().and_then(<dyn Error>::downcast_ref::<ProviderChainError<CredentialsError>>);
    let Some(all) = all else { return chain(error) };
    let sources = all.attempts().iter().map(|attempt| {
        let why = attempt.error().source().map_or_else(|| "not configured".to_owned(), chain);
        format!("{}: {why}", attempt.name())
    });
    format!("no source has credentials: {}", sources.collect::<Vec<_>>().join("; "))
}

/// What STS says, or why it cannot be asked.
fn said<E: ProvideErrorMetadata + std::error::Error + 'static, R: std::fmt::Debug>(
    error: &SdkError<E, R>,
) -> String {
    match error.as_service_error() {
        Some(service) => {
            let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
            format!("STS: {}: {}", text(service.code()), text(service.message()))
        }
        None => format!("STS: {}", chain(error)),
    }
}
