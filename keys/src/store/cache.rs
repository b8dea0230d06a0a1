//! Caches key records in memory, so that verifying a known key needs no query.
//!
//! Cached records are as current as the change feed's cursor that is stored with them. The feed is read if
//! the last read is older than [`LOOK_EVERY`], or if this process has changed something since. A filter that
//! knows newer changes sees from the cursor that the response may lack them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchboard::key::{KeyRecord, TokenHash};

use super::feed::Heard;
use super::{Store, StoreError};

/// How long another replica's change may go unnoticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a record is used, because the feed does not report changes of spend.
const KEEP: Duration = Duration::from_secs(10);

/// Maximum number of cached records; about 100 MB.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
pub(super) struct Cache {
    state: Mutex<State>,
    /// This process has committed something since the last read of the feed.
    changed: AtomicBool,
    /// One task reads the feed while others wait for it.
    looking: tokio::sync::Mutex<()>,
    counts: Mutex<Counts>,
}

/// Cached numbers of keys, by query.
#[derive(Debug, Default)]
struct Counts {
    /// Increases when this process creates, changes or deletes a key.
    generation: u64,
    known: HashMap<String, (Instant, u64)>,
}

/// Maximum number of cached counts.
const MOST_COUNTS: usize = 100;

#[derive(Debug, Default)]
struct State {
    cursor: Option<u64>,
    looked: Option<Instant>,
    records: HashMap<TokenHash, (Instant, Arc<KeyRecord>)>,
}

/// The result of verifying a key.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The key, or `None` if it does not exist.
    pub key: Option<Arc<KeyRecord>>,
    /// The position of the feed up to which this is known to be current.
    pub cursor: u64,
    /// Whether it came from the cache.
    pub remembered: bool,
}

impl Cache {
    /// Something was committed: the feed must be read before the next response.
    pub(super) fn committed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// These keys have spent something, which the feed does not report.
    pub(super) fn spent<'a>(&self, tokens: impl Iterator<Item = &'a TokenHash>) {
        let mut state = self.state();
        for token in tokens {
            state.records.remove(token);
        }
    }

    /// A key was created, changed or deleted: cached counts are invalid.
    pub(super) fn keys_changed(&self) {
        let mut counts = self.counts();
        counts.generation += 1;
        counts.known.clear();
    }

    /// A cached count that is not older than this.
    pub(super) fn count(&self, name: &str, no_older: Duration) -> Option<u64> {
        let counts = self.counts();
        let (at, count) = counts.known.get(name)?;
        (at.elapsed() < no_older).then_some(*count)
    }

    /// The current generation, for [`Self::remember_count`].
    pub(super) fn counting(&self) -> u64 {
        self.counts().generation
    }

    /// Caches a count, unless a key has changed since counting began.
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

    /// A panic while the lock was held leaves a valid state, because every change is a single assignment.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_current(&self) -> bool {
        !self.changed.load(Ordering::Acquire)
            && self.state().looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY)
    }
}

impl Store {
    /// The record of a key.
    pub async fn verify(&self, token: TokenHash) -> Result<Verified, StoreError> {
        self.cached(token, async || self.record(token).await).await
    }

    /// A record that is read if it is not cached.
    pub(super) async fn cached(
        &self,
        token: TokenHash,
        read_record: impl AsyncFnOnce() -> Result<Option<KeyRecord>, StoreError>,
    ) -> Result<Verified, StoreError> {
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
        let key = read_record().await?.map(Arc::new);
        if let Some(key) = &key {
            let mut state = self.cache.state();
            // Do not overwrite a newer change that was read meanwhile.
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

    /// Reads the feed, and evicts changed keys.
    async fn look(&self) -> Result<(), StoreError> {
        let _looking = self.cache.looking.lock().await;
        if self.cache.is_current() {
            return Ok(());
        }
        let looked = Instant::now();
        // Before reading: a commit during the read may be missed, and requires another read.
        self.cache.changed.store(false, Ordering::Release);
        let known = self.cache.state().cursor;
        let heard = self.changed_after(known).await;
        if heard.is_err() {
            self.cache.committed();
        }
        let Heard { cursor, changed, .. } = heard?;
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
