//! What a caller is told when it cannot have what it asked for: one constructor per cause.
//!
//! Statuses, types and texts are `LiteLLM` 1.109.1's, down to the Python dictionaries that some of its messages
//! are: scripts match on them. Two shapes exist: the envelope `{"error":{message,type,param,code}}`, whose `code`
//! is the status as a string, and `FastAPI`'s `{"detail":…}`.

mod access;
mod python;

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::store::StoreError;
use crate::token::masked;

use python::{float as python_float, text as python_str};

/// An answer that is not the one that was asked for.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: Value,
}

/// One thing that is wrong with a request's body, as pydantic would put it.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// pydantic's name for the error, such as `list_type`.
    pub kind: &'static str,
    /// Where: `["body", "models"]`.
    pub loc: Vec<Value>,
    /// A sentence for people.
    pub msg: String,
}

/// What is wrong with the request.
impl ApiError {
    /// The body, or some of its fields, are not what they should be.
    pub fn invalid_body(complaints: &[Complaint]) -> Self {
        let detail: Vec<_> = complaints
            .iter()
            .map(|Complaint { kind, loc, msg }| json!({"type": kind, "loc": loc, "msg": msg}))
            .collect();
        Self::detail(StatusCode::UNPROCESSABLE_ENTITY, &detail.into())
    }

    /// The filter's call does not have the form of [`switchboard::key`]: the two are of different versions.
    pub fn unreadable_call(cause: &serde_json::Error) -> Self {
        tracing::error!(%cause, "invalid call from the filter");
        Self::envelope(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", cause.to_string(), None)
    }

    /// The body is longer than the service reads.
    pub fn body_too_large() -> Self {
        Self::envelope(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request_error",
            "The request body is too large.",
            None,
        )
    }

    /// Another live key has this alias.
    pub fn alias_taken(alias: &str) -> Self {
        Self::envelope(
            StatusCode::BAD_REQUEST,
            "bad_request_error",
            format!(
                "Key with alias '{alias}' already exists. Unique key aliases across all keys are required."
            ),
            Some("key_alias"),
        )
    }

    /// A chosen key that is another live key.
    pub fn key_taken() -> Self {
        Self::python(StatusCode::BAD_REQUEST, "The new key already exists. Choose another.")
    }

    /// A chosen key that could be guessed.
    pub fn custom_key_too_short() -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            "Invalid key format. LiteLLM Virtual Key must be at least 16 characters long.",
        )
    }

    /// A chosen key that no request could present.
    pub fn custom_key_without_prefix(key: &str) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!(
                "Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: {}",
                masked(key)
            ),
        )
    }

    /// A budget below zero.
    pub fn negative_budget(field: &str, value: f64) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!("{field} must be a non-negative finite number. Received: {}", python_float(value)),
        )
    }

    /// A `duration` that cannot be read. (`LiteLLM` answers 500 in the same words.)
    pub fn unsupported_duration(duration: &str) -> Self {
        Self::envelope(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            format!(
                "Unsupported duration unit, passed duration: {duration}. Use a format like '30s', '24h', '7d' or '1mo'."
            ),
            Some("duration"),
        )
    }

    /// A `grace_period` that cannot be read.
    pub fn invalid_grace_period(period: &str) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!("Invalid grace_period '{period}'. Use a format like '30s', '1h' or '7d'."),
        )
    }

    /// A `budget_duration` that cannot be read.
    pub fn invalid_budget_duration(duration: &str) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!("Invalid budget_duration '{duration}'. Use a format like '1h', '24h', '7d', or '30d'."),
        )
    }

    /// `/key/info` for a key that is not there.
    pub fn key_not_in_database() -> Self {
        Self::key_not_found("Key not found in database")
    }

    /// Any other path for a key that is not there.
    pub fn no_such_key() -> Self {
        Self::key_not_found("Key not found.")
    }

    /// A path that needs the name of a key got none.
    pub fn no_keys_named() -> Self {
        Self::invalid_body(&[Complaint {
            kind: "value_error",
            loc: vec![json!("body")],
            msg: "Value error, At least one of 'keys' or 'key_aliases' must be provided.".to_owned(),
        }])
    }

    /// `/key/delete` matched nothing.
    pub fn no_keys_found() -> Self {
        Self::python(StatusCode::NOT_FOUND, "No keys found")
    }

    /// A field that nothing here would enforce.
    pub fn unsupported(field: &str, why: &str) -> Self {
        Self::invalid_field(field, &format!("{field} is not supported: {why}. Omit it."))
    }

    /// A field whose value makes no sense.
    pub fn invalid_field(field: &str, message: &str) -> Self {
        let dictionary = format!("{{'error': {}}}", python_str(message));
        Self::envelope(StatusCode::BAD_REQUEST, "invalid_request_error", dictionary, Some(field))
    }

    /// A request that makes no sense, in the words of the place that says so.
    pub fn bad_request(message: impl AsRef<str>) -> Self {
        Self::python(StatusCode::BAD_REQUEST, message.as_ref())
    }

    /// The same, in a plain text.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::BAD_REQUEST, "invalid_request_error", message, None)
    }

    /// A request that collides with what is there.
    pub fn conflict(message: impl AsRef<str>) -> Self {
        Self::python(StatusCode::CONFLICT, message.as_ref())
    }

    /// Something that is not there, in the words of the place that says so.
    pub fn missing(message: impl AsRef<str>) -> Self {
        Self::python(StatusCode::NOT_FOUND, message.as_ref())
    }

    /// A user that is not there.
    pub fn no_such_user(user_id: &str) -> Self {
        Self::envelope(
            StatusCode::NOT_FOUND,
            "not_found_error",
            format!("User {user_id} not found"),
            Some("user_id"),
        )
    }

    /// A member that is a member already.
    pub fn already_member(user_id: &str) -> Self {
        Self::envelope(
            StatusCode::BAD_REQUEST,
            "team_member_already_in_team",
            format!("User already in team. Member: user_id={user_id}"),
            Some("user_id"),
        )
    }

    /// Its message alone, for answers that report several outcomes.
    pub fn message(&self) -> String {
        let error = self.body.get("error").and_then(|error| error.get("message"));
        let text = error.or_else(|| self.body.get("detail"));
        text.map_or_else(String::new, |text| text.as_str().map_or_else(|| text.to_string(), str::to_owned))
    }

    /// A body in a content coding that nobody here knows, or that is not in it.
    pub fn undecodable(coding: &str) -> Self {
        let message = format!(
            "Cannot decode the request body: content-encoding '{coding}' is unsupported, the data is invalid, or the decoded body is too large."
        );
        Self::envelope(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", message, None)
    }

    /// No such path. SDKs print the message, so it says where to look.
    pub fn no_route(method: &Method, path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        let message = format!("Not Found: no route {method} {shown}. See GET /openapi.json for all routes.");
        Self::envelope(StatusCode::NOT_FOUND, "not_found_error", message, None)
    }

    /// A path that is called with another method; the header `allow` names the right one.
    pub fn method_not_allowed(method: &Method, path: &str) -> Self {
        let message =
            format!("Method Not Allowed: {method} {path}. See the `allow` header or GET /openapi.json.");
        Self::envelope(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message, None)
    }

    fn key_not_found(message: &str) -> Self {
        Self::envelope(StatusCode::NOT_FOUND, "not_found_error", message, Some("key"))
    }
}

