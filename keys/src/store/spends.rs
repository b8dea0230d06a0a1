//! The spend of keys that were charged recently. Workers show it (`x-litellm-key-spend`); a change of the spend alone is not a
//! change in the feed.
//!
//! Each key service remembers the keys that it charged itself. With several on one database, a key's spend is current at a
//! worker after the next charge that the worker's key service records.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use switchboard::key::{KeySpend, TokenHash};

use super::accounts::AT_ONCE;
use super::key_row::token;
use super::sql::Places;
use super::{Store, StoreError, get};
use crate::money::Picodollars;

/// Keys that are remembered at most.
const MOST_KEYS: usize = 10_000;

/// Keys in one answer at most; the most recently charged ones.
const MOST_IN_ANSWER: usize = 1_000;

/// When keys were charged.
#[derive(Debug, Default)]
pub(super) struct Charged(Mutex<HashMap<TokenHash, Instant>>);

impl Charged {
    /// These keys were charged now.
    pub(super) fn note<'t>(&self, tokens: impl Iterator<Item = &'t TokenHash>) {
        let now = Instant::now();
        let mut charged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        charged.extend(tokens.map(|token| (*token, now)));
        if charged.len() > MOST_KEYS {
            charged.retain(|_, at| now.duration_since(*at) < Duration::from_mins(1));
        }
        if charged.len() > MOST_KEYS {
            charged.clear();
        }
    }

    fn within(&self, age: Duration) -> Vec<TokenHash> {
        let charged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut recent: Vec<_> = charged.iter().filter(|(_, at)| at.elapsed() <= age).collect();
        recent.sort_unstable_by_key(|(_, at)| core::cmp::Reverse(**at));
        recent.into_iter().take(MOST_IN_ANSWER).map(|(token, _)| *token).collect()
    }
}

impl Store {
    /// What the keys that were charged within that time have spent.
    pub async fn spends(&self, age: Duration) -> Result<Vec<KeySpend>, StoreError> {
        let mut spends = Vec::new();
        for tokens in self.charged.within(age).chunks(AT_ONCE) {
            let list = Places::on(self.backend).list(tokens.len());
            let sql = format!("SELECT token, spend FROM virtual_key WHERE token IN ({list})");
            let query = tokens
                .iter()
                .fold(sqlx::query(AssertSqlSafe(sql)), |query, token| query.bind(token.to_string()));
            for row in query.fetch_all(&self.readers).await? {
                let spend = Picodollars::from_stored(get(&row, 1)?).stored().unsigned_abs();
                spends.push(KeySpend { token: token(&row, 0)?, spend });
            }
        }
        Ok(spends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_recently_charged_keys_are_reported_and_old_ones_are_not() {
        let charged = Charged::default();
        let tokens: Vec<_> =
            (0..MOST_IN_ANSWER + 5).map(|n| TokenHash::of(n.to_string().as_bytes())).collect();
        charged.note(tokens.iter());
        std::thread::sleep(Duration::from_millis(30));
        let last = [TokenHash::of(b"last")];
        charged.note(last.iter());
        assert_eq!(charged.within(Duration::from_millis(15)), last);
        let all = charged.within(Duration::from_mins(1));
        assert_eq!((all.len(), all[0]), (MOST_IN_ANSWER, last[0]));
    }
}
