//! The root: the configuration, and the calls to the key service that no request waits for.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;

use crate::json::Place;
use crate::key::{SYNC_PATH, SyncAnswer, SyncRequest};
use crate::lease::{LEASE_PATH, Lease, LeaseAnswer, LeaseRequest};
use crate::limits::Asked;
use crate::sync::{self, Told};
use crate::table::Table;

use super::host::{self, Clock, Host};
use super::shared::sync_period_ms;
use super::{parts, worker};

/// Tick period while requests wait for capacity, milliseconds. They may be waiting for the response to
/// another worker's call, which this worker is not notified of.
const HURRY_MS: u64 = 5;

/// How many times per sync period a worker asks for changes. This determines how long a revoked key keeps
/// working; such a call is small.
const LISTENS: u64 = 4;

/// Period of requests for an access token that clients' requests need, milliseconds.
const WANTS_MS: u64 = 100;

/// Longest time of which the spend of keys is requested, milliseconds.
const MOST_SPENDS_MS: u64 = 60_000;

/// Tick period of a root that has not served any request, milliseconds. The VM of Envoy's main thread stays in
/// that state.
pub(super) const REST_MS: u64 = 10_000;

/// The root of the downstream role. There is one per configuration; the newest one makes the calls.
pub struct Root<H: Host> {
    context: u32,
    generation: u64,
    clock: H::Clock,
    /// When the next sync is due, on the monotonic clock.
    sync_due_ms: u64,
    /// The sync call in flight.
    syncing: Option<Syncing>,
    /// When the last answered sync call was sent, on the steady clock.
    synced_ms: u64,
    /// When the next call for changes is due, on the monotonic clock.
    listen_due_ms: u64,
    /// The call for changes in flight. It is separate because a sync call, which carries usage, may be slow.
    listening: Option<u64>,
    /// Calls for leases in flight.
    leasing: Vec<(u64, Asked)>,
}

struct Syncing {
    call: u64,
    sent_ms: u64,
    asked: Asked,
}

impl<H: Host> Root<H> {
    /// A root with a table. It calls the key service at once. `context` is what [`Host::act_for`] selects it by.
    pub fn new(context: u32, clock: H::Clock, table: Rc<Table>) -> Self {
        let period = sync_period_ms(&table);
        H::shared().configure::<H>(&table);
        let generation = worker::with(|worker| worker.install(table));
        let mut root = Self {
            context,
            generation,
            clock,
            sync_due_ms: H::steady_ms() + period,
            syncing: None,
            synced_ms: 0,
            listen_due_ms: 0,
            listening: None,
            leasing: Vec::new(),
        };
        root.clock.set(period);
        root.sync();
        root
    }

    /// The timer has fired.
    pub fn on_tick(&mut self) {
        let now = H::steady_ms();
        if Self::anyone_waits() {
            H::wake(self.context);
            self.ask_for_held();
        }
        parts::begin::<H>(self.context);
        let ends_soon = worker::with(|worker| worker.streams.watch::<H>(self.context, now));
        let Some(table) = worker::with(worker::Worker::table) else { return };
        let period = sync_period_ms(&table);
        // A timer that fires slightly early must not skip a whole period.
        let soon = now + period / LISTENS / 10;
        if self.is_current() {
            if soon >= self.sync_due_ms {
                self.sync_due_ms = now + period;
                if let Some(limits) = H::shared().limits().as_mut() {
                    limits.tick(H::memory(), now);
                }
                if self.syncing.is_none() {
                    self.sync();
                }
            }
            let wants = !table.access_tokens.wanted(H::now_ms()).is_empty();
            if soon >= self.listen_due_ms {
                self.listen_due_ms = now + if wants { WANTS_MS } else { period / LISTENS };
                // A keyring without keys needs no changes; the sync call is enough.
                if self.listening.is_none() && (wants || !H::shared().keyring().is_empty()) {
                    self.listen();
                }
            }
        }
        let is_held = Self::anyone_waits();
        let until_due = if self.is_current() {
            self.sync_due_ms.min(self.listen_due_ms).saturating_sub(now).clamp(1, period)
        } else {
            // It only has requests to end.
            period
        };
        // Keep asking until the access tokens for the first request are available.
        let rests = self.syncing.is_none() && !table.needs_access_tokens() && H::shared().has_served_nobody();
        self.clock.set(match (is_held || ends_soon, rests) {
            (true, _) => HURRY_MS,
            (false, true) => REST_MS,
            (false, false) => until_due,
        });
    }

    /// Someone has rung ([`Host::ring`]).
    pub fn rung(&mut self) {
        worker::with(|worker| worker.streams.let_go::<H>(self.context));
        parts::begin::<H>(self.context);
        if worker::with(worker::Worker::table).is_some_and(|table| table.access_tokens.is_urgent()) {
            self.listen_due_ms = 0;
            self.clock.hurry();
        }
    }