/// What is wrong with us.
impl ApiError {
    /// The database does not answer, or answers nonsense. The cause goes to the log, not to the caller.
    pub fn database(cause: &StoreError) -> Self {
        tracing::error!(%cause, "database error");
        Self::envelope(
            StatusCode::SERVICE_UNAVAILABLE,
            "internal_server_error",
            "The key database is unavailable. Try again later.",
            None,
        )
    }
}

impl ApiError {
    fn auth(message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::UNAUTHORIZED, "auth_error", message, None)
    }

    fn envelope(status: StatusCode, kind: &str, message: impl Into<String>, param: Option<&str>) -> Self {
        let error = json!({"message": message.into(), "type": kind, "param": param, "code": status.as_str()});
        Self { status, body: json!({ "error": error }) }
    }

    /// The envelope whose message is a Python dictionary, which `LiteLLM` makes of its own `HTTPException`s.
    fn python(status: StatusCode, message: &str) -> Self {
        let dictionary = format!("{{'error': {}}}", python_str(message));
        Self::envelope(status, "invalid_request_error", dictionary, None)
    }

    fn detail(status: StatusCode, detail: &Value) -> Self {
        Self { status, body: json!({ "detail": detail }) }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AliasTaken(alias) => Self::alias_taken(&alias),
            StoreError::KeyTaken => Self::key_taken(),
            StoreError::Database(_) | StoreError::Corrupt(_) => Self::database(&error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Refuses a budget below zero; JSON has no infinity.
pub fn check_budget(field: &str, value: Option<f64>) -> Result<(), ApiError> {
    match value {
        Some(value) if value < 0.0 => Err(ApiError::negative_budget(field, value)),
        _ => Ok(()),
    }
}
