//! What a key is known by.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::json::{JsonStr, leaves};

/// Every virtual key begins so. Changing it would lock out every holder of a `LiteLLM` key.
pub const KEY_PREFIX: &str = "sk-";

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
        // A formatted number for each byte would cost more than all else that is written of a request.
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default() as u8;
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(self.0) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        f.write_str(core::str::from_utf8(&hex).unwrap_or_default())
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
}
