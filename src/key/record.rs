//! What a key may do, and what its requests count against.

use super::TokenHash;
use crate::json::{Raw, fields, leaves};
use crate::route;
use serde::{Deserialize, Serialize};

leaves! {
    AccountKind: AccountKind::Key, AccountKind::parse, "`key`, `user`, `team`, `team_member`, `organization`, `customer`, `tag` or `gateway`";
}

/// Everything that the filter needs to admit requests with a key without another call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// SHA-256 of the key.
    pub token: TokenHash,
    /// `sk-...` and the key's last four characters, for display.
    pub key_name: String,
    /// The alias of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_alias: Option<String>,
    /// Owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Owner's team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// Models that the key may use: names, wildcards (`anthropic/*`) or access groups. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The key's own model aliases, as pairs of the requested and the served name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<(String, String)>,
    /// Routes that the key may call: paths, `/*` patterns or group names. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_routes: Vec<String>,
    /// Parameters that its requests must have: `user`, or `metadata.name` within an object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enforced_params: Vec<String>,
    /// Its tags and those of its team, which every request with it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Expiry, Unix seconds (with fractions).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<f64>,
    /// Rejected until unblocked.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub blocked: bool,
    /// The team [`Self::team_id`]. If there is no such team, requests are rejected with 404.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Team>,
    /// Models that its user may use; for a team's key, in that team. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user_models: Vec<String>,
    /// Models that its organization may use. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub organization_models: Vec<String>,
    /// The accounts that requests with this key count against. The first is the key's own; the others are
    /// listed only if they limit something. Keys of the same team or user share an [`AccountId`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<Account>,
}
fields!(KeyRecord {
    token, key_name, key_alias, user_id, team_id, models, aliases, allowed_routes, enforced_params, tags, expires_at, blocked,
    team, user_models, organization_models, accounts; "token", "key_name"
});

impl KeyRecord {
    /// A key with full access and without limits.
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
            enforced_params: Vec::new(),
            tags: Vec::new(),
            expires_at: None,
            blocked: false,
            team: None,
            user_models: Vec::new(),
            organization_models: Vec::new(),
            accounts: Vec::new(),
        }
    }

    /// The accounts that a request for this model counts against.
    pub fn accounts_for<'a>(&'a self, model: &'a str) -> impl Iterator<Item = &'a Account> {
        self.accounts.iter().filter(move |account| account.id.covers(model))
    }
}

/// What the filter needs to know about a key's team, except its limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Team {
    /// The alias of the team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// All keys of the team are rejected.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub blocked: bool,
    /// Models that the team's keys may use, in addition to each key's own restrictions. Empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// The team's own model aliases, as pairs of the requested and the served name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<(String, String)>,
}
fields!(Team { alias, blocked, models, aliases });

/// The owner of an [`Account`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// A virtual key; its id is the [`TokenHash`].
    Key,
    /// A user, over all keys.
    User,
    /// A team, over all members and keys.
    Team,
    /// A user within a team; its id is the JSON text `["team_id","user_id"]`.
    TeamMember,
    /// An organization, over all its teams and keys.
    Organization,
    /// An end user of the clients, over all keys; its id is the one that requests name.
    Customer,
    /// A tag of requests, over all keys; its id is its name.
    Tag,
    /// All requests of the gateway; its id is [`AccountId::GATEWAY`].
    Gateway,
}

impl AccountKind {
    fn parse(token: Raw<'_>) -> Option<Self> {
        Some(match token.get() {
            r#""key""# => Self::Key,
            r#""user""# => Self::User,
            r#""team""# => Self::Team,
            r#""team_member""# => Self::TeamMember,
            r#""organization""# => Self::Organization,
            r#""customer""# => Self::Customer,
            r#""tag""# => Self::Tag,
            r#""gateway""# => Self::Gateway,
            _ => return None,
        })
    }
}

/// Identifies an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId {
    /// The kind of owner.
    pub kind: AccountKind,
    /// The id of the owner.
    pub id: String,
    /// Counts only requests for this model group; if absent, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Counts only spend in one of several budget windows, identified by its duration (`budget_limits`); if
    /// absent, all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<String>,
}
fields!(AccountId { kind, id, model, window; "kind", "id" });

impl AccountId {
    /// The id of the account of all requests.
    pub const GATEWAY: &str = "gateway";

