//! Azure: Entra ID, and the metadata service.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::{Value, json};

use super::{form, is_future, now, public_key};

pub(crate) fn router() -> Router {
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(configuration))
        .route("/metadata/identity/oauth2/token", get(metadata))
}

/// <https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc>
async fn configuration(Path(tenant): Path<String>) -> Json<Value> {
    let base = format!("https://login.microsoftonline.com/{tenant}");
    Json(json!({
        "issuer": format!("{base}/v2.0"),
        "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
        "token_endpoint": format!("{base}/oauth2/v2.0/token"),
    }))
}

/// <https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>
async fn token(Path(tenant): Path<String>, body: String) -> (StatusCode, Json<Value>) {
    let form = form(&body);
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let fails = |error: &str, description: &str| {
        let body = json!({"error": error, "error_description": description, "error_codes": [1]});
        (StatusCode::UNAUTHORIZED, Json(body))
    };
    if get("grant_type") != "client_credentials" {
        return fails("unsupported_grant_type", "AADSTS70003");
    }
    let how = match (form.get("client_secret").map(String::as_str), get("client_assertion")) {
        (Some("right"), _) => "secret".to_owned(),
        (Some(_), _) => return fails("invalid_client", "AADSTS7000215: Invalid client secret provided."),
        (None, "federated") => "federated".to_owned(),
        (None, assertion) if is_signed(assertion, &tenant, get("client_id")) => "certificate".to_owned(),
        _ => return fails("invalid_client", "AADSTS700027: Client assertion failed signature validation."),
    };
    let token = format!("{how} {} {}", get("client_id"), get("scope"));
    (StatusCode::OK, Json(json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token})))
}

/// <https://learn.microsoft.com/entra/identity-platform/certificate-credentials>. Older packages sign with RS256.
fn is_signed(assertion: &str, tenant: &str, client: &str) -> bool {
    let Some((text, signature)) = assertion.rsplit_once('.') else { return false };
    let part = |at: usize| -> Value {
        let decoded = BASE64.decode(text.split('.').nth(at).unwrap_or_default()).unwrap_or_default();
        serde_json::from_slice(&decoded).unwrap_or_default()
    };
    let (header, claims) = (part(0), part(1));
    let audience = format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token");
    let (algorithm, thumbprint): (&'static dyn VerificationAlgorithm, _) = match header["alg"].as_str() {
        Some("PS256") => (&RSA_PSS_2048_8192_SHA256, "x5t#S256"),
        Some("RS256") => (&RSA_PKCS1_2048_8192_SHA256, "x5t"),
        _ => return false,
    };
    let key = UnparsedPublicKey::new(algorithm, public_key());
    header[thumbprint].is_string()
        && claims["aud"] == audience
        && claims["iss"] == client
        && is_future(&claims["exp"])
        && key.verify(text.as_bytes(), &BASE64.decode(signature).unwrap_or_default()).is_ok()
}

/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>
async fn metadata(headers: HeaderMap, uri: Uri) -> (StatusCode, Json<Value>) {
    let query = form(uri.query().unwrap_or_default());
    if headers.get("metadata").is_none_or(|value| value != "true") || !query.contains_key("resource") {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "bad_request_102"})));
    }
    let client = query.get("client_id").map_or("the machine's own", String::as_str);
    let token = format!("machine {client} {}", query["resource"]);
    let body = json!({"access_token": token, "expires_in": "86400", "expires_on": (now() + 86_400).to_string(),
        "token_type": "Bearer", "resource": query["resource"]});
    (StatusCode::OK, Json(body))
}
