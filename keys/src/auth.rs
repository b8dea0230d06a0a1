//! Authenticates the caller: the master key or a virtual key.
//!
//! In the order of `LiteLLM`'s checks: a key is present, it is the master key, it has the form of a virtual
//! key, it exists, it is not blocked, it has not expired, and it may call this path.

mod author;
mod presented;
mod reach;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde_json::Map;
use switchboard::key::{KEY_PREFIX, TokenHash};

use crate::app::App;
use crate::clock;
use crate::error::ApiError;
use crate::money::Picodollars;
use crate::store::{AccountRow, KeyRow, Kind};

pub use crate::role::Role;
pub use author::authenticated;
pub use presented::{Presented, presented};
pub use reach::reaches;

/// `LiteLLM`'s user id for the holder of the master key.
pub const ADMIN_USER_ID: &str = "default_user_id";

/// The caller of the public port.
#[derive(Clone, Debug)]
pub enum Caller {
    /// Holds the master key, which has full access.
    Admin,
    /// Holds a valid virtual key that may call this path.
    Key {
        /// The key.
        key: Box<KeyRow>,
        /// The role of its user.
        role: Role,
    },
}

/// A caller that may read the metrics: one that may read everything; a key whose `allowed_routes` name the
/// path; or anybody, if the operator allows it. (In `LiteLLM` any key may, but the metrics show everybody's
/// spend.)
#[derive(Clone, Debug)]
pub struct Scraper;

impl Caller {
    /// Whoever holds the master key, or a virtual key that is valid now.
    pub async fn holding(app: &App, token: TokenHash) -> Result<Self, ApiError> {
        if app.master_key.is(token) { Ok(Self::Admin) } else { Self::with_key(app, token).await }
    }

    /// Whoever holds a virtual key that is valid now.
    pub async fn with_key(app: &App, token: TokenHash) -> Result<Self, ApiError> {
        let key = app.store.key_or_successor(token).await?.ok_or_else(ApiError::unknown_key)?;
        if key.blocked == Some(true) {
            return Err(ApiError::blocked_key());
        }
        let now = clock::now();
        if let Some(expiry) = key.expires_at
            && expiry <= now
        {
            return Err(ApiError::expired_key(&key.key_name, expiry, now));
        }
        let user = match &key.user_id {
            Some(user) => app.store.account(Kind::User, user).await?,
            None => None,
        };
        let role = user.map_or(Role::Unknown, |user| Role::of(&user));
        Ok(Self::Key { key: Box::new(key), role })
    }

    /// Whoever has logged in to the console as this user, without a key: as if with a key of the user that has no limits of its
    /// own. No such key exists.
    pub fn logged_in(user: &AccountRow) -> Self {
        let key = KeyRow {
            // Keys begin with `sk-`, so that nobody can present what this is the hash of.
            token: TokenHash::of(format!("user {}", user.id).as_bytes()),
            key_name: String::new(),
            key_alias: None,
            user_id: Some(user.id.clone()),
            team_id: None,
            organization_id: user.organization_id.clone(),
            budget_id: None,
            max_budget: None,
            budget_duration: None,
            budget_reset_at: None,
            spend: Picodollars::default(),
            total_spend: Picodollars::default(),
            expires_at: None,
            blocked: None,
            settings: Map::new(),
            created_at: user.created_at,
            created_by: user.created_by.clone(),
            updated_at: user.updated_at,
            updated_by: user.updated_by.clone(),
            last_active: None,
        };
        Self::Key { key: Box::new(key), role: Role::of(user) }
    }

    /// Rejects a caller whose key may not call this path.
    pub fn reach(&self, path: &str) -> Result<(), ApiError> {
        let Self::Key { key, .. } = self else { return Ok(()) };
        let allowed = key.strings("allowed_routes");
        if reaches(&allowed, path) { Ok(()) } else { Err(ApiError::route_not_allowed(&allowed, path)) }
    }

    /// The id of the key's user, if it has one.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::Admin => Some(ADMIN_USER_ID),
            Self::Key { key, .. } => key.user_id.as_deref(),
        }
    }

    /// The caller's role.
    pub fn role(&self) -> Role {
        match self {
            Self::Admin => Role::ProxyAdmin,
            Self::Key { role, .. } => *role,
        }
    }

    /// The name recorded as the author of changes.
    pub fn name(&self) -> String {
        match self {
            Self::Key { key, .. } if key.user_id.is_none() => key.key_name.clone(),
            _ => self.user_id().unwrap_or_default().to_owned(),
        }
    }

    /// Whether it has full access.
    pub fn is_admin(&self) -> bool {
        self.role() == Role::ProxyAdmin
    }

    /// Whether it may read everything.
    pub fn views_all(&self) -> bool {
        matches!(self.role(), Role::ProxyAdmin | Role::ProxyAdminViewer)
    }

    /// Whether this user is the key's user.
    pub fn is_user(&self, user_id: Option<&str>) -> bool {
        user_id.is_some() && user_id == self.user_id()
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
        if !app.master_key.is(token) && !key.starts_with(KEY_PREFIX.as_bytes()) {
            return Err(ApiError::not_a_virtual_key(&String::from_utf8_lossy(key)));
        }
        let caller = Self::holding(app, token).await?;
        caller.reach(parts.uri.path())?;
        authenticated(&caller, &parts.headers);
        Ok(caller)
    }
}

impl FromRequestParts<App> for Scraper {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if app.open_metrics {
            return Ok(Self);
        }
        let caller = Caller::from_request_parts(parts, app).await?;
        let path = parts.uri.path();
        let is_for_it = matches!(&caller, Caller::Key { key, .. }
            if key.strings("allowed_routes").iter().any(|allowed| allowed == path));
        if is_for_it || caller.views_all() {
            return Ok(Self);
        }
        Err(ApiError::not_for_metrics())
    }
}
