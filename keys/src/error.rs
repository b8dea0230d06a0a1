//! What a caller is told when it cannot have what it asked for: one constructor per cause.
//!
//! Statuses, types and texts are `LiteLLM` 1.109.1's, down to the Python dictionaries that some of its messages
//! are: scripts match on them. Two shapes exist: the envelope `{"error":{message,type,param,code}}`, whose `code`
//! is the status as a string, and `FastAPI`'s `{"detail":…}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::auth::Role;
use crate::clock;
use crate::store::StoreError;
use crate::token::masked;

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

/// Who may come in.
impl ApiError {
    /// No header holds a key.
    pub fn no_api_key() -> Self {
        Self::auth("Authentication Error, No api key passed in.")
    }

    /// An `Authorization` header without a scheme.
    pub fn malformed_api_key() -> Self {
        Self::auth("Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.")
    }

    /// Neither the master key nor something that begins like a virtual key.
    pub fn not_a_virtual_key(received: &str) -> Self {
        Self::auth(format!(
            "LiteLLM Virtual Key expected. Received={}, expected to start with 'sk-'.",
            masked(received)
        ))
    }

    /// A key that was never made, or was deleted.
    pub fn unknown_key() -> Self {
        Self::envelope(
            StatusCode::UNAUTHORIZED,
            "token_not_found_in_db",
            "Authentication Error, Invalid API key provided.",
            Some("key"),
        )
    }

    /// The key's life is over.
    pub fn expired_key(key_name: &str, expiry: Timestamp, now: Timestamp) -> Self {
        Self::envelope(
            StatusCode::UNAUTHORIZED,
            "expired_key",
            format!(
                "Authentication Error - Expired Key. Key Expiry time {} and current time {}",
                clock::python(expiry),
                clock::python(now)
            ),
            Some(key_name),
        )
    }

    /// The key was blocked by an administrator.
    pub fn blocked_key() -> Self {
        Self::auth("Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.")
    }

    /// The key's `allowed_routes` do not contain this path.
    pub fn route_not_allowed(allowed: &[String], tried: &str) -> Self {
        let allowed: Vec<_> = allowed.iter().map(|route| python_str(route)).collect();
        Self::detail(
            StatusCode::FORBIDDEN,
            &json!(format!(
                "Virtual key is not allowed to call this route. Only allowed to call routes: [{}]. Tried to call \
                 route: {tried}",
                allowed.join(", ")
            )),
        )
    }

    /// A path that only the master key may call. `LiteLLM` shows the caller's user id under stars, and `unknown`
    /// when there is none.
    pub fn admin_only(route: &str, role: Role, user_id: Option<&str>) -> Self {
        Self::auth(format!(
            "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
             keys/users/teams. Route={route}. Your role={role}. Your user_id={}",
            starred(user_id.unwrap_or("unknown"))
        ))
    }

    /// `/key/info` for a key of somebody else.
    pub fn others_key_info(role: Role) -> Self {
        // What LiteLLM says to a key without a user, too.
        let role = if role == Role::Unknown { Role::InternalUser } else { role };
        Self::envelope(
            StatusCode::FORBIDDEN,
            "auth_error",
            format!("You are not allowed to access this key's info. Your role={role}"),
            None,
        )
    }

