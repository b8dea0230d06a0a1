//! The plugin's root context: its configuration and the timer of the sync call.

use core::cell::Cell;
use std::borrow::Cow;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use serde::Serialize;

use crate::config::{DOWNSTREAM_ROOT, UPSTREAM_ROOT};
use crate::json::Place;
use crate::key::{SYNC_PATH, SyncAnswer, SyncRequest};
use crate::lease::{LEASE_PATH, Lease, LeaseAnswer, LeaseRequest};
use crate::limits::Asked;
use crate::sync::{self, Told};
use crate::table::Table;

use super::downstream::Downstream;
use super::host::SharedData;
use super::parts::UnderWay;
use super::upstream::Upstream;
use super::vm::Vm;
use super::{held, host, report, vm};

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

/// Tick period of a VM that has not served any request, milliseconds. The VM of Envoy's main thread stays in
/// that state.
const REST_MS: u64 = 10_000;

/// The root context of one role.
pub(super) struct Root {
    context: u32,
    role: Cell<Role>,
    generation: u64,
    clock: Rc<Clock>,
    /// When the next sync is due, on the monotonic clock.
    sync_due_ms: u64,
    /// The sync call in flight.
    syncing: Option<Syncing>,
    /// When the last answered sync call was sent, on the steady clock.
    synced_ms: u64,
    /// When the next call for changes is due, on the monotonic clock.
    listen_due_ms: u64,
    /// The call for changes in flight. It is separate because a sync call, which carries usage, may be slow.
    listening: Option<u32>,
    /// Calls for leases in flight.
    leasing: Vec<(u32, Asked)>,
    /// Calls for parts of requests.
    parts: UnderWay,
}

struct Syncing {
    call: u32,
    sent_ms: u64,
    asked: Asked,
}

/// The tick timer of a root context, which its requests can speed up.
#[derive(Default)]
pub(super) struct Clock {
    period_ms: Cell<u64>,
}

impl Clock {
    /// Ticks as soon as possible.
    pub(super) fn hurry(&self) {
        self.set(1);
    }

    /// A request is being served: use the normal period.
    pub(super) fn wake(&self) {
        if self.period_ms.get() == REST_MS {
            self.hurry();
        }
    }

    fn set(&self, period_ms: u64) {
        if self.period_ms.replace(period_ms) != period_ms {
            host::set_tick_period(Duration::from_millis(period_ms));
        }
    }
}

