//! What a user may do.

use core::fmt;

use crate::store::AccountRow;

/// A user's role, by `LiteLLM`'s names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything, like the master key.
    ProxyAdmin,
    /// Reading everything.
    ProxyAdminViewer,
    /// Managing its own keys.
    InternalUser,
    /// Reading what is its own.
    InternalUserViewer,
    /// A key without a user, or of one that is not there.
    Unknown,
}

impl Role {
    /// The values of `user_role`.
    pub const NAMES: &'static [&'static str] =
        &["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"];

    /// The role of a user. One without a role is an internal user; one with a role that is not known here may only look.
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
