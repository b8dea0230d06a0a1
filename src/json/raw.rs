//! The token of a value.

use core::fmt;

use serde_json::value::RawValue;

use super::scan::Scanner;

/// A JSON value verbatim, without surrounding white space.
///
/// It is like `serde_json`'s [`RawValue`], except that our scanner can create it directly, whereas a
/// [`RawValue`] can only be created by `serde_json`'s own parser.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(pub(super) &'a str);

impl<'a> Raw<'a> {
    /// The token `null`.
    pub const NULL: Raw<'static> = Raw("null");

    /// Creates it from text that must be a single JSON value.
    ///
    /// # Errors
    /// It is not, with the position and the reason.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        let mut scanner = Scanner::new(text);
        match scanner.value().filter(|_| scanner.is_at_end()) {
            Some(value) => Ok(value),
            None => Err(super::scan::error(text)),
        }
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        // No other value starts with this byte.
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
    /// Hides the value, which may contain a person's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.len())
    }
}
