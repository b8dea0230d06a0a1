//! String tokens: a JSON string that stays encoded, and one that is decoded.

use core::fmt;
use std::borrow::Cow;

use super::{Raw, Writer};

/// A JSON string token, including quotes and escapes.
#[derive(Clone, Copy)]
pub struct JsonStr<'a>(&'a str);

impl<'a> JsonStr<'a> {
    /// The token `""`.
    pub const EMPTY: Self = JsonStr("\"\"");

    /// Creates it from a token, if it is a string.
    pub fn of(raw: Raw<'a>) -> Option<Self> {
        raw.get().starts_with('"').then(|| Self(raw.get()))
    }

    /// Creates it from text that is known to be a string token.
    pub(super) fn token_of(text: &'a str) -> Self {
        Self(text)
    }

    /// The token, with quotes.
    pub fn token(self) -> &'a str {
        self.0
    }

    /// The contents between the quotes, still escaped.
    pub fn inner(self) -> &'a str {
        self.0.get(1..self.0.len().saturating_sub(1)).unwrap_or_default()
    }

    /// Whether the string is empty.
    pub fn is_empty(self) -> bool {
        self.0.len() <= 2
    }

    /// Whether the string has only white space. Half a surrogate pair does not count as white space.
    pub fn is_blank(self) -> bool {
        match self.inner().trim_start().as_bytes().first() {
            None => true,
            // Only an escape can still be white space, so long text is not decoded.
            Some(b'\\') => self.decode().is_some_and(|text| text.trim().is_empty()),
            Some(_) => false,
        }
    }

    /// Number of Unicode code points, counted without decoding. The second half of a surrogate pair counts,
    /// so a pair that is split between two tokens counts once in total.
    pub fn chars(self) -> u64 {
        let mut count = 0;
        let mut rest = self.inner();
        while let Some((plain, escape)) = rest.split_once('\\') {
            count += plain.chars().count() as u64;
            let long = escape.starts_with('u');
            let high = long
                && escape.get(1..3).is_some_and(|hex| {
                    matches!(hex.as_bytes(), [b'd' | b'D', b'8' | b'9' | b'a' | b'b' | b'A' | b'B'])
                });
            count += u64::from(!high);
            rest = escape.get(if long { 5 } else { 1 }..).unwrap_or_default();
        }
        count + rest.chars().count() as u64
    }

    /// The decoded text, for comparing names and ids; `None` if it is not valid Unicode (half a surrogate
    /// pair).
    pub fn decode(self) -> Option<Cow<'a, str>> {
        if memchr::memchr(b'\\', self.0.as_bytes()).is_none() {
            return Some(Cow::Borrowed(self.inner()));
        }
        serde_json::from_str(self.0).ok().map(Cow::Owned)
    }
}

/// An owned JSON string token.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonString(String);

impl JsonString {
    /// Encodes a text.
    pub fn new(text: &str) -> Self {
        let mut token = Vec::with_capacity(text.len() + 2);
        Writer::new(&mut token).string(text);
        Self(String::from_utf8(token).unwrap_or_default())
    }

    /// That token, kept.
    pub fn of(token: JsonStr<'_>) -> Self {
        Self(token.0.to_owned())
    }

    /// The token, borrowed.
    pub fn as_str(&self) -> JsonStr<'_> {
        JsonStr(&self.0)
    }

    /// The token's bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

impl fmt::Debug for JsonString {
    /// Hides the contents, as for [`JsonStr`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for JsonStr<'_> {
    /// Hides the token, which may be a person's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonStr({} bytes)", self.0.len())
    }
}

/// A decoded string, borrowed where possible.
///
/// Half a surrogate pair is rejected, because it is not valid text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl core::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read;
    use super::*;

    #[test]
    fn half_a_surrogate_pair_passes_as_a_token_and_is_no_text() {
        let token: JsonStr<'_> = read(r#""\ud83d""#).unwrap();
        assert_eq!(token.token(), r#""\ud83d""#);
        assert_eq!(token.decode(), None);
    }

    #[test]
    fn a_string_is_blank_when_it_decodes_to_white_space_only() {
        for (token, blank) in [
            (r#""""#, true),
            (r#"" \n\t ""#, true),
            (r#""\u0020""#, true),
            (r#""\ud83d""#, false),
            (r#"" \\n""#, false),
            (r#"" x""#, false),
        ] {
            let string: JsonStr<'_> = read(token).unwrap();
            assert_eq!(string.is_blank(), blank, "{token}");
        }
    }

    proptest! {
        #[test]
        fn characters_are_counted_as_if_decoded(text in "[a-zé😀\\\\\"\n]{0,12}", ascii in any::<bool>()) {
            let mut token = JsonString::new(&text).0;
            if ascii {
                token = token.replace('😀', "\\ud83d\\uDE00").replace('é', "\\u00e9");
            }
            let string: JsonStr<'_> = read(token.as_str()).unwrap();
            prop_assert_eq!(string.chars(), text.chars().count() as u64);
        }
    }
}
