//! Asks the provider who has logged in.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, header};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::Refusal;
use crate::credentials::http;
use crate::sso::Settings;

/// How long the provider may take for each answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The claims about whoever got this code.
pub(super) async fn claims(
    settings: &Settings,
    code: &str,
    verifier: &str,
    callback: &str,
) -> Result<Value, Refusal> {
    let request = exchange(settings, code, verifier, callback);
    let answer = send(request, "token").await?;
    let Some(token) = answer["access_token"].as_str() else {
        return Err(Refusal::Unavailable("the token endpoint answers without access_token".to_owned()));
    };
    let request = Request::get(settings.userinfo.as_str())
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::ACCEPT, "application/json")
        .body(Bytes::new());
    send(request, "userinfo").await
}

/// The request for a token (RFC 6749, section 4.1.3).
fn exchange(
    settings: &Settings,
    code: &str,
    verifier: &str,
    callback: &str,
) -> Result<Request<Bytes>, axum::http::Error> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", callback),
        ("code_verifier", verifier),
    ]);
    let mut request = Request::post(settings.token.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::ACCEPT, "application/json");
    let secret = settings.client_secret.reveal();
    if settings.in_body {
        form.extend_pairs([("client_id", settings.client_id.as_str()), ("client_secret", secret)]);
    } else {
        // Section 2.3.1.
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = BASE64_STANDARD.encode(format!("{}:{}", encoded(&settings.client_id), encoded(secret)));
        request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
    }
    request.body(Bytes::from(form.finish()))
}

async fn send(request: Result<Request<Bytes>, axum::http::Error>, what: &str) -> Result<Value, Refusal> {
    let failed = |why: String| Refusal::Unavailable(format!("the {what} endpoint: {why}"));
    let request = request.map_err(|error| failed(error.to_string()))?;
    let response = match tokio::time::timeout(PATIENCE, http::send(request)).await {
        Ok(response) => response.map_err(failed)?,
        Err(_) => return Err(failed(format!("no answer within {} seconds", PATIENCE.as_secs()))),
    };
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let status = response.status();
    if !status.is_success() {
        let error = body["error"].as_str().unwrap_or("no reason given").to_owned();
        // A code that was used before or has expired is nobody's fault but the browser's.
        return Err(match error.as_str() {
            "invalid_grant" => Refusal::Rejected("The login has expired. Log in again.".to_owned()),
            _ => failed(format!("{}: {error}", status.as_u16())),
        });
    }
    if body.is_object() { Ok(body) } else { Err(failed("the answer is not a JSON object".to_owned())) }
}
