//! Access tokens of Entra ID: with a client secret, a certificate, a federated token (workload identity), or the machine's
//! managed identity.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{ClientMethodOptions, ClientOptions, RetryOptions};
use azure_identity::{
    ClientAssertion, ClientAssertionCredential, ClientAssertionCredentialOptions, ClientSecretCredential,
    ClientSecretCredentialOptions, ManagedIdentityCredential, ManagedIdentityCredentialOptions,
    UserAssignedId, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use switchboard::secret::Secret;

use super::certificate::Certificate;
use super::http::{chain, transport};
use super::oidc;
use super::secrets::read_file;
use super::source::{Fetched, Inputs};

/// The scope of Azure OpenAI and Foundry.
const USUAL_SCOPE: &str = "https://cognitiveservices.azure.com/.default";

/// The setting that lets the machine's identity be used (`enable_azure_ad_token_refresh`).
pub(super) const MACHINE: &str = "machine";

/// The key or token that is written out; `None` if somebody must be asked.
pub(super) fn at_once(inputs: &Inputs) -> Option<Result<Fetched, ()>> {
    if let Some(token) = inputs.secret("azure_ad_token").filter(|token| !token.reveal().starts_with("oidc/"))
    {
        return Some(Ok(Fetched::token(token, None)));
    }
    if let Some(key) = inputs.secret("api_key") {
        return Some(Ok(Fetched::key(key)));
    }
    let asks = ["azure_ad_token", "client_secret", "certificate", "federated_token_file", MACHINE];
    (!asks.iter().any(|name| inputs.get(name).is_some())).then_some(Err(()))
}

/// Fetches a token.
pub(super) async fn token(inputs: &Inputs) -> Result<Fetched, String> {
    let credential = credential(inputs)?;
    let scope = inputs.get("azure_scope").unwrap_or(USUAL_SCOPE);
    let token = credential.get_token(&[scope], None).await.map_err(|error| chain(&error))?;
    let expires_at = u64::try_from(token.expires_on.unix_timestamp()).unwrap_or_default();
    Ok(Fetched::token(Secret::new(token.token.secret()), Some(expires_at)))
}

/// What to ask with. No credential is kept between fetches, because it would return the cached token.
fn credential(inputs: &Inputs) -> Result<Arc<dyn TokenCredential>, String> {
    let text = |name: &str| inputs.get(name).map(str::to_owned);
    let required = |name: &str| {
        let variable = name.to_ascii_uppercase();
        text(name).ok_or_else(|| format!("{name} is missing; set it, or AZURE_{variable}"))
    };
    let failed = |error: Error| chain(&error);
    let client_options = ClientOptions {
        transport: Some(transport()),
        retry: RetryOptions::none(),
        ..ClientOptions::default()
    };
    if let Some(token) = text("azure_ad_token") {
        let options = ClientAssertionCredentialOptions { client_options };
        let (tenant, client, assertion) = (required("tenant_id")?, required("client_id")?, Federated(token));
        return Ok(ClientAssertionCredential::new(tenant, client, assertion, Some(options)).map_err(failed)?);
    }
    if let Some(secret) = text("client_secret") {
        let options = ClientSecretCredentialOptions { client_options };
        let (tenant, client) = (required("tenant_id")?, required("client_id")?);
        return Ok(
            ClientSecretCredential::new(&tenant, client, secret.into(), Some(options)).map_err(failed)?
        );
    }
    if let Some(path) = text("certificate") {
        let options = ClientAssertionCredentialOptions { client_options };
        let (tenant, client) = (required("tenant_id")?, required("client_id")?);
        let pem = read_file(Path::new(&path)).ok_or_else(|| format!("cannot read the file {path}"))?;
        let certificate =
            Certificate::read(&pem, &tenant, &client).map_err(|why| format!("{path}: {why}"))?;
        return Ok(
            ClientAssertionCredential::new(tenant, client, certificate, Some(options)).map_err(failed)?
        );
    }
    if let Some(path) = text("federated_token_file") {
        let options = WorkloadIdentityCredentialOptions {
            credential_options: ClientAssertionCredentialOptions { client_options },
            client_id: Some(required("client_id")?),
            tenant_id: Some(required("tenant_id")?),
            token_file_path: Some(PathBuf::from(path)),
        };
        return Ok(WorkloadIdentityCredential::new(Some(options)).map_err(failed)?);
    }
    let user_assigned_id = text("client_id").map(UserAssignedId::ClientId);
    let options = ManagedIdentityCredentialOptions { user_assigned_id, client_options };
    Ok(ManagedIdentityCredential::new(Some(options)).map_err(failed)?)
}

/// An identity token of another issuer.
#[derive(Debug)]
struct Federated(String);

#[async_trait]
impl ClientAssertion for Federated {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        oidc::token(&self.0).map_err(|problem| Error::with_message(ErrorKind::Credential, problem))
    }
}
