//! What a row of the roll-ups counts.

use serde_json::json;
use switchboard::key::TokenHash;

/// Whose requests a series counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All requests, by deployment.
    All,
    /// A team's.
    Team,
    /// A user's.
    User,
    /// A key's.
    Key,
    /// Those with an end user.
    EndUser,
    /// Those with a tag. A request with two tags counts for both.
    Tag,
    /// An organization's, by key.
    Organization,
}

impl Scope {
    /// All scopes.
    pub(super) const ALL: [Self; 7] =
        [Self::All, Self::Team, Self::User, Self::Key, Self::EndUser, Self::Tag, Self::Organization];

    /// In the database.
    pub(super) fn stored(self) -> i64 {
        match self {
            Self::All => 0,
            Self::Team => 1,
            Self::User => 2,
            Self::Key => 3,
            Self::EndUser => 4,
            Self::Tag => 5,
            Self::Organization => 6,
        }
    }

    /// Whether there are rows for hours. Clients choose end users and tags, so there may be many.
    pub fn has_hours(self) -> bool {
        !matches!(self, Self::EndUser | Self::Tag)
    }
}

/// What a row counts. Empty texts are absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) token: String,
    pub(super) user_id: String,
    pub(super) team_id: String,
    pub(super) model_group: String,
    pub(super) model: String,
    pub(super) mode: String,
    pub(super) deployment_id: String,
    pub(super) api_base: String,
}

impl Series {
    /// Columns with texts, in the order of [`Self::texts`].
    pub(super) const COLUMNS: [&str; 9] =
        ["name", "token", "user_id", "team_id", "model_group", "model", "mode", "deployment_id", "api_base"];

    pub(super) fn texts(&self) -> [&String; 9] {
        [
            &self.name,
            &self.token,
            &self.user_id,
            &self.team_id,
            &self.model_group,
            &self.model,
            &self.mode,
            &self.deployment_id,
            &self.api_base,
        ]
    }

    /// 60 bits of a SHA-256, so that all replicas give a series the same number without asking each other.
    pub(super) fn id(&self) -> i64 {
        let text = json!([self.scope.stored(), self.texts()]).to_string();
        let hash = TokenHash::of(text.as_bytes()).to_string();
        hash.get(..15).and_then(|digits| i64::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }
}
