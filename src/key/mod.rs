//! Virtual keys: their hash, their permissions, and the calls between the filter and the key service.
//!
//! The types are the wire contract of the internal port. The key service depends on this crate for them, so
//! the two sides always match.

mod calls;
pub mod lease;
mod record;
mod stored;
mod token;
mod usage;

pub use calls::{
    CREDENTIAL_PATH, Credential, CredentialRequest, DECODE_PATH, HandedOut, KeyChange, KeySpend, MEDIA_PATH,
    PAYERS_PATH, PayersAnswer, PayersRequest, RESOLVE_TIMEOUT_S, SYNC_PATH, SyncAnswer, SyncRequest,
    TEXTS_PATH, VERIFY_PATH, VerifyAnswer, VerifyRequest,
};
pub use record::{Account, AccountId, AccountKind, KeyRecord, Team, governs};
pub use stored::{KEEP_PATH, KEEP_TIMEOUT_MS, RECALL_PATH, STORED_PATH, StoredAction};
pub use token::{KEY_PREFIX, TokenHash};
pub use usage::{
    Detail, UsageAttempt, UsageBatch, UsageEntry, UsageError, UsageGroup, UsagePage, call_type, clipped,
    operation_name,
};
