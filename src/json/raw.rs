//! A value's token.

use core::fmt;

use serde_json::value::RawValue;

use super::scan::Scanner;

/// A JSON value as it stands in the source, without white space around it.
///
/// It is what `serde_json`'s [`RawValue`] is, but for one thing: what our scanner has passed becomes one at once, where a
/// [`RawValue`] comes of `serde_json`'s own reading only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(pub(super) &'a str);

impl<'a> Raw<'a> {
    /// The token `null`.
    pub const NULL: Raw<'static> = Raw("null");

    /// Takes a text that is one JSON value.
    ///
    /// # Errors
    /// It is none: where, and why.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut scanner = Scanner::new(text);
        match scanner.value().filter(|_| scanner.is_at_end()) {
            Some(value) => Ok(value),
            None => Err(super::scan::error(text)),
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        // No other value begins so.
        self.0.as_bytes().first() == Some(&b'n')
    }

    /// The token's text.
    pub fn get(self) -> &'a str {
        self.0
    }
}

impl<'a> From<&'a RawValue> for Raw<'a> {
    fn from(value: &'a RawValue) -> Self {
        Raw(value.get())
    }
}

impl fmt::Debug for Raw<'_> {
    /// Silent: the value may hold a person's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}