#[derive(Clone, Copy, Default)]
enum Role {
    #[default]
    Unknown,
    Downstream,
    Upstream,
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        match host::root_id().as_deref() {
            Some(DOWNSTREAM_ROOT) => self.configure_downstream(),
            Some(UPSTREAM_ROOT) => {
                report::declare();
                self.role.set(Role::Upstream);
                true
            }
            other => {
                log::error!("root_id must be '{DOWNSTREAM_ROOT}' or '{UPSTREAM_ROOT}', but is {other:?}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        let now = host::steady_ms();
        if vm::with(|vm| !vm.held.borrow().is_empty()) {
            held::try_again(self.context);
            self.ask_for_held();
        }
        self.parts.begin(self.context);
        let ends_soon = vm::with(|vm| vm.streams.watch(self.context, now));
        let Some(table) = vm::with(vm::Vm::table) else { return };
        let period = vm::sync_period_ms(&table);
        // A timer that fires slightly early must not skip a whole period.
        let soon = now + period / LISTENS / 10;
        if vm::with(|vm| vm.is_current(self.generation)) {
            if soon >= self.sync_due_ms {
                self.sync_due_ms = now + period;
                vm::with(|vm| vm.limits.borrow_mut().as_mut().map(|limits| limits.tick(&SharedData, now)));
                if self.syncing.is_none() {
                    self.sync();
                }
            }
            let wants = !table.access_tokens.wanted(host::now_ms()).is_empty();
            if soon >= self.listen_due_ms {
                self.listen_due_ms = now + if wants { WANTS_MS } else { period / LISTENS };
                // A VM without keys needs no changes; the sync call is enough.
                if self.listening.is_none() && (wants || vm::with(|vm| !vm.keyring.borrow().is_empty())) {
                    self.listen();
                }
            }
        }
        let is_held = vm::with(|vm| !vm.held.borrow().is_empty());
        let until_due = self.sync_due_ms.min(self.listen_due_ms).saturating_sub(now).clamp(1, period);
        // Keep asking until the access tokens for the first request are available.
        let rests = self.syncing.is_none() && !table.needs_access_tokens() && vm::with(Vm::has_served_nobody);
        self.clock.set(match (is_held || ends_soon, rests) {
            (true, _) => HURRY_MS,
            (false, true) => REST_MS,
            (false, false) => until_due,
        });
    }

    fn on_queue_ready(&mut self, _: u32) {
        vm::with(|vm| vm.streams.let_go(self.context));
        self.parts.begin(self.context);
        if vm::with(|vm| vm.table().is_some_and(|table| table.access_tokens.is_urgent())) {
            self.listen_due_ms = 0;
            self.clock.hurry();
        }
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        match self.role.get() {
            Role::Downstream => Some(Box::new(Downstream::new(context, Rc::clone(&self.clock)))),
            Role::Upstream => Some(Box::new(Upstream::new(context))),
            Role::Unknown => None,
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, _: usize, body_size: usize, _: usize) {
        if self.parts.answered(self.context, token, body_size) {
            return;
        }
        let now = host::steady_ms();
        let body = (host::call_response_status() == 200).then(|| host::call_response_body(body_size));
        if let Some(syncing) = self.syncing.take_if(|syncing| syncing.call == token) {
            let answer = body.and_then(|body| read::<SyncAnswer>(&body));
            let more_waits = vm::with(|vm| {
                let Some(answer) = answer else {
                    unanswered(vm, &syncing.asked, now);
                    return false;
                };
                let (mut ledger, mut limits) = (vm.ledger.borrow_mut(), vm.limits.borrow_mut());
                let asked = &syncing.asked;
                let recorded = sync::answered(&mut ledger, limits.as_mut(), &SharedData, asked, &answer, now);
                drop((ledger, limits));
                if let Some(recorded) = &recorded {
                    vm.keyring.borrow_mut().record(&recorded.spent);
                }
                heard(vm, answer);
                self.synced_ms = syncing.sent_ms;
                recorded.is_some_and(|recorded| recorded.more_waits) && vm.is_current(self.generation)
            });
            if more_waits {
                self.sync();
            }
        } else if self.listening.take_if(|call| *call == token).is_some() {
            if let Some(answer) = body.and_then(|body| read::<SyncAnswer>(&body)) {
                vm::with(|vm| heard(vm, answer));
            }
        } else if let Some(at) = self.leasing.iter().position(|(call, _)| *call == token) {
            let (_, asked) = self.leasing.swap_remove(at);
            match body.and_then(|body| read::<LeaseAnswer>(&body)) {
                Some(answer) => vm::with(|vm| answered(vm, &asked, &answer.leases, now)),
                None => vm::with(|vm| unanswered(vm, &asked, now)),
            }
        }
        held::try_again(self.context);
    }
}

impl Root {
    pub(super) fn new(context: u32) -> Self {
        Self {
            context,
            role: Cell::default(),
            generation: 0,
            clock: Rc::default(),
            sync_due_ms: 0,
            syncing: None,
            synced_ms: 0,
            listen_due_ms: 0,
            listening: None,
            leasing: Vec::new(),
            parts: UnderWay::default(),
        }
    }

    fn configure_downstream(&mut self) -> bool {
        match Table::parse(&host::plugin_configuration(), |name| std::env::var(name).ok()) {
            Ok(table) => {
                report::declare();
                let period = vm::sync_period_ms(&table);
                self.generation = vm::with(|vm| vm.install(table));
                vm::with(|vm| vm.streams.hear(vm.secret()));
                self.role.set(Role::Downstream);
                self.clock.set(period);
                self.sync_due_ms = host::steady_ms() + period;
                self.sync();
                true
            }
            Err(error) => {
                log::error!("{error}");
                false
            }
        }
    }

    /// Sends usage, and exchanges changes and leases. A failed call is repeated with the next tick, and its
    /// batch keeps its id.
    fn sync(&mut self) {
        let charged_within_ms = host::steady_ms().saturating_sub(self.synced_ms).min(MOST_SPENDS_MS);
        self.syncing = vm::with(|vm| {
            let table = vm.table()?;
            let (mut ledger, mut limits) = (vm.ledger.borrow_mut(), vm.limits.borrow_mut());
            let held = vm.held.borrow();
            let mut waiting = held.iter().filter_map(|passage| passage.awaited());
            let now = host::steady_ms();
            let Told { batch, instance, asks, asked } =
                sync::tell(&mut ledger, limits.as_mut(), &SharedData, &mut waiting, host::random_id(), now);
            let request = SyncRequest {
                cursor: vm.keyring.borrow().cursor(),
                batch: batch.map(Cow::Borrowed),
                instance,
                asks,
                tokens: table.access_tokens.revision(),
                charged_within_ms: (!vm.keyring.borrow().is_empty()).then_some(charged_within_ms),
                wanted: Vec::new(),
            };
            let call = post(&table, SYNC_PATH, &request);
            drop(limits);
            if call.is_none() {
                unanswered(vm, &asked, now);
            }
            Some(Syncing { call: call?, sent_ms: now, asked })
        });
    }

    /// Asks only for changes.
    fn listen(&mut self) {
        self.listening = vm::with(|vm| {
            let table = vm.table()?;
            let cursor = vm.keyring.borrow().cursor();
            let (tokens, wanted) =
                (table.access_tokens.revision(), table.access_tokens.wanted(host::now_ms()));
            post(&table, SYNC_PATH, &SyncRequest { cursor, tokens, wanted, ..SyncRequest::default() })
        });
    }

    /// Asks for leases for waiting requests immediately.
    fn ask_for_held(&mut self) {
        let asking = vm::with(|vm| {
            let table = vm.table()?;
            let (instance, (asks, asked)) = {
                let (held, mut limits) = (vm.held.borrow(), vm.limits.borrow_mut());
                let limits = limits.as_mut()?;
                let waiting = held.iter().filter_map(|passage| passage.awaited());
                (limits.instance().to_owned(), limits.ask_for(&SharedData, waiting, host::steady_ms()))
            };
            if asks.is_empty() {
                return None;
            }
            let call = post(&table, LEASE_PATH, &LeaseRequest { instance, asks });
            if call.is_none() {
                unanswered(vm, &asked, host::steady_ms());
            }
            Some((call?, asked))
        });
        self.leasing.extend(asking);
    }
}

fn heard(vm: &Vm, mut answer: SyncAnswer) {
    if let (Some(table), Some(tokens)) = (vm.table(), answer.tokens.take()) {
        table.access_tokens.learn(tokens);
    }
    vm.keyring.borrow_mut().apply(answer, host::now_ms());
}

fn answered(vm: &Vm, asked: &Asked, leases: &[Lease], now: u64) {
    if let Some(limits) = vm.limits.borrow_mut().as_mut() {
        limits.answered(&SharedData, asked, leases, now);
    }
}

fn unanswered(vm: &Vm, asked: &Asked, now: u64) {
    if let Some(limits) = vm.limits.borrow_mut().as_mut() {
        limits.unanswered(&SharedData, asked, now);
    }
}

fn post(table: &Table, path: &str, request: &impl Serialize) -> Option<u32> {
    let body = serde_json::to_vec(request).ok()?;
    let timeout = Duration::from_millis(table.keys.timeout_ms.into());
    host::post(&table.keys.cluster, path, table.internal_token.reveal(), &body, timeout)
}

fn read<'a, T: Place<'a>>(body: &'a [u8]) -> Option<T> {
    crate::json::read(body)
        .inspect_err(|error| log::error!("invalid response from the key service: {error}"))
        .ok()
}
