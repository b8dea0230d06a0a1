//! Who may come in, and do what.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::json;

use super::ApiError;
use super::python::{starred, text as python_str};
use crate::auth::Role;
use crate::clock;
use crate::rights::Denial;
use crate::token::masked;

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

    /// `/metrics` for a key that is not made for it.
    pub fn not_for_metrics() -> Self {
        Self::auth(
            "Authentication Error, /metrics requires an administrator's key, or a key whose allowed_routes include it."
                .to_owned(),
        )
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

    /// A key of somebody else that the caller wants to delete or to regenerate.
    pub fn others_key(denial: Denial) -> Self {
        let verb = if denial == Denial::NotToRegenerate { "regenerate" } else { "delete" };
        let status = StatusCode::from_u16(denial.status()).unwrap_or(StatusCode::FORBIDDEN);
        Self::python(status, &format!("You are not authorized to {verb} this key"))
    }

    /// A path that writes, for a role that only reads.
    pub fn view_only(route: &str, role: Role) -> Self {
        let message =
            format!("user not allowed to access this route, role= {role}. Trying to access: {route}");
        Self::detail(StatusCode::FORBIDDEN, &json!(message))
    }

    /// A plain member of a team whose `team_member_permissions` do not name the path.
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
            "Authentication Error, this port is only for the Envoy filter, which sends SWITCHBOARD_INTERNAL_TOKEN as its bearer token.",
        )
    }
}