    /// Something that this caller may not do, in the words of the place that says so.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::FORBIDDEN, "auth_error", message, None)
    }

    /// A key of somebody else that the caller wants to change.
    pub fn others_key(verb: &str) -> Self {
        Self::python(StatusCode::FORBIDDEN, &format!("You are not authorized to {verb} this key"))
    }

    /// Something that only administrators may do, in the Python form.
    pub fn python_forbidden(message: &str) -> Self {
        Self::python(StatusCode::FORBIDDEN, message)
    }

    /// A holder that wants to move its key to another owner.
    pub fn key_stays(field: &str) -> Self {
        Self::python_forbidden(&format!("Non-admin users cannot change the {field} of a key."))
    }

    /// A holder that wants to give its key more than an administrator gave it.
    pub fn key_admins_only(path: &str, role: Role, user_id: Option<&str>) -> Self {
        Self::python_forbidden(&format!(
            "Only proxy admins, team admins, or org admins can call {path}. user_role={role}, user_id={}",
            user_id.unwrap_or("None")
        ))
    }

    /// A key in a team that its user does not belong to.
    pub fn not_in_team(user_id: &str, team_id: &str) -> Self {
        Self::envelope(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            format!("User={user_id} not assigned to team={team_id}"),
            None,
        )
    }

    /// A list of keys for a caller without a user.
    pub fn no_user_id() -> Self {
        Self::not_listed(
            "You are not authorized to access this endpoint. No 'user_id' is associated with your API key.",
            "user_id",
        )
    }

    /// A list of keys of somebody else.
    pub fn not_listed(message: &str, param: &str) -> Self {
        Self::envelope(StatusCode::FORBIDDEN, "bad_request_error", message, Some(param))
    }

    /// The internal port was called without its token.
    pub fn not_the_filter() -> Self {
        Self::auth(
            "Authentication Error, this port is for Envoy's filter; its bearer is SWITCHBOARD_INTERNAL_TOKEN.",
        )
    }
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
        tracing::error!(%cause, "the filter's call cannot be read");
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
        Self::python(StatusCode::BAD_REQUEST, "The new key exists already. Choose another.")
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

    /// A `duration` that cannot be read. A client's fault, but `LiteLLM` answers 500, and so it stays.
    pub fn unsupported_duration(duration: &str) -> Self {
        Self::envelope(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_server_error",
            format!("Unsupported duration unit, passed duration: {duration}"),
            None,
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

    /// No such path.
    pub fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, &json!("Not Found"))
    }

    /// A path that is called another way.
    pub fn method_not_allowed() -> Self {
        Self::detail(StatusCode::METHOD_NOT_ALLOWED, &json!("Method Not Allowed"))
    }

    fn key_not_found(message: &str) -> Self {
        Self::envelope(StatusCode::NOT_FOUND, "not_found_error", message, Some("key"))
    }
}

/// What is wrong with us.
impl ApiError {
    /// The database does not answer, or answers nonsense. The cause goes to the log, not to the caller.
    pub fn database(cause: &StoreError) -> Self {
        tracing::error!(%cause, "the database failed a request");
        Self::envelope(
            StatusCode::SERVICE_UNAVAILABLE,
            "internal_server_error",
            "The key database is not available. Try again later.",
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

/// A user id under stars: the first six and the last two characters remain of a long one, nothing of a short one.
fn starred(user_id: &str) -> String {
    let count = user_id.chars().count();
    user_id
        .chars()
        .enumerate()
        .map(|(at, character)| if count > 8 && (at < 6 || at + 2 >= count) { character } else { '*' })
        .collect()
}

/// A string as Python's `repr` writes it: in single quotes, unless it holds some and no double quotes.
fn python_str(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut repr = String::with_capacity(text.len() + 2);
    repr.push(quote);
    for character in text.chars() {
        match character {
            '\\' => repr.push_str(r"\\"),
            '\n' => repr.push_str(r"\n"),
            '\r' => repr.push_str(r"\r"),
            '\t' => repr.push_str(r"\t"),
            _ if character == quote => repr.extend(['\\', character]),
            _ => repr.push(character),
        }
    }
    repr.push(quote);
    repr
}

/// A number as Python's `repr` writes it: `-1.0`, `1e-06`, `1e+16`.
fn python_float(value: f64) -> String {
    let repr = format!("{value:?}");
    let Some((digits, exponent)) = repr.split_once('e') else { return repr };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |positive| ('-', positive));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_strings_are_quoted_as_python_quotes_them() {
        assert_eq!(python_str("No keys found"), "'No keys found'");
        assert_eq!(python_str("with 'sk-'"), r#""with 'sk-'""#);
        assert_eq!(python_str(r#"'both' and ""#), r#"'\'both\' and "'"#);
        assert_eq!(python_str("a\\b\n"), r"'a\\b\n'");
    }

    #[test]
    fn python_numbers_have_a_point_or_a_signed_exponent_of_two_digits() {
        for (value, repr) in [(-1.0, "-1.0"), (-1e-6, "-1e-06"), (-1e16, "-1e+16"), (-1e-300, "-1e-300")] {
            assert_eq!(python_float(value), repr);
        }
    }

    #[test]
    fn of_a_user_id_little_is_shown() {
        assert_eq!(starred("unknown"), "*******");
        assert_eq!(starred("alice-in-wonderland"), "alice-***********nd");
    }
}
