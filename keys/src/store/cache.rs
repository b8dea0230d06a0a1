//! Records of keys in memory, so that verifying a key that was verified before asks the database nothing.
//!
//! What is in memory is as old as the change feed's cursor says that goes with it; the feed is read when the last look is
//! older than [`LOOK_EVERY`], or this process has changed something since. An asker that has heard of newer changes sees by
//! the cursor that the answer may lack them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchboard::key::{KeyRecord, TokenHash};

use super::{Store, StoreError};

/// How long another replica's change may go unnoticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a record is used: what it says of spend is told by no feed.
const KEEP: Duration = Duration::from_secs(10);

/// Records in memory at most; about 100 MB.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Cache {
    state: Mutex<State>,
    /// This process has committed something since the last look.
    changed: AtomicBool,
    /// One looks, the others wait for it.
    looking: tokio::sync::Mutex<()>,
    counts: Mutex<Counts>,
}

/// How many keys there are, by what was asked.
#[derive(Debug, Default)]
struct Counts {
    /// Grows when a key is made, changed or deleted here.
    generation: u64,
    known: HashMap<String, (Instant, u64)>,
}

/// Counts of different questions in memory at most.
const MOST_COUNTS: usize = 100;

#[derive(Debug, Default)]
struct State {
    cursor: Option<u64>,
    looked: Option<Instant>,
    records: HashMap<TokenHash, (Instant, Arc<KeyRecord>)>,
}

/// A key as it was told.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The key, or nothing when there is none.
    pub key: Option<Arc<KeyRecord>>,
    /// The feed's position up to which this is certainly true.
    pub cursor: u64,
    /// Whether it came from memory.
    pub remembered: bool,
}

impl Cache {
    /// Something was committed: the next look must come before the next answer.
    pub(super) fn committed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// These keys spent something, which no feed tells.
    pub(super) fn spent<'a>(&self, tokens: impl Iterator<Item = &'a TokenHash>) {
        let mut state = self.state();
        for token in tokens {
            state.records.remove(token);
        }
    }

    /// A key was made, changed or deleted: nothing that was counted is certain.
    pub(super) fn keys_changed(&self) {
        let mut counts = self.counts();
        counts.generation += 1;
        counts.known.clear();
    }

    /// A count that is no older than this.
    pub(super) fn count(&self, name: &str, no_older: Duration) -> Option<u64> {
        let counts = self.counts();
        let (at, count) = counts.known.get(name)?;
        (at.elapsed() < no_older).then_some(*count)
    }

    /// Which generation is counted now; for [`Self::remember_count`].
    pub(super) fn counting(&self) -> u64 {
        self.counts().generation
    }

    /// Remembers a count, unless something changed since the counting began.
    pub(super) fn remember_count(&self, name: String, count: u64, counting: u64) {
        let mut counts = self.counts();
        if counts.generation == counting {
            if counts.known.len() >= MOST_COUNTS {
                counts.known.clear();
            }
            counts.known.insert(name, (Instant::now(), count));
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic while the lock was held leaves a state that is valid: every change of it is one assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_current(&self) -> bool {
        !self.changed.load(Ordering::Acquire)
            && self.state().looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY)
    }
}

impl Store {
    /// What the filter must know of a key.
    pub async fn verify(&self, token: TokenHash) -> Result<Verified, StoreError> {
        if !self.cache.is_current() {
            self.look().await?;
        }
        let cursor = {
            let state = self.cache.state();
            let cursor = state.cursor.unwrap_or_default();
            if let Some((read, key)) = state.records.get(&token)
                && read.elapsed() < KEEP
            {
                return Ok(Verified { key: Some(Arc::clone(key)), cursor, remembered: true });
            }
            cursor
        };
        let read = Instant::now();
        let key = self.record(token).await?.map(Arc::new);
        if let Some(key) = &key {
            let mut state = self.cache.state();
            // A change that was noticed meanwhile may be newer than what was read.
            if state.cursor == Some(cursor) {
                if state.records.len() >= MOST {
                    let victim = state.records.keys().next().copied();
                    victim.and_then(|victim| state.records.remove(&victim));
                }
                state.records.insert(token, (read, Arc::clone(key)));
            }
        }
        Ok(Verified { key, cursor, remembered: false })
    }

    /// Hears what changed, and forgets it.
    async fn look(&self) -> Result<(), StoreError> {
        let _looking = self.cache.looking.lock().await;
        if self.cache.is_current() {
            return Ok(());
        }
        let looked = Instant::now();
        // Before the look: what is committed during it may be missed, and makes another necessary.
        self.cache.changed.store(false, Ordering::Release);
        let known = self.cache.state().cursor;
        let heard = self.changed_after(known).await;
        if heard.is_err() {
            self.cache.committed();
        }
        let (cursor, changed) = heard?;
        let mut state = self.cache.state();
        match changed {
            Some(changed) => changed.iter().for_each(|token| _ = state.records.remove(token)),
            None => state.records.clear(),
        }
        state.cursor = Some(cursor);
        state.looked = Some(looked);
        Ok(())
    }
}
