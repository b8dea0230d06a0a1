//! The filter's calls to the key service: verifying keys, reporting usage, and resolving references.

use std::borrow::Cow;

use super::{KeyRecord, TokenHash, UsageBatch};
use crate::json::{JsonStr, fields, leaves};
use crate::lease::{Lease, LeaseAsk};
use crate::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Path for looking up a key.
pub const VERIFY_PATH: &str = "/internal/verify";

/// Path of the periodic call that sends usage and returns changes.
pub const SYNC_PATH: &str = "/internal/sync";

/// Path for fetching media.
pub const MEDIA_PATH: &str = "/internal/media";

/// Path for decoding tokens.
pub const TEXTS_PATH: &str = "/internal/texts";

/// Maximum duration of either, seconds.
pub const RESOLVE_TIMEOUT_S: u16 = 30;

/// Path for decompressing a body: removes the codings in the call's own `content-encoding` header and returns
/// the result. The filter has no decoders, because they would be a fifth of the module and are rarely needed.
pub const DECODE_PATH: &str = "/internal/decode";

leaves! {
    Secret: Secret::new(""), |token| JsonStr::of(token)?.decode().map(Secret::new), "a string";
}

/// Looks up a key. Body of [`VERIFY_PATH`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// SHA-256 of the key.
    pub token: TokenHash,
}

/// Response to [`VerifyRequest`], always with status 200; any other status means that the service is
/// unavailable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifyAnswer {
    /// The key, or `None` if there is none with that hash.
    pub key: Option<KeyRecord>,
    /// The change feed's position in the transaction that read the key. If the filter's cursor is beyond it,
    /// the filter knows changes that this response may lack.
    pub cursor: u64,
}
fields!(VerifyAnswer { key, cursor; "cursor" });

/// An Envoy worker's periodic report. Body of [`SYNC_PATH`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncRequest<'a> {
    /// The `cursor` of the last response; absent in the first call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// Usage since the last accepted batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Cow<'a, UsageBatch>>,
    /// Name of the Envoy process, which is the same for all its workers and never reused. Empty if the filter
    /// takes no leases.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub instance: String,
    /// Leases to take, keep or return. The batch is recorded first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<LeaseAsk>,
    /// Revision of the filter's access tokens; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Report the spend of keys that were charged within so many milliseconds; absent if the asker caches no keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_within_ms: Option<u64>,
    /// Access tokens that requests need and that are missing, expired, or rejected by the provider: fetch
    /// them now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<String>,
}

/// Response to [`SyncRequest`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// Cursor for the next request.
    pub cursor: u64,
    /// Id of the request's batch, which is recorded now or was before, so the filter can drop it. Absent if
    /// the request had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// The filter's `cursor` is unknown (first call, or too old): drop all cached keys.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub reset: bool,
    /// Keys that changed since the filter's `cursor`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<KeyChange>,
    /// One lease for each of [`SyncRequest::asks`], in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases: Vec<Lease>,
    /// All access tokens, if [`SyncRequest::tokens`] is not their revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<AccessTokens>,
    /// The spend of keys for [`SyncRequest::charged_within_ms`], after the request's batch was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spends: Vec<KeySpend>,
}
fields!(SyncAnswer { cursor, recorded, reset, changes, leases, tokens, spends; "cursor" });

/// What a key has spent since its budget started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySpend {
    /// Which key.
    pub token: TokenHash,
    /// Recorded by all workers, picodollars.
    pub spend: u64,
}
fields!(KeySpend { token, spend; "token", "spend" });

/// The access tokens that the key service fetches for providers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccessTokens {
    /// Changes with every update, and after a restart of the key service.
    pub revision: u64,
    /// All tokens.
    pub tokens: Vec<AccessToken>,
}
fields!(AccessTokens { revision, tokens; "revision", "tokens" });

/// An access token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessToken {
    /// [`Deployment::access_token`](crate::config::Deployment::access_token)
    pub name: String,
    /// The token itself.
    #[serde(with = "revealed")]
    pub token: Secret,
    /// Expiry, Unix seconds.
    pub expires_at: u64,
}
fields!(AccessToken { name, token, expires_at; "name", "token", "expires_at" });

/// Serializes a secret for transfer between the filter and the key service.
mod revealed {
    use super::{Deserialize, Deserializer, Secret, Serializer};

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.reveal())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(Secret::new)
    }
}

/// A changed key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyChange {
    /// The key.
    pub token: TokenHash,
    /// Its new state, or `None` if it was deleted.
    pub key: Option<KeyRecord>,
}
fields!(KeyChange { token, key; "token" });
