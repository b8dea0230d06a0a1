//! Google: token endpoints, and the metadata server. The account in a path is free, so that
//! each account has endpoints of its own.

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use super::{form, is_future, public_key};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The audience of assertions, which some packages write whatever the account's endpoint is.
const USUAL_AUDIENCE: &str = "https://oauth2.googleapis.com/token";

pub(crate) fn router() -> Router {
    let own = "/computeMetadata/v1/instance/service-accounts/default";
    Router::new()
        .route("/google/{account}/token", post(token))
        .route("/google/{account}/exchange", post(exchange))
        .route("/google/{account}/serviceAccounts/{target}", post(impersonate))
        .route("/google/{account}/subject", get(async || Json(json!({"token": "subject-of-a-url"}))))
        .route("/google/{account}/refresh", post(refresh))
        .route("/", get(async |headers: HeaderMap| metadata(&headers, json!("computeMetadata/"))))
        .route(&format!("{own}/"), get(machine))
        .route(&format!("{own}/token"), get(machine_token))
}

fn granted(token: &str) -> Value {
    json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"})
}

/// <https://developers.google.com/identity/protocols/oauth2/service-account#httprest>
async fn token(headers: HeaderMap, uri: Uri, body: String) -> (StatusCode, Json<Value>) {
    let form = form(&body);
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let audience = format!("http://{host}{}", uri.path());
    match claims(get("assertion")) {
        Some(claims)
            if get("grant_type") == "urn:ietf:params:oauth:grant-type:jwt-bearer"
                && (claims["aud"] == audience || claims["aud"] == USUAL_AUDIENCE)
                && claims["scope"] == SCOPE
                && is_future(&claims["exp"]) =>
        {
            let token = format!("service account {}", claims["iss"].as_str().unwrap_or_default());
            (StatusCode::OK, Json(granted(&token)))
        }
        _ => {
            let body = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
            (StatusCode::BAD_REQUEST, Json(body))
        }
    }
}

/// The claims of a JWT with a good signature (RS256).
fn claims(jwt: &str) -> Option<Value> {
    let (text, signature) = jwt.rsplit_once('.')?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key());
    key.verify(text.as_bytes(), &BASE64.decode(signature.trim_end_matches('=')).ok()?).ok()?;
    let claims = text.split('.').nth(1)?.trim_end_matches('=');
    serde_json::from_slice(&BASE64.decode(claims).ok()?).ok()
}

/// <https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>
async fn exchange(body: String) -> (StatusCode, Json<Value>) {
    let form = form(&body);
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange"
        || get("audience") != "//iam/pool"
    {
        let body = json!({"error": "invalid_grant", "error_description": "The audience does not match."});
        return (StatusCode::BAD_REQUEST, Json(body));
    }
    (StatusCode::OK, Json(granted(&format!("federated {}", get("subject_token")))))
}

/// <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
async fn impersonate(headers: HeaderMap, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let own = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    match own {
        Some(own) if body["scope"] == json!([SCOPE]) => {
            let body = json!({"accessToken": format!("impersonated by {own}"), "expireTime": "2099-01-01T00:00:00Z"});
            (StatusCode::OK, Json(body))
        }
        _ => (StatusCode::FORBIDDEN, Json(json!({"error": {"message": "Permission denied."}}))),
    }
}

async fn refresh(body: String) -> Json<Value> {
    let form = form(&body);
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    Json(granted(&format!("user {} {}", get("client_id"), get("refresh_token"))))
}

/// <https://cloud.google.com/compute/docs/metadata/querying-metadata>
fn metadata(headers: &HeaderMap, body: Value) -> Response {
    if headers.get("metadata-flavor").is_none_or(|value| value != "Google") {
        return StatusCode::FORBIDDEN.into_response();
    }
    ([("metadata-flavor", "Google")], Json(body)).into_response()
}

async fn machine(headers: HeaderMap) -> Response {
    metadata(
        &headers,
        json!({"aliases": ["default"], "email": "machine@p.iam.gserviceaccount.com", "scopes": [SCOPE]}),
    )
}

async fn machine_token(headers: HeaderMap) -> Response {
    metadata(&headers, granted("token-of-the-machine"))
}
