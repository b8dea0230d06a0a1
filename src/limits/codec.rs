//! Encodes records as LEB128 integers (seven bits per byte, low bits first), so that a zero takes one byte.

/// Writes numbers.
#[derive(Debug, Default)]
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    pub(super) fn number(&mut self, mut number: u64) -> &mut Self {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push((number & 0x7f) as u8);
        self
    }

    pub(super) fn numbers(&mut self, numbers: &[u64]) -> &mut Self {
        for number in numbers {
            self.number(*number);
        }
        self
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads numbers; `None` if the input is truncated.
#[derive(Debug)]
pub(super) struct Decoder<'a>(&'a [u8]);

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }
}

impl<'a> Decoder<'a> {
    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 63, u64::MAX];
        let mut encoder = Encoder::default();
        encoder.numbers(&numbers);
        let bytes = encoder.finish();
        let mut decoder = Decoder::new(&bytes);
        for number in numbers {
            assert_eq!(decoder.number(), Some(number));
        }
        assert_eq!(decoder.number(), None);
    }

    #[test]
    fn what_is_cut_or_endless_is_no_number() {
        assert_eq!(Decoder::new(&[0x80]).number(), None);
        assert_eq!(Decoder::new(&[0x80; 20]).number(), None);
    }
}
