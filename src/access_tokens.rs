//! Access tokens that the key service fetches for providers that accept no other credential. The filter
//! neither requests nor renews them itself.
//!
//! They arrive in the response to a sync call if the filter's revision is out of date. They are stored next
//! to the table that names them, so a new table requests all of them again. If a request needs a missing
//! token, or the provider rejected it, the filter asks for it immediately.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::key::{AccessToken, AccessTokens};
use crate::secret::Secret;

/// How long the filter keeps asking for a token after a request needed it, milliseconds.
const WANTED_MS: u64 = 3_000;

/// The latest tokens. All workers of a process may share them.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    revision: Option<u64>,
    tokens: Vec<AccessToken>,
    /// Names of missing tokens that requests need, and until when to ask for them.
    wanted: Vec<(String, u64)>,
    /// Some wanted token was not asked for yet.
    is_urgent: bool,
}

impl Tokens {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current revision, for the next sync call; `None` before the first response.
    pub fn revision(&self) -> Option<u64> {
        self.state().revision
    }

    /// Replaces all tokens with those of a sync response.
    pub fn learn(&self, heard: AccessTokens) {
        let mut state = self.state();
        state.revision = Some(heard.revision);
        state.tokens = heard.tokens;
        state.wanted.clear();
    }

    /// Records that a request needs a token that is missing or was rejected. `now_ms` is Unix time in
    /// milliseconds.
    pub fn want(&self, name: &str, now_ms: u64) {
        let mut state = self.state();
        let until = now_ms.saturating_add(WANTED_MS);
        if let Some((_, latest)) = state.wanted.iter_mut().find(|(other, _)| other == name) {
            *latest = until;
        } else {
            state.wanted.push((name.to_owned(), until));
            state.is_urgent = true;
        }
    }

    /// Whether some wanted token was not asked for yet.
    pub fn is_urgent(&self) -> bool {
        self.state().is_urgent
    }

    /// The tokens to ask for, at that Unix time in milliseconds.
    pub fn wanted(&self, now_ms: u64) -> Vec<String> {
        let mut state = self.state();
        state.is_urgent = false;
        state.wanted.retain(|(_, until)| *until > now_ms);
        state.wanted.iter().map(|(name, _)| name.clone()).collect()
    }

    /// A token by name, unless it has expired. `now_ms` is Unix time in milliseconds.
    pub fn get(&self, name: &str, now_ms: u64) -> Option<Secret> {
        let state = self.state();
        let token = state.tokens.iter().find(|token| token.name == name)?;
        (token.expires_at.saturating_mul(1_000) > now_ms).then(|| token.token.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(revision: u64, tokens: &[(&str, &str, u64)]) -> AccessTokens {
        let token = |(name, token, expires_at): &(&str, &str, u64)| AccessToken {
            name: (*name).to_owned(),
            token: Secret::new(*token),
            expires_at: *expires_at,
        };
        AccessTokens { revision, tokens: tokens.iter().map(token).collect() }
    }

    #[test]
    fn a_token_is_given_out_until_it_expires_and_the_newest_stands() {
        let tokens = Tokens::default();
        assert_eq!((tokens.revision(), tokens.get("a", 0)), (None, None));
        tokens.learn(heard(7, &[("a", "one", 10), ("b", "two", 20)]));
        assert_eq!(tokens.revision(), Some(7));
        assert_eq!(tokens.get("a", 9_999), Some(Secret::new("one")));
        assert_eq!(tokens.get("a", 10_000), None);
        tokens.learn(heard(8, &[("a", "three", 30)]));
        assert_eq!(tokens.get("a", 10_000), Some(Secret::new("three")));
        assert_eq!(tokens.get("b", 0), None);
    }

    #[test]
    fn what_requests_lack_is_wanted_for_a_while_or_until_there_are_newer_tokens() {
        let tokens = Tokens::default();
        assert!(!tokens.is_urgent() && tokens.wanted(0).is_empty());
        tokens.want("a", 1_000);
        tokens.want("a", 2_000);
        assert!(tokens.is_urgent());
        assert_eq!(tokens.wanted(4_999), ["a"]);
        assert!(!tokens.is_urgent());
        assert!(tokens.wanted(5_000).is_empty());
        tokens.want("a", 6_000);
        assert!(tokens.is_urgent());
        tokens.learn(heard(1, &[]));
        assert!(tokens.wanted(6_000).is_empty());
    }

    #[test]
    fn tokens_travel_and_do_not_show_in_debug_output() {
        let sent = heard(7, &[("a", "hush", 10)]);
        assert!(!format!("{sent:?}").contains("hush"));
        let json = serde_json::to_string(&sent).unwrap();
        assert_eq!(json, r#"{"revision":7,"tokens":[{"name":"a","token":"hush","expires_at":10}]}"#);
        assert_eq!(serde_json::from_str::<AccessTokens>(&json).unwrap(), sent);
    }
}
