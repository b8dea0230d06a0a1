//! Who pays for a request, and the key by which it says so.

use std::sync::Arc;

use super::super::head::unauthorized;
use super::super::part_of::PartOf;
use crate::key::{KEY_PREFIX, KeyRecord, TokenHash};
use crate::openai::ErrorBody;

/// Who pays.
#[derive(Clone, Debug)]
pub(super) enum Payer {
    Master,
    /// Nobody: the request is a part of another one, which has the account.
    Whole(PartOf),
    Key(Arc<KeyRecord>),
}

impl Payer {
    pub(super) fn key(&self) -> Option<&Arc<KeyRecord>> {
        match self {
            Self::Master | Self::Whole(_) => None,
            Self::Key(key) => Some(key),
        }
    }

    /// The request that this is a part of.
    pub(super) fn whole(&self) -> Option<&PartOf> {
        match self {
            Self::Whole(whole) => Some(whole),
            Self::Master | Self::Key(_) => None,
        }
    }

    pub(super) fn token(&self) -> Option<TokenHash> {
        self.key().map(|key| key.token)
    }
}

pub(super) fn unknown_key() -> ErrorBody {
    ErrorBody::new(401, "token_not_found_in_db", "Authentication Error, Invalid API key provided.")
        .about("key")
}

/// The hash of a key. Strings that do not look like a key are rejected without a call.
pub(super) fn token_of(presented: &[u8]) -> Result<TokenHash, ErrorBody> {
    if presented.starts_with(KEY_PREFIX.as_bytes()) {
        return Ok(TokenHash::of(presented));
    }
    let text = String::from_utf8_lossy(presented);
    let letters: Vec<char> = text.chars().collect();
    let shown = match (letters.first_chunk::<4>(), letters.last_chunk::<4>()) {
        (Some(first), Some(last)) if letters.len() > 8 => {
            format!("{}****{}", first.iter().collect::<String>(), last.iter().collect::<String>())
        }
        _ => "****".to_owned(),
    };
    Err(unauthorized(format!(
        "LiteLLM Virtual Key expected. Received={shown}, expected to start with 'sk-'."
    )))
}
