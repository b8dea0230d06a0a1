//! What a key may do, and what it counts against.

use super::TokenHash;
use crate::json::{Raw, fields, leaves};
use serde::{Deserialize, Serialize};

leaves! {
    AccountKind: AccountKind::Key, AccountKind::parse, "`key`, `user`, `team` or `team_member`";
}

/// What the filter must know of a key to decide without asking again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// SHA-256 of the key.
    pub token: TokenHash,
    /// `sk-...` and the key's last four characters: all that is ever shown of it again.
    pub key_name: String,
    /// The operator's name for the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_alias: Option<String>,
    /// Owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Owner's team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// Models that the key may use: names, wildcards (`anthropic/*`), access groups. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// This key's own names for models: (asked, served).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<(String, String)>,
    /// Routes that the key may call: paths, `/*` patterns, group names. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_routes: Vec<String>,
    /// When the key ends, in Unix seconds (fractions kept).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<f64>,
    /// Refused until unblocked.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub blocked: bool,
    /// The team that [`Self::team_id`] names; absent when there is none of that name, which ends every request
    /// with 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Team>,
    /// Models that its user may use; for a key in a team, in that team. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_models: Vec<String>,
    /// Whose limits a request of this key counts against. The first is the key itself; the others are there only
    /// when they limit something. Keys of one team or user carry the same [`AccountId`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
}
fields!(KeyRecord {
    token, key_name, key_alias, user_id, team_id, models, aliases, allowed_routes, expires_at, blocked,
    team, user_models, accounts; "token", "key_name"
});

impl KeyRecord {
    /// A key that may do everything and is limited by nothing.
    pub fn new(token: TokenHash, key_name: impl Into<String>) -> Self {
        Self {
            token,
            key_name: key_name.into(),
            key_alias: None,
            user_id: None,
            team_id: None,
            models: Vec::new(),
            aliases: Vec::new(),
            allowed_routes: Vec::new(),
            expires_at: None,
            blocked: false,
            team: None,
            user_models: Vec::new(),
            accounts: Vec::new(),
        }
    }

    /// The accounts that a request for this model counts against.
    pub fn accounts_for<'a>(&'a self, model_group: &'a str) -> impl Iterator<Item = &'a Account> {
        self.accounts.iter().filter(move |account| account.id.covers(model_group))
    }
}

/// What the filter must know of a key's team besides its limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Team {
    /// The operator's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Every key of the team is refused.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub blocked: bool,
    /// Models that the team's keys may use, besides what each key says itself. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The team's own names for models: (asked, served).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<(String, String)>,
}
fields!(Team { alias, blocked, models, aliases });

/// What an [`Account`] belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// One virtual key; its id is the [`TokenHash`].
    Key,
    /// A user, over all keys.
    User,
    /// A team, over all members and keys.
    Team,
    /// A user within a team; its id is the JSON text `["team_id","user_id"]`.
    TeamMember,
}

impl AccountKind {
    fn parse(token: Raw<'_>) -> Option<Self> {
        Some(match token.get() {
            r#""key""# => Self::Key,
            r#""user""# => Self::User,
            r#""team""# => Self::Team,
            r#""team_member""# => Self::TeamMember,
            _ => return None,
        })
    }
}

/// Something that requests are counted against.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId {
    /// What it belongs to.
    pub kind: AccountKind,
    /// The id of what is limited.
    pub id: String,
    /// Counts only requests for this model group; absent counts all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Counts money in one of several windows of time alone, named by its duration (`budget_limits`); absent counts all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}
fields!(AccountId { kind, id, model, window; "kind", "id" });

impl AccountId {
    /// The account of a key over all models.
    pub fn of_key(token: TokenHash) -> Self {
        Self { kind: AccountKind::Key, id: token.to_string(), model: None, window: None }
    }

    /// The account of a user within a team. The id is JSON so that no two pairs share one.
    pub fn of_member(team_id: &str, user_id: &str) -> Self {
        let id = serde_json::Value::from(vec![team_id, user_id]).to_string();
        Self { kind: AccountKind::TeamMember, id, model: None, window: None }
    }

    /// Whether a request for this model counts.
    pub fn covers(&self, model_group: &str) -> bool {
        self.model.as_deref().is_none_or(|model| model == model_group)
    }
}

/// Limits, and what was spent when the record was read. Absent limits limit nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// Requests are refused when this much is spent, picodollars; 0 refuses all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_budget: Option<u64>,
    /// Worth a warning when this much is spent, picodollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_budget: Option<u64>,
    /// Recorded since the budget started, picodollars. It is as old as the record: changes of the spend alone are
    /// not told by the feed. A [`crate::lease::Lease`] is current.
    #[serde(default)]
    pub spend: u64,
    /// How often the budget starts again, as the operator wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<String>,
    /// When the budget starts again, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_reset_at: Option<f64>,
    /// Requests in a window of [`crate::lease::WINDOW_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<u64>,
    /// Tokens, prompt and completion, in a window of [`crate::lease::WINDOW_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm_limit: Option<u64>,
    /// Requests under way at one time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_parallel_requests: Option<u64>,
}
fields!(Account {
    id, max_budget, soft_budget, spend, budget_duration, budget_reset_at, rpm_limit, tpm_limit,
    max_parallel_requests; "id"
});

impl Account {
    /// An account without limits.
    pub fn new(id: AccountId) -> Self {
        Self {
            id,
            max_budget: None,
            soft_budget: None,
            spend: 0,
            budget_duration: None,
            budget_reset_at: None,
            rpm_limit: None,
            tpm_limit: None,
            max_parallel_requests: None,
        }
    }

    /// Whether there is anything that a request can be refused for. The soft budget is not.
    pub fn is_limited(&self) -> bool {
        self.max_budget.is_some()
            || self.rpm_limit.is_some()
            || self.tpm_limit.is_some()
            || self.max_parallel_requests.is_some()
    }
}
