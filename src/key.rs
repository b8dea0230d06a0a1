//! Virtual keys: their shape, their hash, and the two calls between the filter and the key service.
//!
//! The types here are the wire contract of `POST /internal/verify` and `POST /internal/sync`; the key
//! service depends on this crate for them, so the two sides cannot drift apart.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

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

/// One Envoy worker's periodic report. Body of [`SYNC_PATH`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The `cursor` of the last answer; absent on the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Usage since the last accepted batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<UsageBatch>,
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
}

/// A key that is not what it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyChange {
    /// Which key.
    pub token: TokenHash,
    /// Its new state, or nothing when it was deleted.
    pub key: Option<KeyRecord>,
}
