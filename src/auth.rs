//! Authenticates a request to a provider. This is the last step, because a signature covers everything else.

use std::rc::Rc;

use crate::credentials::{Held, Value};
use crate::facts::Class;
use crate::headers::Headers;
use crate::providers::Auth;
use crate::secret::Secret;
use crate::sigv4;
use crate::table::{Endpoint, Table};

/// There is no credential. The operator or the credential's source is at fault, never the client.
#[derive(Debug)]
pub struct Absent {
    /// Determines retries and fallbacks: a retry at this deployment would fail as well.
    pub class: Class,
    /// What is missing, and for which deployment.
    pub message: String,
    /// The name of a credential that was never handed out: the key service may have it.
    pub unknown: Option<String>,
}

/// Adds the deployment's credential: the one that the key service has handed out, or that of the environment. `headers`
/// are complete except for it, `body` is the body that they describe, and `now_ms` is Unix time in milliseconds. Returns
/// what was handed out and used.
///
/// # Errors
/// There is no credential. Another deployment may have one, and a missing one may arrive soon.
pub fn present(
    endpoint: &Endpoint,
    table: &Table,
    headers: &mut Headers,
    body: &[u8],
    now_ms: u64,
) -> Result<Option<Rc<Value>>, Absent> {
    let Some(index) = endpoint.handed_out.filter(|_| endpoint.provider.auth != Auth::None) else {
        return from_environment(endpoint, headers, body, now_ms).map(|()| None);
    };
    let name = table.credentials.name(index);
    let id = &endpoint.deployment.id;
    let absent = |problem: &str| Absent {
        class: Class::Authentication,
        message: format!("no credential for deployment '{id}': {name}: {problem}"),
        unknown: None,
    };
    let value = match table.credentials.get(index, now_ms) {
        Held::Good(value) => value,
        Held::Absent(_) if endpoint.provider.auth == Auth::BearerIfAny => return Ok(None),
        Held::Absent(problem) => return Err(absent(&problem)),
        Held::Unknown => {
            let absent = absent("the key service has not handed it out");
            return Err(Absent { unknown: Some(name.to_owned()), ..absent });
        }
    };
    match (&*value, endpoint.provider.auth) {
        (Value::Aws { id, key, token }, Auth::Aws { service }) => {
            sign(service, endpoint, (id, key, token.as_ref()), headers, body, now_ms);
        }
        (Value::Aws { .. }, _) => return Err(absent("this provider does not accept AWS signatures")),
        (Value::Key(key), Auth::Header(header) | Auth::HeaderOrToken { header, .. }) => {
            headers.set(header, key.reveal().to_owned());
        }
        (Value::Key(secret) | Value::Token(secret), _) => headers.set("authorization", bearer(secret)),
    }
    Ok(Some(value))
}

/// Adds the deployment's credential from the environment.
fn from_environment(
    endpoint: &Endpoint,
    headers: &mut Headers,
    body: &[u8],
    now_ms: u64,
) -> Result<(), Absent> {
    match endpoint.provider.auth {
        Auth::None => {}
        Auth::BearerIfAny if endpoint.credential.is_none() => {}
        Auth::Bearer | Auth::BearerIfAny => headers.set("authorization", bearer(credential(endpoint)?)),
        Auth::Header(name) => headers.set(name, credential(endpoint)?.reveal().to_owned()),
        Auth::HeaderOrToken { header, token } => match secret(endpoint, token) {
            Some(token) => headers.set("authorization", bearer(token)),
            None => headers.set(header, credential(endpoint)?.reveal().to_owned()),
        },
        Auth::Aws { service } => aws(service, endpoint, headers, body, now_ms)?,
    }
    Ok(())
}

fn credential(endpoint: &Endpoint) -> Result<&Secret, Absent> {
    let variable = || endpoint.deployment.api_key_env.as_deref().unwrap_or("api_key");
    endpoint.credential.as_ref().ok_or_else(|| missing(endpoint, variable()))
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
    sign(service, endpoint, (id, key, secret("aws_session_token")), headers, body, now_ms);
    Ok(())
}

fn sign(
    service: &str,
    endpoint: &Endpoint,
    (id, key, token): (&Secret, &Secret, Option<&Secret>),
    headers: &mut Headers,
    body: &[u8],
    now_ms: u64,
) {
    let region = endpoint.deployment.options.iter().find(|(option, _)| option == "aws_region_name");
    let region = region.map(|(_, region)| region.as_str()).unwrap_or_default();
    let signing_key = &endpoint.signing_key;
    sigv4::Signer { id, key, token, region, service, signing_key }.sign(headers, body, now_ms);
}

/// A missing variable stays missing, so a retry at this deployment would fail as well.
fn missing(endpoint: &Endpoint, variables: &str) -> Absent {
    let id = &endpoint.deployment.id;
    let message = if variables.is_empty() {
        format!("no credential is configured for deployment '{id}'")
    } else {
        format!("no credential for deployment '{id}': {variables} not set")
    };
    Absent { class: Class::Authentication, message, unknown: None }
}
