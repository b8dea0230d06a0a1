//! Formats digests.

/// Bytes as lowercase hexadecimal digits. Formatting each byte separately would cost more than the digest
/// itself.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_is_two_digits() {
        assert_eq!(super::hex(&[0, 1, 0x9f, 0xa0, 0xff]), "00019fa0ff");
    }
}
