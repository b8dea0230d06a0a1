//! The keys that a worker knows.
//!
//! A key is learned by one call and updated by the changes in sync responses, so a known key costs nothing.
//! Known keys are valid as long as the key service was reached within the grace period; after that, every key
//! is unknown again and no request is admitted.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::key::{KeyRecord, KeySpend, SyncAnswer, TokenHash, VerifyAnswer};

/// How long a nonexistent key is remembered, milliseconds, so that a flood of invalid keys does not cause a
/// flood of calls. A key that is created meanwhile arrives with the next sync.
const UNKNOWN_TTL_MS: u64 = 10_000;

/// A worker's cache of keys.
#[derive(Debug)]
pub struct Keyring {
    known: HashMap<TokenHash, Known>,
    unknown: HashMap<TokenHash, u64>,
    capacity: usize,
    grace_ms: u64,
    cursor: Option<u64>,
    heard_ms: Option<u64>,
    has_payers: bool,
}

/// A key, and the spend of this worker's requests since its record was received.
#[derive(Debug)]
struct Known {
    key: Arc<KeyRecord>,
    /// Recorded spend of all workers, picodollars.
    recorded: u64,
    /// Spend of this worker that is not recorded yet, picodollars.
    unrecorded: u64,
}

impl Known {
    fn new(key: Arc<KeyRecord>, unrecorded: u64) -> Self {
        let recorded = key.accounts.first().map_or(0, |own| own.spend);
        Self { key, recorded, unrecorded }
    }
}

/// The result of a lookup.
#[derive(Debug)]
pub enum Lookup {
    /// The key.
    Known(Arc<KeyRecord>),
    /// The key does not exist.
    Unknown,
    /// The key service must be asked.
    Ask,
}

impl Default for Keyring {
    /// The keyring before the first configuration.
    fn default() -> Self {
        Self::new(1, 0)
    }
}

impl Keyring {
    /// Creates an empty keyring.
    pub fn new(capacity: usize, grace_s: u32) -> Self {
        Self {
            known: HashMap::new(),
            unknown: HashMap::new(),
            capacity: capacity.max(1),
            grace_ms: u64::from(grace_s) * 1000,
            cursor: None,
            heard_ms: None,
            // Until the key service says otherwise.
            has_payers: true,
        }
    }

    /// Changes the limits; cached keys are kept.
    pub fn resize(&mut self, capacity: usize, grace_s: u32) {
        self.capacity = capacity.max(1);
        self.grace_ms = u64::from(grace_s) * 1000;
    }

    /// Whether the key service was ever reached.
    pub fn has_heard(&self) -> bool {
        self.heard_ms.is_some()
    }

    /// Whether the key service was reached within so many milliseconds.
    pub fn has_heard_within(&self, ms: u64, now_ms: u64) -> bool {
        self.heard_ms.is_some_and(|heard| now_ms.saturating_sub(heard) <= ms)
    }

    /// Whether the key service was reached within the grace period. Otherwise no cached key is valid.
    pub fn is_current(&self, now_ms: u64) -> bool {
        self.has_heard_within(self.grace_ms, now_ms)
    }

    /// Looks up a key.
    pub fn look_up(&self, token: &TokenHash, now_ms: u64) -> Lookup {
        let current = self.is_current(now_ms);
        match self.known.get(token) {
            Some(known) if current => return Lookup::Known(Arc::clone(&known.key)),
            _ => {}
        }
        match self.unknown.get(token) {
            Some(asked) if now_ms.saturating_sub(*asked) <= UNKNOWN_TTL_MS => Lookup::Unknown,
            _ => Lookup::Ask,
        }
    }

    /// Whether requests may count against accounts that they name themselves. If not, nothing needs to be looked up.
    pub fn has_payers(&self) -> bool {
        self.has_payers
    }

