//! The calls of a root.

use std::borrow::Cow;

use serde::Serialize;

use crate::key::lease::{LEASE_PATH, LeaseRequest};
use crate::key::{SYNC_PATH, SyncRequest};
use crate::limits::SharedMemory;
use crate::table::Table;

use super::requests::Worker;
use super::root::{Effect, LISTENS, Now, Root, Syncing, Ticket, anyone_waits, unanswered};
use super::shared::{Common, sync_period_ms};
use super::sync::{self, Told};

/// Longest time of which the spend of keys is requested, milliseconds.
const MOST_SPENDS_MS: u64 = 60_000;

impl Root {
    pub(super) fn sync_if_due<M: SharedMemory>(
        &mut self,
        worker: &Worker,
        common: Common<'_, M>,
        fresh: &impl Fn() -> Option<String>,
        now: Now,
    ) -> Option<Effect> {
        let period = sync_period_ms(&*worker.table()?);
        if !worker.is_current(self.generation) || !is_due(self.sync_due_ms, period, now) {
            return None;
        }
        self.sync_due_ms = now.steady_ms + period;
        if let Some(limits) = common.shared.limits().as_mut() {
            limits.tick(common.memory, now.steady_ms);
        }
        if self.syncing.is_some() { None } else { self.sync(worker, common, fresh(), now) }
    }

    /// Sends usage, and exchanges changes and leases. A failed call is repeated with the next tick, and its
    /// batch keeps its id.
    pub(super) fn sync<M: SharedMemory>(
        &mut self,
        worker: &Worker,
        common: Common<'_, M>,
        fresh: Option<String>,
        now: Now,
    ) -> Option<Effect> {
        let table = worker.table()?;
        let charged_within_ms = now.steady_ms.saturating_sub(self.synced_ms).min(MOST_SPENDS_MS);
        let Common { shared, memory } = common;
        let (mut ledger, mut limits, waiting) = (shared.ledger(), shared.limits(), shared.waiting());
        let Told { batch, instance, asks, asked } =
            sync::tell(&mut ledger, limits.as_mut(), memory, &mut waiting.claims(), fresh, now.steady_ms);
        drop((limits, waiting));
        let (cursor, knows_keys) = {
            let keyring = shared.keyring();
            (keyring.cursor(), !keyring.is_empty())
        };
        let request = SyncRequest {
            cursor,
            batch: batch.map(Cow::Borrowed),
            instance,
            asks,
            credentials: known_credentials(&table),
            charged_within_ms: knows_keys.then_some(charged_within_ms),
        };
        let ticket = self.ticket();
        let call = call(ticket, SYNC_PATH, &request);
        drop(ledger);
        match call {
            Some(_) => self.syncing = Some(Syncing { ticket, sent_ms: now.steady_ms, asked }),
            None => unanswered(common, &asked, now),
        }
        call
    }

    /// Asks only for changes.
    pub(super) fn listen_if_due<M: SharedMemory>(
        &mut self,
        worker: &Worker,
        common: Common<'_, M>,
        now: Now,
    ) -> Option<Effect> {
        let table = worker.table()?;
        let period = sync_period_ms(&table);
        if !worker.is_current(self.generation) {
            return None;
        }
        if !is_due(self.listen_due_ms, period, now) {
            return None;
        }
        self.listen_due_ms = now.steady_ms + period / LISTENS;
        // A keyring without keys needs no changes; the sync call is enough.
        if self.listening.is_some() || common.shared.keyring().is_empty() {
            return None;
        }
        let cursor = common.shared.keyring().cursor();
        let credentials = known_credentials(&table);
        let request = SyncRequest { cursor, credentials, ..SyncRequest::default() };
        let ticket = self.ticket();
        let call = call(ticket, SYNC_PATH, &request);
        self.listening = call.as_ref().map(|_| ticket);
        call
    }

    /// Asks for leases for waiting requests immediately.
    pub(super) fn lease<M: SharedMemory>(&mut self, common: Common<'_, M>, now: Now) -> Option<Effect> {
        if !anyone_waits(common) {
            return None;
        }
        let Common { shared, memory } = common;
        let (instance, (asks, asked)) = {
            let (mut limits, waiting) = (shared.limits(), shared.waiting());
            let limits = limits.as_mut()?;
            let asks = limits.ask_for(memory, waiting.claims(), now.steady_ms);
            (limits.instance().to_owned(), asks)
        };
        if asks.is_empty() {
            return None;
        }
        let ticket = self.ticket();
        let call = call(ticket, LEASE_PATH, &LeaseRequest { instance, asks });
        match call {
            Some(_) => self.leasing.push((ticket, asked)),
            None => unanswered(common, &asked, now),
        }
        call
    }
}

/// Whether something is due. A timer that fires slightly early must not skip a whole period.
fn is_due(due_ms: u64, period: u64, now: Now) -> bool {
    now.steady_ms + period / LISTENS / 10 >= due_ms
}

/// The revision of the credentials that the filter has, if its table names any.
fn known_credentials(table: &Table) -> Option<u64> {
    (!table.credentials.is_empty()).then(|| table.credentials.shared().revision())
}

fn call(ticket: Ticket, path: &'static str, request: &impl Serialize) -> Option<Effect> {
    Some(Effect::Call { ticket, path, body: serde_json::to_vec(request).ok()? })
}
