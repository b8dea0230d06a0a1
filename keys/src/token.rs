//! Creates virtual keys. The plain key exists only until the response is sent; everything else uses its hash.

use core::fmt::{self, Write as _};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, Serializer};
use switchboard::key::{KEY_PREFIX, TokenHash};

/// A plain virtual key. Only the response that returns it to its owner may contain it.
#[derive(Clone)]
pub struct PlainToken(String);

impl PlainToken {
    /// A new key: `sk-` and 22 URL-safe characters, 128 bits from the operating system's generator, in the
    /// format of `LiteLLM`'s `secrets.token_urlsafe(16)`.
    pub fn generate() -> Self {
        Self(format!("{KEY_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())))
    }

    /// A custom key; the caller has validated its format.
    pub fn chosen(key: String) -> Self {
        Self(key)
    }

    /// The hash that is stored.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }

    /// The name for display: `sk-...` and the key's last four characters.
    pub fn name(&self) -> String {
        key_name(&self.0)
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainToken")
    }
}

impl Serialize for PlainToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// An id for a user, a team or a budget that was created without one: a random UUID.
pub fn random_id() -> String {
    let mut bytes = rand::random::<[u8; 16]>();
    // RFC 9562, version 4.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut id = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&at) {
            id.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// `sk-...` and the last four characters of a key.
pub fn key_name(key: &str) -> String {
    format!("{KEY_PREFIX}...{}", last(key, 4))
}

/// The part of a presumed key that an error message may show: `abcd****gh12`, or only asterisks if that would
/// reveal most of it.
pub fn masked(key: &str) -> String {
    if key.chars().count() <= 8 {
        return "****".to_owned();
    }
    format!("{}****{}", key.chars().take(4).collect::<String>(), last(key, 4))
}

/// The hash for a key or its hash: every path accepts either.
pub fn identified(key_or_hash: &str) -> TokenHash {
    TokenHash::parse(key_or_hash).unwrap_or_else(|| TokenHash::of(key_or_hash.as_bytes()))
}

fn last(text: &str, count: usize) -> String {
    let skipped = text.chars().count().saturating_sub(count);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_key_has_the_form_that_clients_know() {
        let PlainToken(key) = PlainToken::generate();
        let random = key.strip_prefix("sk-").unwrap();
        assert_eq!(random.len(), 22);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_ne!(key, PlainToken::generate().0);
    }

    #[test]
    fn an_id_is_a_uuid_of_version_four() {
        let id = random_id();
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{id}");
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, random_id());
    }

    #[test]
    fn debug_output_says_nothing_of_the_key() {
        let token = PlainToken::chosen("sk-very-secret-0000".to_owned());
        assert_eq!(format!("{token:?}"), "PlainToken");
        assert_eq!(token.name(), "sk-...0000");
    }

    #[test]
    fn a_key_and_its_hash_mean_the_same() {
        let hash = TokenHash::of(b"sk-1234567890abcdef");
        assert_eq!(identified("sk-1234567890abcdef"), hash);
        assert_eq!(identified(&hash.to_string()), hash);
    }

    #[test]
    fn masking_shows_nothing_of_short_texts_and_splits_no_character() {
        assert_eq!(masked("abcdefgh"), "****");
        assert_eq!(masked("abcdefgh1"), "abcd****fgh1");
        assert_eq!(masked("ääääöööööüüüü"), "ääää****üüüü");
    }
}
