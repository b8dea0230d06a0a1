//! Stores a response before its end goes out: a client may continue it at once.

use super::Attempt;
use crate::key::KEEP_PATH;

impl Attempt {
    /// Whether the response is to be stored.
    pub fn keeps(&self) -> bool {
        self.call.keeping.is_some() && !self.is_sealed()
    }

    /// The path and body of the call to the key service that must be answered before `end`, the last bytes of the response,
    /// goes out; `None` if nothing is to be stored.
    pub fn keep(&self, end: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        // The provider keeps its own.
        let keeping = self.call.keeping.as_ref().filter(|_| !self.is_sealed())?;
        let response = self.call.language.stateful()?.response(end)?;
        Some((KEEP_PATH, keeping.call(self.call.key.as_ref().map(|key| key.token), response)))
    }

    /// Handles the key service's answer to [`Self::keep`], if there was one. Returns the bytes to send.
    pub fn kept(&self, end: Vec<u8>, answer: Option<&[u8]>) -> Vec<u8> {
        let is_stored = answer.is_some_and(|answer| answer.trim_ascii() == br#"{"stored":true}"#);
        match self.call.language.stateful() {
            Some(language) if !is_stored => language.unstored(&end),
            _ => end,
        }
    }
}
