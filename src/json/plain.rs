//! Passes over a string's characters: sixty-four bytes at a time by vectors, or eight, also in WebAssembly, whose words are
//! of four.

/// How many bytes there are before a quote, a backslash or a control character.
pub(super) fn plain(bytes: &[u8]) -> usize {
    // Most strings are short. Of a long one, whole blocks are passed over, which are vectors to the compiler.
    let Some((first, long)) = bytes.split_at_checked(16) else { return plain_words(bytes) };
    let begun = plain_words(first);
    if begun < first.len() {
        return begun;
    }
    let (blocks, _) = long.as_chunks::<64>();
    let passed = blocks.iter().take_while(|block| !has_stop(block)).count() * 64;
    let rest = long.get(passed..).unwrap_or_default();
    first.len() + passed + plain_words(rest)
}

/// Whether there is a quote, a backslash or a control character among them.
fn has_stop(block: &[u8; 64]) -> bool {
    let stop = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    block.iter().fold(0, |found, byte| found | stop(*byte)) != 0
}

/// The same as [`plain`], word by word.
fn plain_words(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    // A byte that is less than `n` borrows from its high bit. A byte below it may then borrow wrongly, so only the
    // lowest mark is sure: and that is the one that is asked for.
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
