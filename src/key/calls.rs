//! The calls of the filter to the key service: to learn of keys, to tell of their use, and to have resolved what a
//! request refers to.

use std::borrow::Cow;

use super::{KeyRecord, TokenHash, UsageBatch};
use crate::json::{JsonStr, fields, leaves};
use crate::lease::{Lease, LeaseAsk};
use crate::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Path of the call by which the filter learns one key.
pub const VERIFY_PATH: &str = "/internal/verify";

/// Path of the periodic call: usage up, changes down.
pub const SYNC_PATH: &str = "/internal/sync";

/// Path of the call by which the filter has media fetched.
pub const MEDIA_PATH: &str = "/internal/media";

/// Path of the call by which the filter has tokens decoded.
pub const TEXTS_PATH: &str = "/internal/texts";

/// Longest time that the key service takes for either, seconds.
pub const RESOLVE_TIMEOUT_S: u16 = 30;

/// Path of the call that takes the content codings of its own header `content-encoding` off its body, and answers with
/// the rest. The filter has no decoders: they would be a fifth of the module, for answers that hardly ever come.
pub const DECODE_PATH: &str = "/internal/decode";

leaves! {
    Secret: Secret::new(""), |token| JsonStr::of(token)?.decode().map(Secret::new), "a string";
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
pub struct SyncRequest<'a> {
    /// The `cursor` of the last answer; absent on the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Usage since the last accepted batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Cow<'a, UsageBatch>>,
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
    /// Access tokens that requests need and that are missing, expired, or refused by the provider: fetch them now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<String>,
}

/// Answers [`SyncRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// Send it back next time.
    pub cursor: u64,
    /// Id of the request's batch: it is recorded, now or before, and the asker may forget it. Absent where the request
    /// carried none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
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
fields!(SyncAnswer { cursor, recorded, reset, changes, leases, tokens; "cursor" });

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
