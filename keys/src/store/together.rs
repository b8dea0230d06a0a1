//! Batches concurrent key lookups: keys that are requested at the same time are one query.
//!
//! While queries are in flight, further lookups are queued; the next query serves the whole queue. So no
//! lookup waits for others to arrive, and under load a thousand lookups are a few dozen queries.

use std::sync::{Mutex, MutexGuard, PoisonError};

use switchboard::key::{KeyRecord, TokenHash};
use tokio::sync::oneshot;

use super::{Store, StoreError};

/// Maximum number of queries in flight. With more, each would serve fewer lookups.
const AT_ONCE: usize = 2;

/// Maximum number of keys per query.
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
    /// A panic while the lock was held leaves a valid state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next lookups; if there are none, this reader ends.
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
    /// A key's current record.
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
            // A separate task: if this caller disconnects, the others must not wait forever.
            tokio::spawn(self.clone().read_together());
        }
        match told.await {
            Ok(record) => Ok(record),
            // The query failed: each lookup is repeated separately to get its own error.
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
                // Two lookups may be for the same key. A caller that has disconnected misses nothing.
                let _ = tell.send(records.get(&token).cloned());
            }
        }
    }
}
