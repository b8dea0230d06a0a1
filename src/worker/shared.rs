//! What the threads that have a root in common share: in a native host all workers of the process, in wasm one worker's
//! VM.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::credentials::Credentials;
use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::limits::{Claim, Limits, Pace, SharedMemory};
use crate::table::Table;

/// Keys, limits, credentials, and usage that was not delivered yet. Whoever needs several locks takes them in the order of the
/// fields, and calls the host only for its memory and its calls meanwhile.
#[derive(Debug, Default)]
pub struct Shared {
    ledger: Mutex<Ledger>,
    /// `None` until the first configuration.
    limits: Mutex<Option<Limits>>,
    waiting: Mutex<Waiting>,
    keyring: Mutex<Keyring>,
    credentials: Arc<Credentials>,
    has_served: AtomicBool,
}

/// What several workers of a process have in common.
#[derive(Debug)]
pub struct Common<'a, M> {
    /// The state of those that have a root in common.
    pub shared: &'a Shared,
    /// The memory of all workers.
    pub memory: &'a M,
}

impl<M> Clone for Common<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Common<'_, M> {}

/// The claims of waiting requests, by number.
#[derive(Debug, Default)]
pub struct Waiting {
    next: u64,
    claims: Vec<(u64, Claim)>,
}

impl Waiting {
    /// Adds a claim. Returns its number.
    pub(super) fn add(&mut self, claim: Claim) -> u64 {
        self.next += 1;
        self.claims.push((self.next, claim));
        self.next
    }

    /// Removes a claim.
    pub(super) fn remove(&mut self, number: u64) {
        self.claims.retain(|(other, _)| *other != number);
    }

    /// The claims.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().map(|(_, claim)| claim)
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }
}

impl Shared {
    /// The usage that was not delivered yet.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// The limits.
    pub fn limits(&self) -> MutexGuard<'_, Option<Limits>> {
        lock(&self.limits)
    }

    /// The claims of waiting requests.
    pub fn waiting(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    /// The keys.
    pub fn keyring(&self) -> MutexGuard<'_, Keyring> {
        lock(&self.keyring)
    }

    /// Providers' credentials. They outlive tables, so that a new one has those that it shares with the last one.
    pub fn credentials(&self) -> &Arc<Credentials> {
        &self.credentials
    }

    /// There was a request, so there is something to report.
    pub(super) fn serve(&self) {
        self.has_served.store(true, Ordering::Relaxed);
    }

    /// Whether there was no request and no key lookup yet, so there is nothing to report or to receive.
    pub(super) fn has_served_nobody(&self) -> bool {
        !self.has_served.load(Ordering::Relaxed) && self.keyring().is_empty()
    }

    /// Applies the settings of a new table. `id` must be globally unique; without it no limits are enforced, and `false` is
    /// returned.
    pub(super) fn configure(
        &self,
        table: &Table,
        memory: &impl SharedMemory,
        id: Option<String>,
        now_ms: u64,
    ) -> bool {
        self.keyring().resize(table.keys.cache_size as usize, table.keys.grace_s);
        let pace = Pace {
            sync_ms: sync_period_ms(table),
            timeout_ms: table.keys.timeout_ms.into(),
            grace_ms: u64::from(table.keys.grace_s) * 1000,
        };
        match (&mut *self.limits(), id) {
            (Some(limits), _) => limits.set_pace(pace),
            (joined, Some(id)) => *joined = Some(Limits::join(memory, &id, pace, now_ms)),
            (None, None) => return false,
        }
        true
    }
}

/// Period of the sync call, milliseconds.
pub(super) fn sync_period_ms(table: &Table) -> u64 {
    table.keys.sync_interval_ms.max(50).into()
}

/// A panic elsewhere leaves counts that are a request behind, which is better than none.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
