//! User roles.

use core::fmt;

use crate::store::AccountRow;

/// A user's role, with `LiteLLM`'s names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Full access, like the master key.
    ProxyAdmin,
    /// Read access to everything.
    ProxyAdminViewer,
    /// Manages its own keys.
    InternalUser,
    /// Read access to its own objects.
    InternalUserViewer,
    /// A key without a user, or with a user that does not exist.
    Unknown,
}

impl Role {
    /// The values of `user_role`.
    pub const NAMES: &'static [&'static str] =
        &["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"];

    /// The same, from the one that most people have.
    pub const CHOICES: [&'static str; 4] =
        ["internal_user", "internal_user_viewer", "proxy_admin", "proxy_admin_viewer"];

    /// The role of a user. The default is internal user; unknown roles have only read access.
    pub fn of(user: &AccountRow) -> Self {
        match user.role.as_deref() {
            Some("proxy_admin") => Self::ProxyAdmin,
            Some("proxy_admin_viewer") => Self::ProxyAdminViewer,
            Some("internal_user" | "") | None => Self::InternalUser,
            Some(_) => Self::InternalUserViewer,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProxyAdmin => "proxy_admin",
            Self::ProxyAdminViewer => "proxy_admin_viewer",
            Self::InternalUser => "internal_user",
            Self::InternalUserViewer => "internal_user_viewer",
            Self::Unknown => "unknown",
        })
    }
}
