//! Encryption of secrets in the database: AES-256-GCM, with a key that is derived by HKDF-SHA-256.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use switchboard::secret::Secret;

/// Names the purpose and the format, for a later one.
const PURPOSE: &[u8] = b"switchboard models v1";

/// The format that this build writes.
const PREFIX: &str = "v1:";

/// Encrypts texts.
pub struct Sealer(LessSafeKey);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// The system has no random numbers, or the library refuses the key.
#[derive(Clone, Copy, Debug)]
pub struct SealError;

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot encrypt")
    }
}

impl Sealer {
    /// A sealer whose key is derived from a secret: `LITELLM_SALT_KEY`, or the master key.
    pub fn new(secret: &Secret) -> Result<Self, SealError> {
        let derived = Salt::new(HKDF_SHA256, b"switchboard").extract(secret.reveal().as_bytes());
        let key = derived.expand(&[PURPOSE], &AES_256_GCM).map_err(|_| SealError)?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(key))))
    }

    /// Encrypts a text, which can then only be decrypted in the same context.
    pub fn seal(&self, context: &str, text: &str) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealError)?;
        let mut sealed = text.as_bytes().to_vec();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.0
            .seal_in_place_append_tag(unique, Aad::from(context.as_bytes()), &mut sealed)
            .map_err(|_| SealError)?;
        Ok(format!("{PREFIX}{}", STANDARD_NO_PAD.encode([&nonce, &*sealed].concat())))
    }

    /// Decrypts a text; `None` if it was encrypted with another key or in another context, or was changed.
    pub fn open(&self, context: &str, sealed: &str) -> Option<String> {
        let bytes = STANDARD_NO_PAD.decode(sealed.strip_prefix(PREFIX)?).ok()?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(context.as_bytes()), &mut text).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_opens_a_text_and_only_in_its_context() {
        let sealer = Sealer::new(&Secret::new("sk-salt")).unwrap();
        let text = sealer.seal("id", "sk-provider").unwrap();
        assert!(!text.contains("sk-provider") && text != sealer.seal("id", "sk-provider").unwrap());
        assert_eq!(sealer.open("id", &text).as_deref(), Some("sk-provider"));
        assert_eq!(sealer.open("other", &text), None);
        assert_eq!(Sealer::new(&Secret::new("sk-other")).unwrap().open("id", &text), None);
        let mut changed = text.into_bytes();
        let last = changed.len() - 1;
        changed[last] = if changed[last] == b'A' { b'B' } else { b'A' };
        assert_eq!(sealer.open("id", &String::from_utf8(changed).unwrap()), None);
        for wrong in ["", "v1:", "v2:AAAA", "v1:A", "sk-plain"] {
            assert_eq!(sealer.open("id", wrong), None, "{wrong}");
        }
    }
}
