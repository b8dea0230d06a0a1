//! Names made of what they name.

use sha2::{Digest as _, Sha256};

/// SHA-256 of `text` in 64 lower-case hexadecimal digits.
pub(super) fn hex(text: &str) -> String {
    switchboard::hex::hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_digest_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(super::hex("abc"), expected);
    }
}
