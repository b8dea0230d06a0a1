//! Authenticates a request to a provider. This is the last step, because a signature covers everything else.

pub mod sigv4;

use std::borrow::Cow;

use crate::access_tokens::Tokens;
use crate::exchange::Headers;
use crate::facts::Class;
use crate::providers::Auth;
use crate::secret::Secret;
use crate::table::Endpoint;

/// There is no credential. The operator or the token service is at fault, never the client.
#[derive(Debug)]
pub struct Absent {
    /// Determines retries and fallbacks.
    pub class: Class,
    /// What is missing, and for which deployment.
    pub message: String,
}

/// Adds the deployment's credential: from the environment, or an access token. `headers` are complete except
/// for it, `body` is the body that they describe, and `now_ms` is Unix time in milliseconds.
///
/// # Errors
/// There is no credential. Another deployment may have one, and a missing token may arrive soon.
pub fn present(
    auth: Auth,
    endpoint: &Endpoint,
    tokens: &Tokens,
    headers: &mut Headers,
    body: &[u8],
    now_ms: u64,
) -> Result<(), Absent> {
    match auth {
        Auth::None => {}
        Auth::BearerIfAny if endpoint.credential.is_none() => {}
        Auth::Bearer | Auth::BearerIfAny => {
            headers.set("authorization", bearer(&*credential(endpoint, tokens, now_ms)?));
        }
        Auth::Header(name) => headers.set(name, credential(endpoint, tokens, now_ms)?.reveal().to_owned()),
        Auth::HeaderOrToken { header, token } => match secret(endpoint, token) {
            Some(token) => headers.set("authorization", bearer(token)),
            None => headers.set(header, credential(endpoint, tokens, now_ms)?.reveal().to_owned()),
        },
        Auth::Aws { service } => aws(service, endpoint, headers, body, now_ms)?,
    }
    Ok(())
}

fn credential<'e>(endpoint: &'e Endpoint, tokens: &Tokens, now_ms: u64) -> Result<Cow<'e, Secret>, Absent> {
    if let Some(name) = &endpoint.deployment.access_token {
        return tokens.get(name, now_ms).map(Cow::Owned).ok_or_else(|| {
            tokens.want(name, now_ms);
            let id = &endpoint.deployment.id;
            let message = format!(
                "no access token for deployment '{id}': the key service could not fetch one with {name}; see its log"
            );
            Absent { class: Class::ServiceUnavailable, message }
        });
    }
    let variable = || endpoint.deployment.api_key_env.as_deref().unwrap_or("api_key");
    endpoint.credential.as_ref().map(Cow::Borrowed).ok_or_else(|| missing(endpoint, variable()))
}

/// One of the deployment's other credentials.
fn secret<'e>(endpoint: &'e Endpoint, name: &str) -> Option<&'e Secret> {
    endpoint.secrets.iter().find(|(secret, _)| secret == name).map(|(_, value)| value)
}

fn bearer(credential: &Secret) -> String {
    ["Bearer ", credential.reveal()].concat()
}

/// An API key if there is one; otherwise a signature.
fn aws(
    service: &str,
    endpoint: &Endpoint,
    headers: &mut Headers,
    body: &[u8],
    now_ms: u64,
) -> Result<(), Absent> {
    let secret = |name: &str| secret(endpoint, name);
    if let Some(key) = endpoint.credential.as_ref().or_else(|| secret("aws_bearer_token")) {
        headers.set("authorization", bearer(key));
        return Ok(());
    }
    let (Some(id), Some(key)) = (secret("aws_access_key_id"), secret("aws_secret_access_key")) else {
        let unset = endpoint.deployment.secrets.iter().filter(|(name, _)| secret(name).is_none());
        let unset =
            unset.filter(|(name, _)| name != "aws_session_token").map(|(_, variable)| variable.as_str());
        let mut names: Vec<&str> = Vec::new();
        for name in endpoint.deployment.api_key_env.as_deref().into_iter().chain(unset) {
            names.insert(names.partition_point(|other| *other <= name), name);
        }
        return Err(missing(endpoint, &names.join(", ")));
    };
    let region = endpoint.deployment.options.iter().find(|(option, _)| option == "aws_region_name");
    let region = region.map(|(_, region)| region.as_str()).unwrap_or_default();
    let (token, signing_key) = (secret("aws_session_token"), &endpoint.signing_key);
    let signer = sigv4::Signer { id, key, token, region, service, signing_key };
    signer.sign(headers, body, now_ms);
    Ok(())
}

/// A missing variable stays missing, so a retry at this deployment would fail as well.
fn missing(endpoint: &Endpoint, variables: &str) -> Absent {
    let id = &endpoint.deployment.id;
    let message = if variables.is_empty() {
        format!("no credential is configured for deployment '{id}'")
    } else {
        format!("no credential for deployment '{id}': {variables} not set")
    };
    Absent { class: Class::Authentication, message }
}
