//! Secrets from the environment that are only compared.

use core::fmt;

use subtle::ConstantTimeEq;
use switchboard::key::TokenHash;

/// The hash of the master key or the internal token: comparing it takes the same time for every guess, and a
/// memory dump does not contain the secret.
#[derive(Clone, Copy)]
pub struct HashedSecret([u8; 64]);

impl HashedSecret {
    /// Hashes a secret; `None` if it is empty, which would give access to everyone.
    pub fn new(secret: &str) -> Option<Self> {
        if secret.is_empty() { None } else { Some(Self(hex(TokenHash::of(secret.as_bytes())))) }
    }

    /// Whether this is the hash of the secret, in constant time.
    pub fn is(&self, presented: TokenHash) -> bool {
        self.0.ct_eq(&hex(presented)).into()
    }

    /// A proof that somebody presented the secret, which is worthless without the salt.
    pub fn proof(&self, salt: &str) -> TokenHash {
        TokenHash::of(&[salt.as_bytes(), &self.0].concat())
    }
}

impl fmt::Debug for HashedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashedSecret")
    }
}

fn hex(hash: TokenHash) -> [u8; 64] {
    let mut digits = [0; 64];
    digits.copy_from_slice(hash.to_string().as_bytes());
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_secret_is_the_secret() {
        let secret = HashedSecret::new("sk-master-0123456789").unwrap();
        let guess = |text: &str| secret.is(TokenHash::of(text.as_bytes()));
        assert!(guess("sk-master-0123456789"));
        for wrong in ["", "sk-master-012345678", "sk-master-01234567890", "Sk-master-0123456789"] {
            assert!(!guess(wrong), "{wrong}");
        }
    }

    #[test]
    fn an_empty_secret_is_none() {
        assert!(HashedSecret::new("").is_none());
    }

    #[test]
    fn debug_output_says_nothing() {
        assert_eq!(format!("{:?}", HashedSecret::new("sk-master").unwrap()), "HashedSecret");
    }
}
