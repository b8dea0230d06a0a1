//! Access tokens that the key service fetches for providers that take nothing else: the filter neither signs for
//! them nor renews them.
//!
//! They arrive with the answer to a sync call when the filter's revision is not the key service's. They lie beside
//! the table that names them, so a new table asks for all of them anew. A request that needs a token and has none, or
//! whose token the provider refused, makes the filter ask at once.

use core::cell::{Cell, RefCell};

use crate::key::{AccessToken, AccessTokens};
use crate::secret::Secret;

/// How long after a request needed a token the filter goes on asking for it, milliseconds.
const WANTED_MS: u64 = 3_000;

/// The tokens as they were last heard.
#[derive(Debug, Default)]
pub struct Tokens {
    revision: Cell<Option<u64>>,
    tokens: RefCell<Vec<AccessToken>>,
    /// Names of those that requests need and lack, and until when to ask for them.
    wanted: RefCell<Vec<(String, u64)>>,
    /// Something is wanted that was not asked for yet.
    is_urgent: Cell<bool>,
}

impl Tokens {
    /// What was last heard, for the next sync call; nothing before the first answer.
    pub fn revision(&self) -> Option<u64> {
        self.revision.get()
    }

    /// Takes the tokens of a sync answer in the place of the ones before.
    pub fn learn(&self, heard: AccessTokens) {
        self.revision.set(Some(heard.revision));
        self.tokens.replace(heard.tokens);
        self.wanted.take();
    }

    /// A request needs the token of that name, and has none or a refused one. `now_ms` is Unix time in milliseconds.
    pub fn want(&self, name: &str, now_ms: u64) {
        let mut wanted = self.wanted.borrow_mut();
        let until = now_ms.saturating_add(WANTED_MS);
        if let Some((_, latest)) = wanted.iter_mut().find(|(other, _)| other == name) {
            *latest = until;
        } else {
            wanted.push((name.to_owned(), until));
            self.is_urgent.set(true);
        }
    }

    /// Whether something is wanted that was not asked for yet.
    pub fn is_urgent(&self) -> bool {
        self.is_urgent.get()
    }

    /// What to ask for, at that Unix time in milliseconds.
    pub fn wanted(&self, now_ms: u64) -> Vec<String> {
        self.is_urgent.set(false);
        let mut wanted = self.wanted.borrow_mut();
        wanted.retain(|(_, until)| *until > now_ms);
        wanted.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The token of that name, as long as it is good. `now_ms` is Unix time in milliseconds.
    pub fn get(&self, name: &str, now_ms: u64) -> Option<Secret> {
        let tokens = self.tokens.borrow();
        let token = tokens.iter().find(|token| token.name == name)?;
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
