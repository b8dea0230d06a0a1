//! Virtual keys: their shape, their hash, and the two calls between the filter and the key service.
//!
//! The types here are the wire contract of `POST /internal/verify` and `POST /internal/sync`; the key
//! service depends on this crate for them, so the two sides cannot drift apart.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::json::{JsonStr, fields, leaves};
use crate::lease::{Lease, LeaseAsk};
use crate::secret::Secret;

/// Every virtual key begins so. Changing it would lock out every holder of a `LiteLLM` key.
pub const KEY_PREFIX: &str = "sk-";

/// Path of the call by which the filter learns one key.
pub const VERIFY_PATH: &str = "/internal/verify";

/// Path of the periodic call: usage up, changes down.
pub const SYNC_PATH: &str = "/internal/sync";

/// SHA-256 of a whole virtual key, its `sk-` included: what is stored, logged and compared, never the key.
///
/// Written as 64 lowercase hexadecimal digits, the form of `LiteLLM`'s `token` column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes a presented key.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Reads 64 hexadecimal digits, either case.
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let mut value = 0;
            for digit in pair {
                value = value * 16 + char::from(*digit).to_digit(16)?;
            }
            *byte = u8::try_from(value).ok()?;
        }
        Some(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenHash({self})")
    }
}

impl Serialize for TokenHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = String::deserialize(deserializer)?;
        Self::parse(&hex).ok_or_else(|| de::Error::custom("expected 64 hexadecimal digits"))
    }
}

leaves! {
    TokenHash: TokenHash([0; 32]), |token| TokenHash::parse(JsonStr::of(token)?.inner()), "64 hexadecimal digits";
    AccountKind: AccountKind::Key, AccountKind::parse, "`key`, `user`, `team` or `team_member`";
    Secret: Secret::new(""), |token| JsonStr::of(token)?.decode().map(Secret::new), "a string";
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
    /// Models that its user may use, for a key without a team. Empty means all.
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
    fn parse(token: &RawValue) -> Option<Self> {
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
    /// Which of them.
    pub id: String,
    /// Counts only requests for this model group; absent counts all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}
fields!(AccountId { kind, id, model; "kind", "id" });

impl AccountId {
    /// The account of a key over all models.
    pub fn of_key(token: TokenHash) -> Self {
        Self { kind: AccountKind::Key, id: token.to_string(), model: None }
    }

    /// The account of a user within a team. The id is JSON so that no two pairs share one.
    pub fn of_member(team_id: &str, user_id: &str) -> Self {
        let id = serde_json::Value::from(vec![team_id, user_id]).to_string();
        Self { kind: AccountKind::TeamMember, id, model: None }
    }

    /// Whether a request for this model counts.
    pub fn covers(&self, model_group: &str) -> bool {
        self.model.as_deref().is_none_or(|model| model == model_group)
    }
}

/// Limits, and what was spent when the record was read. Absent limits limit nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Which account.
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

/// Asks for one key. Body of [`VERIFY_PATH`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// SHA-256 of the presented key.
    pub token: TokenHash,
}

/// Answers [`VerifyRequest`], always with status 200; any other status means "not now".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyAnswer {
    /// The key, or nothing when there is none with that hash.
    pub key: Option<KeyRecord>,
    /// The change feed's position in the transaction that read the key: an asker whose own cursor is beyond it
    /// has heard of changes that this answer may lack.
    pub cursor: u64,
}
fields!(VerifyAnswer { key, cursor; "cursor" });

/// One Envoy worker's periodic report. Body of [`SYNC_PATH`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The `cursor` of the last answer; absent on the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Usage since the last accepted batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<UsageBatch>,
    /// Names the Envoy process: the same for all its workers, never used again after its end. Empty from a filter
    /// that takes no leases.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// Leases to take, keep or return. The batch is recorded first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<LeaseAsk>,
    /// Revision of the access tokens that the asker has; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
}

/// Usage that is recorded exactly once, however often it is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UsageBatch {
    /// Unique for ever; recorded in the same transaction as the usage.
    pub id: String,
    /// One entry per request, in the order of their ends.
    pub entries: Vec<UsageEntry>,
}

/// What one request used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UsageEntry {
    /// `x-litellm-call-id` of the request.
    pub call_id: String,
    /// Key that pays; absent for the master key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenHash>,
    /// `chat`, `embedding` or `completion`.
    pub mode: String,
    /// Model group that was asked for.
    pub model_group: String,
    /// Deployment that answered; empty when none did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub deployment_id: String,
    /// `provider/model` that answered; empty when none did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Requests that this entry adds up; 1 except after a long absence of the key service.
    #[serde(default = "one")]
    pub requests: u64,
    /// Status that the client received.
    pub status: u16,
    /// Prompt tokens, cached ones included (`OpenAI`'s basis).
    pub prompt_tokens: u64,
    /// Completion tokens, reasoning included (`OpenAI`'s basis).
    pub completion_tokens: u64,
    /// Part of `prompt_tokens` that was read from a cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Part of `prompt_tokens` that was written to a cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Part of `completion_tokens` that was reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// Cost in picodollars (1e-12 USD); absent when the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_picodollars: Option<u64>,
    /// Start of the request, Unix milliseconds.
    pub started_ms: u64,
    /// From first byte in to last byte out, milliseconds.
    pub duration_ms: u64,
}

fn one() -> u64 {
    1
}

/// Answers [`SyncRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// Send it back next time.
    pub cursor: u64,
    /// The asker's `cursor` is unknown (first call, or too old): forget every cached key.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub reset: bool,
    /// Keys that changed since the asker's `cursor`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<KeyChange>,
    /// One for each of [`SyncRequest::asks`], in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<Lease>,
    /// All access tokens, when [`SyncRequest::tokens`] is not their revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<AccessTokens>,
}
fields!(SyncAnswer { cursor, reset, changes, leases, tokens; "cursor" });

/// The access tokens that the key service fetches for providers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccessTokens {
    /// Another one with every change, and after a restart of the key service.
    pub revision: u64,
    /// All of them.
    pub tokens: Vec<AccessToken>,
}
fields!(AccessTokens { revision, tokens; "revision", "tokens" });

/// One access token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessToken {
    /// [`Deployment::access_token`](crate::config::Deployment::access_token)
    pub name: String,
    /// The token itself.
    #[serde(with = "revealed")]
    pub token: Secret,
    /// When it ends, Unix seconds.
    pub expires_at: u64,
}
fields!(AccessToken { name, token, expires_at; "name", "token", "expires_at" });

/// A secret on its way between the filter and the key service.
mod revealed {
    use super::{Deserialize, Deserializer, Secret, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.reveal())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// A key that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyChange {
    /// Which key.
    pub token: TokenHash,
    /// Its new state, or nothing when it was deleted.
    pub key: Option<KeyRecord>,
}
fields!(KeyChange { token, key; "token" });
