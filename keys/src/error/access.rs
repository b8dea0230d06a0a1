//! Authentication and authorization errors.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::ApiError;
use super::python::{starred, text as python_str};
use crate::clock;
use crate::role::Role;
use crate::token::masked;

impl ApiError {
    /// No header contains a key.
    pub fn no_api_key() -> Self {
        Self::auth("Authentication Error, No api key passed in.")
    }

    /// An `Authorization` header without a scheme.
    pub fn malformed_api_key() -> Self {
        Self::auth("Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.")
    }

    /// Neither the master key nor a key with the prefix of virtual keys.
    pub fn not_a_virtual_key(received: &str) -> Self {
        Self::auth(format!(
            "LiteLLM Virtual Key expected. Received={}, expected to start with 'sk-'.",
            masked(received)
        ))
    }

    /// A key that never existed or was deleted.
    pub fn unknown_key() -> Self {
        Self::envelope(
            StatusCode::UNAUTHORIZED,
            "token_not_found_in_db",
            "Authentication Error, Invalid API key provided.",
            Some("key"),
        )
    }

    /// The key has expired.
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

    /// The key is blocked.
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

    /// A path that requires the master key. `LiteLLM` shows the caller's masked user id, or `unknown`.
    pub fn admin_only(route: &str, role: Role, user_id: Option<&str>) -> Self {
        Self::auth(format!(
            "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
             keys/users/teams. Route={route}. Your role={role}. Your user_id={}",
            starred(user_id.unwrap_or("unknown"))
        ))
    }

    /// `/metrics` with a key that is not allowed to read it.
    pub fn not_for_metrics() -> Self {
        Self::auth(
            "Authentication Error, /metrics requires an administrator's key, or a key whose allowed_routes include it."
                .to_owned(),
        )
    }

    /// `/key/info` for another user's key.
    pub fn others_key_info(role: Role) -> Self {
        // LiteLLM uses the same message for a key without a user.
        let role = if role == Role::Unknown { Role::InternalUser } else { role };
        Self::envelope(
            StatusCode::FORBIDDEN,
            "auth_error",
            format!("You are not allowed to access this key's info. Your role={role}"),
            None,
        )
    }

    /// Not permitted, with a specific message.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::envelope(StatusCode::FORBIDDEN, "auth_error", message, None)
    }

    /// Deleting another user's key.
    pub fn key_not_to_delete() -> Self {
        Self::python(StatusCode::FORBIDDEN, "You are not authorized to delete this key")
    }

    /// Regenerating another user's key.
    pub fn key_not_to_regenerate() -> Self {
        Self::python(StatusCode::UNAUTHORIZED, "You are not authorized to regenerate this key")
    }

    /// A write path, for a read-only role.
    pub fn view_only(route: &str, role: Role) -> Self {
        let message =
            format!("user not allowed to access this route, role= {role}. Trying to access: {route}");
        Self::detail(StatusCode::FORBIDDEN, &json!(message))
    }

    /// A team member whose `team_member_permissions` do not include the path.
    pub fn member_not_permitted(route: &str, team_id: &str, permitted: &[String]) -> Self {
        let permitted: Vec<_> = permitted.iter().map(|path| python_str(path)).collect();
        Self::envelope(
            StatusCode::UNAUTHORIZED,
            "team_member_permission_error",
            format!(
                "Team member does not have permissions for endpoint: {route}. You only have access to the following \
                 endpoints: [{}] for team {team_id}. To create keys for this team, please ask your proxy admin to check \
                 the team member permission settings and update the settings to allow team member users to create keys.",
                permitted.join(", ")
            ),
            Some(route),
        )
    }

    /// Only administrators may do this; in the Python format.
    pub fn python_forbidden(message: &str) -> Self {
        Self::python(StatusCode::FORBIDDEN, message)
    }

    /// A non-administrator tries to move a key to another owner.
    pub fn key_stays(field: &str) -> Self {
        Self::python_forbidden(&format!("Non-admin users cannot change the {field} of a key."))
    }

    /// A user tries to raise limits that an administrator set on a key.
    pub fn key_admins_only(path: &str, role: Role, user_id: Option<&str>) -> Self {
        Self::python_forbidden(&format!(
            "Only proxy admins, team admins, or org admins can call {path}. user_role={role}, user_id={}",
            user_id.unwrap_or("None")
        ))
    }

    /// A key for a team that its user does not belong to.
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

    /// A list of another user's keys.
    pub fn not_listed(message: &str, param: &str) -> Self {
        Self::envelope(StatusCode::FORBIDDEN, "bad_request_error", message, Some(param))
    }

    /// The internal port was called without its token.
    pub fn not_the_filter() -> Self {
        Self::auth(
            "Authentication Error, this port is only for the Envoy filter, which sends SWITCHBOARD_INTERNAL_TOKEN as its bearer token.",
        )
    }
}