    /// Adds the key service's response for a key.
    ///
    /// If a sync has already delivered a newer change, the response serves the waiting request but is not
    /// cached.
    pub fn learn(&mut self, token: TokenHash, answer: VerifyAnswer, now_ms: u64) -> Option<Arc<KeyRecord>> {
        let current = self.cursor.is_some_and(|cursor| answer.cursor >= cursor);
        let key = answer.key.map(Arc::new);
        if current {
            self.heard_ms = Some(now_ms);
            let before = self.known.remove(&token);
            self.unknown.remove(&token);
            if let Some(key) = &key {
                make_room(&mut self.known, self.capacity);
                let unrecorded = before.map_or(0, |known| known.unrecorded);
                self.known.insert(token, Known::new(Arc::clone(key), unrecorded));
            } else {
                make_room(&mut self.unknown, self.capacity);
                self.unknown.insert(token, now_ms);
            }
        }
        key
    }

    /// The spend of a key, picodollars: this worker's is current, that of others at most a sync period old.
    pub fn spend(&self, token: &TokenHash) -> u64 {
        self.known.get(token).map_or(0, |known| known.recorded.saturating_add(known.unrecorded))
    }

    /// Adds the spend of a request.
    pub fn charge(&mut self, token: &TokenHash, money: u64) {
        if let Some(known) = self.known.get_mut(token) {
            known.unrecorded = known.unrecorded.saturating_add(money);
        }
    }

    /// The key service has recorded what this worker reported.
    pub fn record(&mut self, spent: &[(TokenHash, u64)]) {
        for (token, money) in spent {
            if let Some(known) = self.known.get_mut(token) {
                known.unrecorded = known.unrecorded.saturating_sub(*money);
                known.recorded = known.recorded.saturating_add(*money);
            }
        }
    }

    /// Whether there are no cached keys that could change.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty()
    }

    /// The cursor for the next sync.
    pub fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    /// Applies the changes of a sync. Out-of-order responses are ignored, because they would restore old
    /// state.
    pub fn apply(&mut self, answer: SyncAnswer, now_ms: u64) {
        self.heard_ms = Some(now_ms);
        if !answer.reset && self.cursor.is_some_and(|heard| answer.cursor < heard) {
            return;
        }
        self.cursor = Some(answer.cursor);
        self.has_payers = answer.payers;
        if answer.reset {
            self.known.clear();
            self.unknown.clear();
        }
        for change in answer.changes {
            self.unknown.remove(&change.token);
            if let Some(known) = self.known.get_mut(&change.token) {
                match change.key {
                    Some(key) => *known = Known::new(Arc::new(key), known.unrecorded),
                    None => _ = self.known.remove(&change.token),
                }
            }
        }
        for KeySpend { token, spend } in answer.spends {
            if let Some(known) = self.known.get_mut(&token) {
                known.recorded = spend;
            }
        }
    }
}

