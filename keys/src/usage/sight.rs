//! Whose usage a caller sees.

use crate::auth::{Caller, Role};
use crate::store::{By, Scope, UsageQuery};

/// Whose usage a caller sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// All usage.
    All,
    /// That of a user.
    User(String),
    /// That of a key without a user, by its hash.
    Key(String),
}

impl Sight {
    /// What this caller sees.
    pub fn of(caller: &Caller) -> Self {
        match (caller, caller.user_id()) {
            _ if caller.views_all() => Self::All,
            (Caller::Key { key, role: Role::Unknown }, _) | (Caller::Key { key, .. }, None) => {
                Self::Key(key.token.to_string())
            }
            (_, Some(user)) => Self::User(user.to_owned()),
            (Caller::Admin, None) => Self::All,
        }
    }

    /// The scope of its total.
    pub fn scope(&self) -> Scope {
        match self {
            Self::All => Scope::All,
            Self::User(_) => Scope::User,
            Self::Key(_) => Scope::Key,
        }
    }

    /// Restricts a query on [`Self::scope`], or on keys.
    pub fn restrict(&self, query: UsageQuery) -> UsageQuery {
        match self {
            Self::All => query,
            Self::User(user) if query.scope == Scope::Key => query.only(By::User, vec![user.clone()]),
            Self::User(name) | Self::Key(name) => query.only(By::Name, vec![name.clone()]),
        }
    }
}
