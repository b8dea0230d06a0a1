//! Error responses, with one constructor per cause.
//!
//! Statuses, types and messages are those of `LiteLLM` 1.109.1, including the Python dictionaries in some of
//! its messages, because scripts match on them. There are two formats: `{"error":{message,type,param,code}}`,
//! whose `code` is the status as a string, and `FastAPI`'s `{"detail":…}`.

mod access;
mod customers;
mod models;
mod python;

use axum::Json;
use axum::http::{HeaderValue, Method, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::store::StoreError;
use crate::token::masked;

use python::{float as python_float, text as python_str};

/// An error response.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: Value,
}

/// A validation error in a request's body, in pydantic's format.
#[derive(Clone, Debug, PartialEq)]
pub struct Complaint {
    /// pydantic's name for the error, such as `list_type`.
    pub kind: &'static str,
    /// Its location: `["body", "models"]`.
    pub loc: Vec<Value>,
    /// The message.
    pub msg: String,
}

/// Errors in the request.
impl ApiError {
    /// The body, or some of its fields, are invalid.
    pub fn invalid_body(complaints: &[Complaint]) -> Self {
        let detail: Vec<_> = complaints
            .iter()
            .map(|Complaint { kind, loc, msg }| json!({"type": kind, "loc": loc, "msg": msg}))
            .collect();
        Self::detail(StatusCode::UNPROCESSABLE_ENTITY, &detail.into())
    }

