//! Who calls: the master key, a virtual key, or nobody who may.
//!
//! In the order of `LiteLLM`'s checks: is there a key, is it the master key, could it be a virtual one, is there
//! such a key, is it blocked, has it expired, may it call this path.

mod presented;
mod reach;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use switchboard::key::{KEY_PREFIX, TokenHash};

use crate::app::App;
use crate::clock;
use crate::error::ApiError;
use crate::store::KeyRow;

pub use presented::{Presented, presented};
pub use reach::reaches;

/// What `LiteLLM` calls whoever holds the master key.
const ADMIN_USER_ID: &str = "default_user_id";

/// Whoever made a request on the public port.
#[derive(Debug)]
pub enum Caller {
    /// Holds the master key: may do everything.
    Admin,
    /// Holds a virtual key that is in force and may call this path.
    Key(Box<KeyRow>),
}

/// A [`Caller`] that holds the master key.
#[derive(Clone, Copy, Debug)]
pub struct Admin;

impl Caller {
    /// The id of the user behind the key, if it has one.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::Admin => Some(ADMIN_USER_ID),
            Self::Key(key) => key.user_id.as_deref(),
        }
    }

    /// Whether this caller may see what is known of a key: its own, or one of the same user.
    pub fn may_see(&self, key: &KeyRow) -> bool {
        match self {
            Self::Admin => true,
            Self::Key(own) => own.token == key.token || (own.user_id.is_some() && own.user_id == key.user_id),
        }
    }
}

impl Admin {
    /// The name under which the administrator's deeds are recorded.
    pub fn user_id(self) -> &'static str {
        ADMIN_USER_ID
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let key = match presented(&parts.headers) {
            Presented::Nothing => return Err(ApiError::no_api_key()),
            Presented::Malformed => return Err(ApiError::malformed_api_key()),
            Presented::Key(key) => key,
        };
        let token = TokenHash::of(key);
        if app.master_key.is(token) {
            return Ok(Self::Admin);
        }
        if !key.starts_with(KEY_PREFIX.as_bytes()) {
            return Err(ApiError::not_a_virtual_key(&String::from_utf8_lossy(key)));
        }
        let key = app.store.key(token).await?.ok_or_else(ApiError::unknown_key)?;
        if key.blocked == Some(true) {
            return Err(ApiError::blocked_key());
        }
        let now = clock::now();
        if let Some(expiry) = key.expires_at
            && expiry <= now
        {
            return Err(ApiError::expired_key(&key.key_name, expiry, now));
        }
        let allowed = key.strings("allowed_routes");
        if !reaches(&allowed, parts.uri.path()) {
            return Err(ApiError::route_not_allowed(&allowed, parts.uri.path()));
        }
        Ok(Self::Key(Box::new(key)))
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Admin => Ok(Self),
            caller @ Caller::Key(_) => Err(ApiError::admin_only(parts.uri.path(), caller.user_id())),
        }
    }
}
