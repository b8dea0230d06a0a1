//! What the threads that have a root in common share: in a native host all workers of the process, in wasm one worker's
//! VM.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::keyring::Keyring;
use crate::ledger::Ledger;
use crate::limits::{Claim, Limits, Pace};
use crate::table::Table;

use super::Host;

/// Keys, limits, and usage that was not delivered yet. Whoever needs several locks takes them in the order of the
/// fields, and calls the host only for its memory and its calls meanwhile.
#[derive(Debug, Default)]
pub struct Shared {
    ledger: Mutex<Ledger>,
    /// `None` until the first configuration.
    limits: Mutex<Option<Limits>>,
    waiting: Mutex<Waiting>,
    keyring: Mutex<Keyring>,
    has_served: AtomicBool,
}

/// The claims of waiting requests, by number.
#[derive(Debug, Default)]
pub(super) struct Waiting {
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

    pub(super) fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().map(|(_, claim)| claim)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty()
    }
}

impl Shared {
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    pub(super) fn limits(&self) -> MutexGuard<'_, Option<Limits>> {
        lock(&self.limits)
    }

    pub(super) fn waiting(&self) -> MutexGuard<'_, Waiting> {
        lock(&self.waiting)
    }

    pub(super) fn keyring(&self) -> MutexGuard<'_, Keyring> {
        lock(&self.keyring)
    }

    /// There was a request, so there is something to report.
    pub(super) fn serve(&self) {
        self.has_served.store(true, Ordering::Relaxed);
    }

    /// Whether there was no request and no key lookup yet, so there is nothing to report or to receive.
    pub(super) fn has_served_nobody(&self) -> bool {
        !self.has_served.load(Ordering::Relaxed) && self.keyring().is_empty()
    }

    /// Applies the settings of a new table.
    pub(super) fn configure<H: Host>(&self, table: &Table) {
        self.keyring().resize(table.keys.cache_size as usize, table.keys.grace_s);
        let pace = Pace {
            sync_ms: sync_period_ms(table),
            timeout_ms: table.keys.timeout_ms.into(),
            grace_ms: u64::from(table.keys.grace_s) * 1000,
        };
        match (&mut *self.limits(), H::random_id()) {
            (Some(limits), _) => limits.set_pace(pace),
            (joined, Some(id)) => *joined = Some(Limits::join(H::memory(), &id, pace, H::steady_ms())),
            (None, None) => {
                log::error!("the host provides no random source: keys with limits cannot be served");
            }
        }
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
