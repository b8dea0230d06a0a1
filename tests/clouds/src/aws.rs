//! AWS: STS, and the metadata of EC2, ECS and EKS.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::form;

/// How long the keys of machines are valid, in seconds; until 2099 at first.
#[derive(Clone, Debug)]
pub(crate) struct Life(Arc<AtomicI64>);

impl Default for Life {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }
}

impl Life {
    pub(crate) fn set(&self, seconds: u32) {
        self.0.store(seconds.into(), Ordering::Relaxed);
    }

    fn end(&self) -> Timestamp {
        let last = "2099-01-01T00:00:00Z".parse().unwrap();
        let end = Timestamp::now().as_second().saturating_add(self.0.load(Ordering::Relaxed));
        Timestamp::from_second(end).unwrap_or(last).min(last)
    }
}

pub(crate) fn router(life: Life) -> Router {
    let keys = "/latest/meta-data/iam/security-credentials/";
    Router::new()
        .route("/sts/", post(sts))
        .route("/latest/api/token", put(session))
        .route(keys, get(async |headers: HeaderMap| in_session(&headers, "role".to_owned())))
        .route(&format!("{keys}role"), get(ec2))
        .route("/ecs", get(async |State(life): State<Life>| keys_of("ASIAECS", &life)))
        .route("/eks", get(eks))
        .with_state(life)
}

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
async fn sts(headers: HeaderMap, body: String) -> Response {
    let form = form(&body);
    let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let fails = |status: StatusCode, code: &str, message: &str| {
        let text = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        );
        (status, [("content-type", "text/xml")], text).into_response()
    };
    let action = get("Action");
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if get("RoleSessionName").len() < 2 || form.get("ExternalId").is_some_and(|id| id.len() < 2) {
        return fails(
            StatusCode::BAD_REQUEST,
            "ValidationError",
            "Member must have length greater than or equal to 2",
        );
    }
    match action {
        "AssumeRole" if !signed.contains("Credential=AKID/") => {
            return fails(StatusCode::FORBIDDEN, "InvalidClientTokenId", "The security token is invalid.");
        }
        "AssumeRole" if get("ExternalId") == "wrong" => {
            return fails(StatusCode::FORBIDDEN, "AccessDenied", "not authorized to perform: sts:AssumeRole");
        }
        "AssumeRoleWithWebIdentity" if get("WebIdentityToken") != "identity" => {
            return fails(StatusCode::BAD_REQUEST, "InvalidIdentityToken", "Incorrect token audience");
        }
        _ => {}
    }
    let id = format!("ASIA-{}-{}", get("RoleSessionName"), get("ExternalId"));
    let text = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result><Credentials>\
         <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>i</AssumedRoleId>\
         <Arn>{}</Arn></AssumedRoleUser></{action}Result></{action}Response>",
        get("RoleArn")
    );
    ([("content-type", "text/xml")], text).into_response()
}

fn keys_of(id: &str, life: &Life) -> String {
    json!({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": id, "SecretAccessKey": "planted", "Token": "session",
        "Expiration": life.end().to_string(), "LastUpdated": "2026-01-01T00:00:00Z"})
    .to_string()
}

/// Version 2 of the metadata service of EC2:
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>
async fn session(headers: HeaderMap) -> Response {
    match headers.get("x-aws-ec2-metadata-token-ttl-seconds") {
        Some(ttl) => ([("x-aws-ec2-metadata-token-ttl-seconds", ttl)], "token").into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn in_session(headers: &HeaderMap, answer: String) -> Response {
    match headers.get("x-aws-ec2-metadata-token") {
        Some(token) if token == "token" => answer.into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn ec2(State(life): State<Life>, headers: HeaderMap) -> Response {
    in_session(&headers, keys_of("ASIAEC2", &life))
}

/// <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html>: the token of the pod's service account.
async fn eks(State(life): State<Life>, headers: HeaderMap) -> Result<String, (StatusCode, Json<Value>)> {
    match headers.get("authorization") {
        Some(token) if token == "token-of-the-pod" => Ok(keys_of("ASIAEKS", &life)),
        _ => Err((StatusCode::UNAUTHORIZED, Json(json!({"message": "invalid token"})))),
    }
}
