//! Skips a string's characters sixteen bytes at a time: with vectors in WebAssembly, with words elsewhere.

/// Number of bytes before a quote, a backslash or a control character.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    let (blocks, rest) = bytes.as_chunks::<16>();
    let mut passed = 0;
    for block in blocks {
        let stops = stops(block);
        if stops != 0 {
            return passed + stops.trailing_zeros() as usize;
        }
        passed += block.len();
    }
    passed + plain_words(rest)
}

/// Bit mask of the bytes that are a quote, a backslash or a control character; the first byte is the lowest
/// bit.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
fn stops(block: &[u8; 16]) -> u32 {
    use core::arch::wasm32::{i64x2, u8x16_bitmask, u8x16_eq, u8x16_lt, u8x16_splat, v128_or};

    let ([low, high], _) = block.as_chunks::<8>() else { return 0 };
    let bytes = i64x2(i64::from_le_bytes(*low), i64::from_le_bytes(*high));
    let marks = v128_or(u8x16_eq(bytes, u8x16_splat(b'"')), u8x16_eq(bytes, u8x16_splat(b'\\')));
    u8x16_bitmask(v128_or(marks, u8x16_lt(bytes, u8x16_splat(0x20)))).into()
}

/// Bit mask of the bytes that are a quote, a backslash or a control character; only the first one is
/// reliable.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn stops(block: &[u8; 16]) -> u32 {
    let at = plain_words(block);
    if at < block.len() { 1 << at } else { 0 }
}

/// Like [`plain`], word by word. It is a separate function because few strings end so close to the end of the
/// text.
#[inline(never)]
fn plain_words(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // A byte less than `n` borrows from its high bit. The byte above it may then borrow wrongly, so only the
    // lowest mark is reliable, which is the one that is needed.
    let less = |word: u64, n: u8| word.wrapping_sub(ONES * u64::from(n)) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let (quote, backslash) = (word ^ (ONES * u64::from(b'"')), word ^ (ONES * u64::from(b'\\')));
        let stops = (less(word, 0x20) | less(quote, 1) | less(backslash, 1)) & HIGH;
        if stops != 0 {
            return at + stops.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + rest.iter().take_while(|byte| !matches!(byte, 0..0x20 | b'"' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_string_is_found_at_every_distance_from_every_neighbour() {
        for stop in [b'"', b'\\', 0, 0x1f] {
            for length in 0..200 {
                for filling in [b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff, b'"' ^ 0x80, b'\\' ^ 0x80] {
                    let mut bytes = vec![filling; length];
                    bytes.extend([stop; 11]);
                    assert_eq!(plain(&bytes), length, "{stop} after {length} of {filling}");
                    assert_eq!(plain(&bytes[..length]), length);
                }
            }
        }
    }
}