    /// There is a response to a call.
    pub fn on_call_response(&mut self, call: u64) {
        if parts::answered::<H>(Some(self.context), call) {
            return;
        }
        let now = H::steady_ms();
        let body = (H::call_response_status() == 200).then(H::call_response_body);
        if let Some(syncing) = self.syncing.take_if(|syncing| syncing.call == call) {
            let answer = body.and_then(|body| read::<SyncAnswer>(&body));
            if self.synced(&syncing, answer, now) {
                self.sync();
            }
        } else if self.listening.take_if(|listening| *listening == call).is_some() {
            if let Some(answer) = body.and_then(|body| read::<SyncAnswer>(&body)) {
                heard::<H>(answer);
            }
        } else if let Some(at) = self.leasing.iter().position(|(leasing, _)| *leasing == call) {
            let (_, asked) = self.leasing.swap_remove(at);
            match body.and_then(|body| read::<LeaseAnswer>(&body)) {
                Some(answer) => answered::<H>(&asked, &answer.leases, now),
                None => unanswered::<H>(&asked, now),
            }
        }
        H::wake(self.context);
    }
}

impl<H: Host> Root<H> {
    fn is_current(&self) -> bool {
        worker::with(|worker| worker.is_current(self.generation))
    }

    fn anyone_waits() -> bool {
        !H::shared().waiting().is_empty()
    }

    /// Applies the response to a sync call. Returns whether more usage waits.
    fn synced(&mut self, syncing: &Syncing, answer: Option<SyncAnswer>, now: u64) -> bool {
        let Some(answer) = answer else {
            unanswered::<H>(&syncing.asked, now);
            return false;
        };
        let shared = H::shared();
        let recorded = {
            let (mut ledger, mut limits) = (shared.ledger(), shared.limits());
            sync::answered(&mut ledger, limits.as_mut(), H::memory(), &syncing.asked, &answer, now)
        };
        if let Some(recorded) = &recorded {
            shared.keyring().record(&recorded.spent);
        }
        heard::<H>(answer);
        self.synced_ms = syncing.sent_ms;
        recorded.is_some_and(|recorded| recorded.more_waits) && self.is_current()
    }

    /// Sends usage, and exchanges changes and leases. A failed call is repeated with the next tick, and its
    /// batch keeps its id.
    fn sync(&mut self) {
        let Some(table) = worker::with(worker::Worker::table) else { return };
        let now = H::steady_ms();
        let charged_within_ms = now.saturating_sub(self.synced_ms).min(MOST_SPENDS_MS);
        let shared = H::shared();
        let (mut ledger, mut limits, waiting) = (shared.ledger(), shared.limits(), shared.waiting());
        let Told { batch, instance, asks, asked } =
            sync::tell(&mut ledger, limits.as_mut(), H::memory(), &mut waiting.claims(), H::random_id(), now);
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
            tokens: table.access_tokens.revision(),
            charged_within_ms: knows_keys.then_some(charged_within_ms),
            wanted: Vec::new(),
        };
        let body = serde_json::to_vec(&request);
        drop(ledger);
        match body.ok().and_then(|body| post_body::<H>(&table, SYNC_PATH, &body)) {
            Some(call) => self.syncing = Some(Syncing { call, sent_ms: now, asked }),
            None => unanswered::<H>(&asked, now),
        }
    }

    /// Asks only for changes.
    fn listen(&mut self) {
        let Some(table) = worker::with(worker::Worker::table) else { return };
        let cursor = H::shared().keyring().cursor();
        let (tokens, wanted) = (table.access_tokens.revision(), table.access_tokens.wanted(H::now_ms()));
        let request = SyncRequest { cursor, tokens, wanted, ..SyncRequest::default() };
        self.listening = post::<H>(&table, SYNC_PATH, &request);
    }

    /// Asks for leases for waiting requests immediately.
    fn ask_for_held(&mut self) {
        let Some(table) = worker::with(worker::Worker::table) else { return };
        let (instance, (asks, asked)) = {
            let shared = H::shared();
            let (mut limits, waiting) = (shared.limits(), shared.waiting());
            let Some(limits) = limits.as_mut() else { return };
            let asks = limits.ask_for(H::memory(), waiting.claims(), H::steady_ms());
            (limits.instance().to_owned(), asks)
        };
        if asks.is_empty() {
            return;
        }
        match post::<H>(&table, LEASE_PATH, &LeaseRequest { instance, asks }) {
            Some(call) => self.leasing.push((call, asked)),
            None => unanswered::<H>(&asked, H::steady_ms()),
        }
    }
}

fn heard<H: Host>(mut answer: SyncAnswer) {
    if let (Some(table), Some(tokens)) = (worker::with(worker::Worker::table), answer.tokens.take()) {
        table.access_tokens.learn(tokens);
    }
    H::shared().keyring().apply(answer, H::now_ms());
}

fn answered<H: Host>(asked: &Asked, leases: &[Lease], now: u64) {
    if let Some(limits) = H::shared().limits().as_mut() {
        limits.answered(H::memory(), asked, leases, now);
    }
}

fn unanswered<H: Host>(asked: &Asked, now: u64) {
    if let Some(limits) = H::shared().limits().as_mut() {
        limits.unanswered(H::memory(), asked, now);
    }
}

fn post<H: Host>(table: &Table, path: &str, request: &impl Serialize) -> Option<u64> {
    post_body::<H>(table, path, &serde_json::to_vec(request).ok()?)
}

fn post_body<H: Host>(table: &Table, path: &str, body: &[u8]) -> Option<u64> {
    let timeout = Duration::from_millis(table.keys.timeout_ms.into());
    host::post::<H>(&table.keys.cluster, path, table.internal_token.reveal(), body, timeout)
}

fn read<'a, T: Place<'a>>(body: &'a [u8]) -> Option<T> {
    crate::json::read(body)
        .inspect_err(|error| log::error!("invalid response from the key service: {error}"))
        .ok()
}
