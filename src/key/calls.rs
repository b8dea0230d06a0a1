//! The filter's calls to the key service: verifying keys, reporting usage, and resolving references.

use std::borrow::Cow;

use super::{AccountId, KeyRecord, TokenHash, UsageBatch};
use crate::json::{JsonStr, fields, leaves};
use crate::key::lease::{Lease, LeaseAsk};
use crate::secret::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Path for looking up a key.
pub const VERIFY_PATH: &str = "/internal/verify";

/// Path for looking up accounts that requests name.
pub const PAYERS_PATH: &str = "/internal/payers";

/// Path of the periodic call that sends usage and returns changes.
pub const SYNC_PATH: &str = "/internal/sync";

/// Path for fetching media.
pub const MEDIA_PATH: &str = "/internal/media";

/// Path for decoding tokens.
pub const TEXTS_PATH: &str = "/internal/texts";

/// Maximum duration of either, seconds.
pub const RESOLVE_TIMEOUT_S: u16 = 30;

/// Path for a credential that is missing, or that its provider has rejected.
pub const CREDENTIAL_PATH: &str = "/internal/credential";

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

/// Looks up accounts that a request names. Body of [`PAYERS_PATH`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayersRequest {
    /// The accounts.
    pub accounts: Vec<AccountId>,
}

/// Response to [`PayersRequest`], always with status 200.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PayersAnswer {
    /// The record of each account under [`AccountId::record_name`], in the order of the request. Accounts that limit nothing
    /// have none.
    pub records: Vec<KeyChange>,
    /// As [`VerifyAnswer::cursor`].
    pub cursor: u64,
}
fields!(PayersAnswer { records, cursor; "records", "cursor" });

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
    /// Revision of the filter's credentials, 0 before the first; absent if its table names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<u64>,
    /// Report the spend of keys that were charged within so many milliseconds; absent if the asker caches no keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charged_within_ms: Option<u64>,
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
    /// All credentials, if [`SyncRequest::credentials`] is not their revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<HandedOut>,
    /// The spend of keys for [`SyncRequest::charged_within_ms`], after the request's batch was recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spends: Vec<KeySpend>,
    /// Some requests count against accounts that they name themselves: [`PAYERS_PATH`].
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub payers: bool,
}
fields!(SyncAnswer { cursor, recorded, reset, changes, leases, credentials, spends, payers; "cursor" });

/// What a key has spent since its budget started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySpend {
    /// Which key.
    pub token: TokenHash,
    /// Recorded by all workers, picodollars.
    pub spend: u64,
}
fields!(KeySpend { token, spend; "token", "spend" });

/// Asks for a credential. Body of [`CREDENTIAL_PATH`]; the response is a [`HandedOut`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialRequest {
    /// [`Credential::name`]
    pub name: String,
    /// Revision of the filter's credentials, 0 before the first.
    pub revision: u64,
    /// The provider has rejected it, so it may be out of date.
    #[serde(default)]
    pub rejected: bool,
}

/// All credentials that the key service hands out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandedOut {
    /// Changes with every update; never 0.
    pub revision: u64,
    /// All of them.
    pub credentials: Vec<Credential>,
}
fields!(HandedOut { revision, credentials; "revision", "credentials" });

/// A credential, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// [`Deployment::credential`](crate::config::Deployment::credential)
    pub name: String,
    /// The API key, access token or secret access key; absent if there is none.
    #[serde(default, with = "revealed", skip_serializing_if = "Option::is_none")]
    pub value: Option<Secret>,
    /// [`Self::value`] is an access token, which is sent as a bearer token.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub is_token: bool,
    /// [`Self::value`] is the secret access key of this access key of AWS.
    #[serde(default, with = "revealed", skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<Secret>,
    /// Session token of temporary keys of AWS.
    #[serde(default, with = "revealed", skip_serializing_if = "Option::is_none")]
    pub session_token: Option<Secret>,
    /// Expiry, Unix seconds; absent if it does not expire by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// Why there is none, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
fields!(Credential { name, value, is_token, access_key_id, session_token, expires_at, problem; "name" });

/// Serializes a secret for transfer between the filter and the key service.
mod revealed {
    use super::{Deserialize, Deserializer, Secret, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes it so")]
    pub(super) fn serialize<S: Serializer>(
        secret: &Option<Secret>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        secret.as_ref().map(Secret::reveal).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Secret>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
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