    /// The account of all requests.
    pub fn of_gateway() -> Self {
        Self { kind: AccountKind::Gateway, id: Self::GATEWAY.to_owned(), model: None, window: None }
    }

    /// The account of an end user.
    pub fn of_customer(id: impl Into<String>) -> Self {
        Self { kind: AccountKind::Customer, id: id.into(), model: None, window: None }
    }

    /// The account of a tag.
    pub fn of_tag(name: impl Into<String>) -> Self {
        Self { kind: AccountKind::Tag, ..Self::of_customer(name) }
    }

    /// The account of a key for all models.
    pub fn of_key(token: TokenHash) -> Self {
        Self { kind: AccountKind::Key, id: token.to_string(), model: None, window: None }
    }

    /// The account of a user within a team. The id is JSON, so that it is unambiguous.
    pub fn of_member(team_id: &str, user_id: &str) -> Self {
        let id = serde_json::Value::from(vec![team_id, user_id]).to_string();
        Self { kind: AccountKind::TeamMember, id, model: None, window: None }
    }

    /// The name of the record of an account that requests name themselves, among those of keys. No key has this hash,
    /// because all keys start with [`KEY_PREFIX`](super::KEY_PREFIX).
    pub fn record_name(&self) -> TokenHash {
        let kind = match self.kind {
            AccountKind::Key => "key",
            AccountKind::User => "user",
            AccountKind::Team => "team",
            AccountKind::TeamMember => "team_member",
            AccountKind::Organization => "organization",
            AccountKind::Customer => "customer",
            AccountKind::Tag => "tag",
            AccountKind::Gateway => "gateway",
        };
        TokenHash::of([kind, &self.id].join("\0").as_bytes())
    }

    /// Whether a request for this model counts against it.
    pub fn covers(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|name| governs(name, model))
    }
}

/// Whether a limit per model applies to a model. `name` is the model's name, with or without its provider, or a pattern with
/// one `*`.
pub fn governs(name: &str, model: &str) -> bool {
    let bare = model.rsplit_once('/').map(|(_, bare)| bare);
    route::covers(name, model) || bare.is_some_and(|bare| route::covers(name, bare))
}

/// Limits, and the spend when the record was read. Absent limits mean unlimited.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// Requests are rejected at this spend, picodollars; 0 rejects all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_budget: Option<u64>,
    /// A warning is logged at this spend, picodollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soft_budget: Option<u64>,
    /// Recorded spend in the budget period, picodollars. It may be stale, because the feed does not report
    /// changes of spend alone; a [`crate::key::lease::Lease`] is current.
    #[serde(default)]
    pub spend: u64,
    /// The budget period, as the operator wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<String>,
    /// When the budget is reset, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_reset_at: Option<f64>,
    /// Requests per window of [`crate::key::lease::WINDOW_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<u64>,
    /// Prompt and completion tokens per window of [`crate::key::lease::WINDOW_MS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tpm_limit: Option<u64>,
    /// Maximum number of parallel requests.
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

    /// Whether any limit can cause a rejection. The soft budget cannot.
    pub fn is_limited(&self) -> bool {
        self.max_budget.is_some()
            || self.rpm_limit.is_some()
            || self.tpm_limit.is_some()
            || self.max_parallel_requests.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_governs_its_model_with_and_without_its_provider_and_a_pattern_governs_many() {
        for (name, model) in [
            ("gpt-4o", "gpt-4o"),
            ("gpt-4o", "openai/gpt-4o"),
            ("gpt-4o", "openrouter/openai/gpt-4o"),
            ("openai/gpt-4o", "openai/gpt-4o"),
            ("openai/*", "openai/gpt-4o"),
            ("gpt-4*", "openai/gpt-4o"),
            ("*", "openai/gpt-4o"),
        ] {
            assert!(governs(name, model), "{name} {model}");
        }
        for (name, model) in [
            ("gpt-4o", "gpt-4o-mini"),
            ("gpt-4o", "openai/gpt-4o-mini"),
            ("openai/gpt-4o", "gpt-4o"),
            ("azure/gpt-4o", "openai/gpt-4o"),
            ("openai/*", "azure/gpt-4o"),
        ] {
            assert!(!governs(name, model), "{name} {model}");
        }
    }
}