/// Evicts an entry if the map is full. The map's arbitrary order is as good as any for keys that are all in
/// use, and needs no usage list.
fn make_room<V>(map: &mut HashMap<TokenHash, V>, capacity: usize) {
    if map.len() >= capacity {
        let victim = map.keys().next().copied();
        victim.and_then(|victim| map.remove(&victim));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Account, AccountId, KeyChange};

    fn record(token: TokenHash, blocked: bool) -> KeyRecord {
        KeyRecord { blocked, ..KeyRecord::new(token, "sk-...abcd") }
    }

    fn known(token: TokenHash) -> Keyring {
        let mut ring = Keyring::new(2, 60);
        ring.apply(SyncAnswer { cursor: 5, reset: true, ..SyncAnswer::default() }, 1_000);
        ring.learn(token, VerifyAnswer { key: Some(record(token, false)), cursor: 5 }, 1_000);
        ring
    }

    #[test]
    fn the_spend_of_a_key_is_what_all_have_recorded_and_this_worker_has_not_reported_yet() {
        let token = TokenHash::of(b"sk-a");
        let mut ring = Keyring::new(2, 60);
        ring.apply(SyncAnswer { cursor: 5, reset: true, ..SyncAnswer::default() }, 1_000);
        let told = |spend| {
            let account = Account { spend, ..Account::new(AccountId::of_key(token)) };
            KeyRecord { accounts: vec![account], ..KeyRecord::new(token, "sk-...a") }
        };
        ring.learn(token, VerifyAnswer { key: Some(told(100)), cursor: 5 }, 1_000);
        ring.charge(&token, 7);
        assert_eq!(ring.spend(&token), 107);
        // A request ends between the report and its answer; another worker has spent 50.
        ring.charge(&token, 3);
        ring.record(&[(token, 7)]);
        assert_eq!(ring.spend(&token), 110);
        let heard = |ring: &mut Keyring, spends, changes| {
            ring.apply(SyncAnswer { cursor: 6, spends, changes, ..SyncAnswer::default() }, 1_100);
        };
        let unknown = KeySpend { token: TokenHash::of(b"sk-b"), spend: 9 };
        heard(&mut ring, vec![KeySpend { token, spend: 157 }, unknown], Vec::new());
        assert_eq!((ring.spend(&token), ring.spend(&unknown.token)), (160, 0));
        // The budget starts again.
        heard(&mut ring, Vec::new(), vec![KeyChange { token, key: Some(told(0)) }]);
        assert_eq!(ring.spend(&token), 3);
    }

    #[test]
    fn an_answer_that_was_overtaken_brings_no_key_back() {
        let token = TokenHash::of(b"sk-a");
        let mut ring = known(token);
        let told = |cursor, blocked| {
            let change = KeyChange { token, key: Some(record(token, blocked)) };
            SyncAnswer { cursor, changes: vec![change], ..SyncAnswer::default() }
        };
        ring.apply(told(9, true), 2_000);
        ring.apply(told(7, false), 2_001);
        assert_eq!(ring.cursor(), Some(9));
        assert!(ring.known[&token].key.blocked);
    }

    #[test]
    fn a_change_reaches_a_known_key_and_a_deletion_makes_it_unknown() {
        let token = TokenHash::of(b"sk-1");
        let mut ring = known(token);
        let change =
            |key| SyncAnswer { cursor: 6, changes: vec![KeyChange { token, key }], ..SyncAnswer::default() };
        ring.apply(change(Some(record(token, true))), 2_000);
        assert!(matches!(ring.look_up(&token, 2_000), Lookup::Known(key) if key.blocked));
        ring.apply(change(None), 3_000);
        assert!(matches!(ring.look_up(&token, 3_000), Lookup::Ask));
    }

    #[test]
    fn an_answer_that_a_change_has_overtaken_is_used_once_and_not_remembered() {
        let token = TokenHash::of(b"sk-1");
        let mut ring = Keyring::new(2, 60);
        ring.apply(SyncAnswer { cursor: 9, reset: true, ..SyncAnswer::default() }, 1_000);
        let late = VerifyAnswer { key: Some(record(token, false)), cursor: 8 };
        assert!(ring.learn(token, late, 1_000).is_some());
        assert!(matches!(ring.look_up(&token, 1_000), Lookup::Ask));
    }

    #[test]
    fn after_the_grace_time_a_known_key_must_be_asked_for() {
        let token = TokenHash::of(b"sk-1");
        let ring = known(token);
        assert!(matches!(ring.look_up(&token, 61_000), Lookup::Known(_)));
        assert!(matches!(ring.look_up(&token, 61_001), Lookup::Ask));
    }

    #[test]
    fn a_full_keyring_forgets_instead_of_growing() {
        let mut ring = known(TokenHash::of(b"sk-1"));
        for n in 0..50_u8 {
            let token = TokenHash::of(&[n]);
            ring.learn(token, VerifyAnswer { key: Some(record(token, false)), cursor: 5 }, 1_000);
        }
        assert_eq!(ring.known.len(), 2);
    }

    #[test]
    fn a_key_that_does_not_exist_is_not_asked_for_again_at_once() {
        let token = TokenHash::of(b"sk-none");
        let mut ring = known(TokenHash::of(b"sk-1"));
        ring.learn(token, VerifyAnswer { key: None, cursor: 5 }, 1_000);
        assert!(matches!(ring.look_up(&token, 2_000), Lookup::Unknown));
        assert!(matches!(ring.look_up(&token, 12_000), Lookup::Ask));
    }
}
