//! Reading many keys at once: those that are asked for at the same time are one query.
//!
//! While a query is under way, whoever asks is put on a list; the next query is for all who are on it. So nobody waits for
//! company, and under load a thousand questions are a few dozen queries.

use std::sync::{Mutex, MutexGuard, PoisonError};

use switchboard::key::{KeyRecord, TokenHash};
use tokio::sync::oneshot;

use super::{Store, StoreError};

/// Queries under way at the same time. More would make each of them carry less.
const AT_ONCE: usize = 2;

/// Keys in one query.
const MOST: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Together(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    reading: usize,
    waiting: Vec<Waiting>,
}

type Waiting = (TokenHash, oneshot::Sender<Option<KeyRecord>>);

impl Together {
    /// A panic while the lock was held leaves a state that is valid.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is served next; nobody, and then this reader has ended.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.state();
        let most = state.waiting.len().min(MOST);
        if most == 0 {
            state.reading -= 1;
        }
        state.waiting.drain(..most).collect()
    }
}

impl Store {
    /// What the filter must know of a key, as it is now.
    pub(super) async fn record(&self, token: TokenHash) -> Result<Option<KeyRecord>, StoreError> {
        let (tell, told) = oneshot::channel();
        let begins = {
            let mut state = self.together.state();
            state.waiting.push((token, tell));
            let begins = state.reading < AT_ONCE;
            state.reading += usize::from(begins);
            begins
        };
        if begins {
            // By itself: the one who asks may go away, and the others must not wait for ever.
            tokio::spawn(self.clone().read_together());
        }
        match told.await {
            Ok(record) => Ok(record),
            // The query failed: each learns for itself why.
            Err(_) => Ok(self.records(&[token]).await?.remove(&token)),
        }
    }

    async fn read_together(self) {
        loop {
            let asked = self.together.next();
            if asked.is_empty() {
                return;
            }
            let tokens: Vec<_> = asked.iter().map(|(token, _)| *token).collect();
            let Ok(records) = self.records(&tokens).await else { continue };
            for (token, tell) in asked {
                // Two may have asked for one key. Who has gone away misses nothing.
                let _ = tell.send(records.get(&token).cloned());
            }
        }
    }
}
