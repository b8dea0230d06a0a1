//! The calls to the key service that no request waits for, and what ticks are for.
//!
//! Every configuration has a root. The newest one calls; an older one only processes the responses to its calls. An event
//! says what happened, and [`Root::poll`] then returns what to do, one [`Effect`] after the other, each decided after the
//! previous one was carried out.

use std::collections::VecDeque;
use std::rc::Rc;

use crate::json::Place;
use crate::key::SyncAnswer;
use crate::key::lease::{Lease, LeaseAnswer};
use crate::limits::{LeaseCall, SharedMemory};
use crate::table::Table;

use super::requests::Worker;
use super::shared::{Common, sync_period_ms};
use super::streams::Due;
use super::sync;

/// Tick period while requests wait for capacity, milliseconds. They may be waiting for the response to
/// another worker's call, which this worker is not notified of.
const HURRY_MS: u64 = 5;

/// How many times per sync period a worker asks for changes. This determines how long a revoked key keeps
/// working; such a call is small.
pub(super) const LISTENS: u64 = 4;

/// Tick period of a root that has not served any request, milliseconds. The VM of Envoy's main thread stays in
/// that state.
pub const REST_MS: u64 = 10_000;

/// The clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Milliseconds on a monotonic clock that all workers of this process share.
    pub steady_ms: u64,
    /// Unix milliseconds.
    pub unix_ms: u64,
}

/// A call of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(u64);

/// What to do.
#[derive(Debug)]
pub enum Effect {
    /// Post this JSON to the key service, and pass the response to [`Root::answered`]. If that is impossible, call
    /// [`Root::not_sent`].
    Call {
        /// Identifies the call.
        ticket: Ticket,
        /// Its path.
        path: &'static str,
        /// Its body.
        body: Vec<u8>,
    },
    /// Have the requests that wait for capacity try again.
    Wake,
    /// Send parts of split requests ([`Worker::take_split`]).
    SendParts,
    /// Release the response of this context.
    Release(u32),
    /// Write to the idle response of this context, or reset it.
    Stream(u32, Due),
    /// Tick with this period, milliseconds.
    Period(u64),
    /// Log this error.
    Error(String),
}

/// The root of a configuration.
#[derive(Debug)]
pub struct Root {
    pub(super) generation: u64,
    /// When the next sync is due, on the monotonic clock.
    pub(super) sync_due_ms: u64,
    /// The sync call in flight.
    pub(super) syncing: Option<Syncing>,
    /// When the last answered sync call was sent, on the monotonic clock.
    pub(super) synced_ms: u64,
    /// When the next call for changes is due, on the monotonic clock.
    pub(super) listen_due_ms: u64,
    /// The call for changes in flight. It is separate because a sync call, which carries usage, may be slow.
    pub(super) listening: Option<Ticket>,
    /// Calls for leases in flight.
    pub(super) leasing: Vec<(Ticket, LeaseCall)>,
    /// The number of the last call.
    last: u64,
    /// Idle streams were written to, and will be reset.
    ends_soon: bool,
    /// What to decide on next.
    todo: VecDeque<Todo>,
}

#[derive(Debug)]
pub(super) struct Syncing {
    pub(super) ticket: Ticket,
    pub(super) sent_ms: u64,
    pub(super) asked: LeaseCall,
}

#[derive(Debug)]
enum Todo {
    Do(Effect),
    Wake,
    Lease,
    Watch,
    Sync,
    SyncIfDue,
    ListenIfDue,
    Period,
}

impl Root {
    /// The root of a new table, which is installed. It calls at once. `id` must be globally unique; without it, keys with
    /// limits cannot be served.
    pub fn new<M: SharedMemory>(
        worker: &Worker,
        common: Common<'_, M>,
        table: Rc<Table>,
        id: Option<String>,
        now: Now,
    ) -> Self {
        let period = sync_period_ms(&table);
        let mut todo = VecDeque::new();
        if !common.shared.configure(&table, common.memory, id, now.steady_ms) {
            let message = "the host provides no random source: keys with limits cannot be served";
            todo.push_back(Todo::Do(Effect::Error(message.to_owned())));
        }
        todo.extend([Todo::Do(Effect::Period(period)), Todo::Sync]);
        Self {
            generation: worker.install(table),
            sync_due_ms: now.steady_ms + period,
            syncing: None,
            synced_ms: 0,
            listen_due_ms: 0,
            listening: None,
            leasing: Vec::new(),
            last: 0,
            ends_soon: false,
            todo,
        }
    }

    /// Event: the timer has fired.
    pub fn tick(&mut self) {
        self.todo.extend([
            Todo::Wake,
            Todo::Lease,
            Todo::Do(Effect::SendParts),
            Todo::Watch,
            Todo::SyncIfDue,
            Todo::ListenIfDue,
            Todo::Period,
        ]);
    }

    /// Event: a request has work for the root: a stream has begun, or parts are to be sent.
    pub fn rung(&mut self, worker: &Worker) {
        worker.streams.let_go(|context| self.todo.push_back(Todo::Do(Effect::Release(context))));
        self.todo.push_back(Todo::Do(Effect::SendParts));
    }

    /// Event: a call has ended, with this response if its status was 200.
    pub fn answered<M: SharedMemory>(
        &mut self,
        worker: &Worker,
        common: Common<'_, M>,
        ticket: Ticket,
        body: Option<&[u8]>,
        now: Now,
    ) {
        if let Some(syncing) = self.syncing.take_if(|syncing| syncing.ticket == ticket) {
            let answer = body.and_then(|body| self.read::<SyncAnswer>(body));
            self.synced((worker, common, now), &syncing, answer);
        } else if self.listening.take_if(|listening| *listening == ticket).is_some() {
            if let Some(answer) = body.and_then(|body| self.read::<SyncAnswer>(body)) {
                heard(common, answer, now);
            }
        } else if let Some(asked) = self.take_lease(ticket) {
            match body.and_then(|body| self.read::<LeaseAnswer>(body)) {
                Some(answer) => leased(common, &asked, &answer.leases, now),
                None => unanswered(common, &asked, now),
            }
        } else {
            return;
        }
        self.todo.push_back(Todo::Do(Effect::Wake));
    }