    /// The filter's call does not match [`switchboard::key`]: the two programs have different versions.
    pub fn unreadable_call(cause: &serde_json::Error) -> Self {
        tracing::error!(%cause, "invalid call from the filter");
        Self::envelope(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request_error", cause.to_string(), None)
    }

    /// The body exceeds the size limit.
    pub fn body_too_large() -> Self {
        Self::envelope(
            StatusCode::PAYLOAD_TOO_LARGE,
            "invalid_request_error",
            "The request body is too large.",
            None,
        )
    }

    /// Another key already has this alias.
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

    /// The custom key already exists.
    pub fn key_taken() -> Self {
        Self::python(StatusCode::BAD_REQUEST, "The new key already exists. Choose another.")
    }

    /// A custom key that could be guessed.
    pub fn custom_key_too_short() -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            "Invalid key format. LiteLLM Virtual Key must be at least 16 characters long.",
        )
    }

    /// A custom key without the required prefix.
    pub fn custom_key_without_prefix(key: &str) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!(
                "Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: {}",
                masked(key)
            ),
        )
    }

    /// A negative budget.
    pub fn negative_budget(field: &str, value: f64) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!("{field} must be a non-negative finite number. Received: {}", python_float(value)),
        )
    }

    /// An invalid `duration`. (`LiteLLM` returns 500 with the same message.)
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

    /// An invalid `grace_period`.
    pub fn invalid_grace_period(period: &str) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!("Invalid grace_period '{period}'. Use a format like '30s', '1h' or '7d'."),
        )
    }

    /// An invalid `budget_duration`.
    pub fn invalid_budget_duration(duration: &str) -> Self {
        Self::python(
            StatusCode::BAD_REQUEST,
            &format!("Invalid budget_duration '{duration}'. Use a format like '1h', '24h', '7d', or '30d'."),
        )
    }

    /// `/key/info` for a key that does not exist.
    pub fn key_not_in_database() -> Self {
        Self::key_not_found("Key not found in database")
    }

    /// Another path for a key that does not exist.
    pub fn no_such_key() -> Self {
        Self::key_not_found("Key not found.")
    }

    /// The request names no keys.
    pub fn no_keys_named() -> Self {
        Self::invalid_body(&[Complaint {
            kind: "value_error",
            loc: vec![json!("body")],
            msg: "Value error, At least one of 'keys' or 'key_aliases' must be provided.".to_owned(),
        }])
    }

    /// `/key/delete` matched no keys.
    pub fn no_keys_found() -> Self {
        Self::python(StatusCode::NOT_FOUND, "No keys found")
    }

    /// A field that is not supported.
    pub fn unsupported(field: &str, why: &str) -> Self {
        Self::invalid_field(field, &format!("{field} is not supported: {why}. Omit it."))
    }

    /// A field with an invalid value.
    pub fn invalid_field(field: &str, message: &str) -> Self {
        let dictionary = format!("{{'error': {}}}", python_str(message));
        Self::envelope(StatusCode::BAD_REQUEST, "invalid_request_error", dictionary, Some(field))
    }

    /// An invalid request.
    pub fn bad_request(message: impl AsRef<str>) -> Self {
        Self::python(StatusCode::BAD_REQUEST, message.as_ref())
    }

    /// An invalid request, with a plain message.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::BAD_REQUEST, "invalid_request_error", message, None)
    }

    /// A request that conflicts with an existing object.
    pub fn conflict(message: impl AsRef<str>) -> Self {
        Self::python(StatusCode::CONFLICT, message.as_ref())
    }

    /// An object that does not exist.
    pub fn missing(message: impl AsRef<str>) -> Self {
        Self::python(StatusCode::NOT_FOUND, message.as_ref())
    }

    /// An entry of the audit log that does not exist.
    pub fn no_such_audit_log(id: &str) -> Self {
        Self::detail(StatusCode::NOT_FOUND, &json!({"message": format!("Audit log with ID {id} not found")}))
    }

    /// A user that does not exist.
    pub fn no_such_user(user_id: &str) -> Self {
        Self::envelope(
            StatusCode::NOT_FOUND,
            "not_found_error",
            format!("User {user_id} not found"),
            Some("user_id"),
        )
    }

    /// The user is already a member.
    pub fn already_member(user_id: &str) -> Self {
        Self::envelope(
            StatusCode::BAD_REQUEST,
            "team_member_already_in_team",
            format!("User already in team. Member: user_id={user_id}"),
            Some("user_id"),
        )
    }

    /// The message alone, for responses that report several outcomes.
    pub fn message(&self) -> String {
        let error = self.body.get("error").and_then(|error| error.get("message"));
        let text = error.or_else(|| self.body.get("detail"));
        text.map_or_else(String::new, |text| text.as_str().map_or_else(|| text.to_string(), str::to_owned))
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The message for people: one line for each cause, with the field that it is about, if any.
    pub fn plain(&self) -> Vec<(Option<String>, String)> {
        if let Some(Value::Array(complaints)) = self.body.get("detail") {
            let field =
                |complaint: &Value| complaint["loc"].get(1).and_then(Value::as_str).map(str::to_owned);
            let text = |complaint: &Value| complaint["msg"].as_str().unwrap_or_default().to_owned();
            return complaints.iter().map(|complaint| (field(complaint), text(complaint))).collect();
        }
        let field = self.body.get("error").and_then(|error| error["param"].as_str()).map(str::to_owned);
        vec![(field, python::unwrapped(&self.message()))]
    }

    /// A body with an unsupported content coding, or that cannot be decoded.
    pub fn undecodable(coding: &str) -> Self {
        let message = format!(
            "Cannot decode the request body: content-encoding '{coding}' is unsupported, the data is invalid, or the decoded body is too large."
        );
        Self::envelope(StatusCode::UNSUPPORTED_MEDIA_TYPE, "invalid_request_error", message, None)
    }

    /// An unknown path. SDKs print the message, so it says where to look.
    pub fn no_route(method: &Method, path: &str) -> Self {
        let shown: String = path.chars().take(200).collect();
        let message = format!("Not Found: no route {method} {shown}. See GET /openapi.json for all routes.");
        Self::envelope(StatusCode::NOT_FOUND, "not_found_error", message, None)
    }

    /// A known path with the wrong method; the `allow` header lists the right ones.
    pub fn method_not_allowed(method: &Method, path: &str) -> Self {
        let message =
            format!("Method Not Allowed: {method} {path}. See the `allow` header or GET /openapi.json.");
        Self::envelope(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message, None)
    }

    fn key_not_found(message: &str) -> Self {
        Self::envelope(StatusCode::NOT_FOUND, "not_found_error", message, Some("key"))
    }
}

/// Errors of the service.
impl ApiError {
    /// The database is unavailable or has invalid data. The cause is logged but not returned to the caller.
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

    /// An error whose message is a Python dictionary, as `LiteLLM` formats its own `HTTPException`s.
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

/// Rejects a negative budget; JSON has no infinity.
pub fn check_budget(field: &str, value: Option<f64>) -> Result<(), ApiError> {
    match value {
        Some(value) if value < 0.0 => Err(ApiError::negative_budget(field, value)),
        _ => Ok(()),
    }
}