    /// Event: a call could not be made.
    pub fn not_sent<M: SharedMemory>(&mut self, common: Common<'_, M>, ticket: Ticket, now: Now) {
        let syncing = self.syncing.take_if(|syncing| syncing.ticket == ticket).map(|syncing| syncing.asked);
        if let Some(asked) = syncing.or_else(|| self.take_lease(ticket)) {
            unanswered(common, &asked, now);
        }
        self.listening.take_if(|listening| *listening == ticket);
    }

    /// What to do next. `fresh` gives a globally unique id.
    pub fn poll<M: SharedMemory>(
        &mut self,
        worker: &Worker,
        common: Common<'_, M>,
        now: Now,
        fresh: impl Fn() -> Option<String>,
    ) -> Option<Effect> {
        loop {
            let effect = match self.todo.pop_front()? {
                Todo::Do(effect) => Some(effect),
                Todo::Wake => anyone_waits(common).then_some(Effect::Wake),
                Todo::Lease => self.lease(common, now),
                Todo::Watch => {
                    self.watch(worker, now);
                    None
                }
                Todo::Sync => self.sync(worker, common, fresh(), now),
                Todo::SyncIfDue => self.sync_if_due(worker, common, &fresh, now),
                Todo::ListenIfDue => self.listen_if_due(worker, common, now),
                Todo::Period => self.period(worker, common, now).map(Effect::Period),
            };
            if effect.is_some() {
                return effect;
            }
        }
    }
}

impl Root {
    /// Idle streams come before everything else that is still to do.
    fn watch(&mut self, worker: &Worker, now: Now) {
        let mut due = Vec::new();
        self.ends_soon =
            worker.streams.watch(now.steady_ms, |context, what| due.push(Effect::Stream(context, what)));
        due.into_iter().rev().for_each(|effect| self.todo.push_front(Todo::Do(effect)));
    }

    /// Applies the response to a sync call. If more usage waits, another call follows.
    fn synced<M: SharedMemory>(
        &mut self,
        (worker, common, now): (&Worker, Common<'_, M>, Now),
        syncing: &Syncing,
        answer: Option<SyncAnswer>,
    ) {
        let Some(answer) = answer else { return unanswered(common, &syncing.asked, now) };
        let Common { shared, memory } = common;
        let recorded = {
            let (mut ledger, mut limits) = (shared.ledger(), shared.limits());
            sync::answered(&mut ledger, limits.as_mut(), memory, &syncing.asked, &answer, now.steady_ms)
        };
        if let Some(recorded) = &recorded {
            shared.keyring().record(&recorded.spent);
        }
        heard(common, answer, now);
        self.synced_ms = syncing.sent_ms;
        if recorded.is_some_and(|recorded| recorded.more_waits) && worker.is_current(self.generation) {
            self.todo.push_back(Todo::Sync);
        }
    }

    /// The period of the timer until the next tick, milliseconds.
    fn period<M: SharedMemory>(&self, worker: &Worker, common: Common<'_, M>, now: Now) -> Option<u64> {
        let table = worker.table()?;
        let period = sync_period_ms(&table);
        if anyone_waits(common) || self.ends_soon {
            return Some(HURRY_MS);
        }
        // The first request needs the latest credentials. Before the key service has answered, no key can be cached.
        if self.syncing.is_none()
            && table.credentials.is_empty()
            && common.shared.has_served_nobody()
            && common.shared.keyring().has_heard()
        {
            return Some(REST_MS);
        }
        if !worker.is_current(self.generation) {
            // It only has requests to end.
            return Some(period);
        }
        let due_ms = self.sync_due_ms.min(self.listen_due_ms);
        Some(due_ms.saturating_sub(now.steady_ms).clamp(1, period))
    }

    pub(super) fn ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    fn take_lease(&mut self, ticket: Ticket) -> Option<LeaseCall> {
        let at = self.leasing.iter().position(|(leasing, _)| *leasing == ticket)?;
        Some(self.leasing.swap_remove(at).1)
    }

    fn read<'a, T: Place<'a>>(&mut self, body: &'a [u8]) -> Option<T> {
        match crate::json::read(body) {
            Ok(answer) => Some(answer),
            Err(error) => {
                let message = format!("invalid response from the key service: {error}");
                self.todo.push_back(Todo::Do(Effect::Error(message)));
                None
            }
        }
    }
}

pub(super) fn anyone_waits<M>(common: Common<'_, M>) -> bool {
    !common.shared.waiting().is_empty()
}

fn heard<M>(common: Common<'_, M>, mut answer: SyncAnswer, now: Now) {
    if let Some(credentials) = answer.credentials.take() {
        common.shared.credentials().learn(credentials);
    }
    common.shared.keyring().apply(answer, now.unix_ms);
}

fn leased<M: SharedMemory>(common: Common<'_, M>, asked: &LeaseCall, leases: &[Lease], now: Now) {
    if let Some(limits) = common.shared.limits().as_mut() {
        limits.answered(common.memory, asked, leases, now.steady_ms);
    }
}

pub(super) fn unanswered<M: SharedMemory>(common: Common<'_, M>, asked: &LeaseCall, now: Now) {
    if let Some(limits) = common.shared.limits().as_mut() {
        limits.unanswered(common.memory, asked, now.steady_ms);
    }
}
