//! A request on its way through the limits, to its attempts, and to the ledger.
//!
//! ```text
//!   Entering ──► Forwarded ──► Over ──► Accounted
//!      │ ▲           ▲ │                    ▲
//!      ▼ │           │ └────────────────────┤
//!    Waiting ────────┘                      │
//!      └────────────────────────────────────┘
//! ```

use core::cell::Cell;
use std::rc::Rc;

use crate::exchange::{Call, Entered, Head, Leg, Reply};
use crate::key::{AccountId, UsageEntry};
use crate::limits::{Amount, Charge, Claim, Entry, Refusal, SharedMemory};

use super::requests::Worker;
use super::shared::{Common, Shared};
use super::streams::Streamed;

/// An admitted request and its state.
#[derive(Debug)]
pub struct Passage {
    /// The context of the request.
    context: u32,
    /// The request.
    pub call: Rc<Call>,
    claim: Option<Claim>,
    since_ms: u64,
    stage: Cell<Stage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It has not passed the limits.
    Entering,
    /// It waits for capacity. `claim` is the number of its claim among those that wait.
    Waiting { claim: u64 },
    /// Its attempts, or its parts, find it by this number.
    Forwarded { number: u64 },
    /// Its client has received a response with this status, or has disconnected. Responses to its parts are pending.
    Over { number: u64, status: u16 },
    /// Its usage is in the ledger, if it has any.
    Accounted,
}

/// What to do with a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Door {
    /// Forward it.
    Open,
    /// Hold it.
    Wait,
    /// A limit is exhausted: send [`Passage::refused`].
    Refused(AccountId, Refusal),
    /// Its limits cannot be checked: send [`Passage::unknown`].
    Unknown,
    /// Nothing: it is not waiting.
    Gone,
}

/// How a request has ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// The status that the client has received.
    pub status: u16,
    /// Unix milliseconds.
    pub now_ms: u64,
    /// The calls for its parts end with it.
    pub abandons: bool,
}

impl Passage {
    /// A request. `now_ms` is the monotonic clock, which is read only if limits apply.
    pub fn new(context: u32, call: Rc<Call>, shared: &Shared, now_ms: impl FnOnce() -> u64) -> Self {
        let claim = shared.limits().as_ref().and_then(|limits| call.claim(&limits.habits));
        let since_ms = if claim.is_some() { now_ms() } else { 0 };
        Self { context, call, claim, since_ms, stage: Cell::new(Stage::Entering) }
    }

    /// The context of the request.
    pub fn context(&self) -> u32 {
        self.context
    }

    /// Whether it has been forwarded, and is not accounted for yet.
    pub fn is_forwarded(&self) -> bool {
        self.number().is_some()
    }

    /// Whether it waits for capacity.
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage.get(), Stage::Waiting { .. })
    }

    /// Whether its client has a response, or has disconnected.
    pub fn is_over(&self) -> bool {
        matches!(self.stage.get(), Stage::Over { .. } | Stage::Accounted)
    }

    fn number(&self) -> Option<u64> {
        match self.stage.get() {
            Stage::Forwarded { number } | Stage::Over { number, .. } => Some(number),
            Stage::Entering | Stage::Waiting { .. } | Stage::Accounted => None,
        }
    }

    /// Reserves its estimated usage, if any limit applies. `now_ms` is the monotonic clock.
    pub fn enter<M: SharedMemory>(&self, common: Common<'_, M>, now_ms: impl FnOnce() -> u64) -> Door {
        let waits = match self.stage.get() {
            Stage::Entering => None,
            Stage::Waiting { claim } => Some(claim),
            Stage::Forwarded { .. } | Stage::Over { .. } | Stage::Accounted => return Door::Gone,
        };
        let Some(claim) = &self.claim else { return Door::Open };
        let Common { shared, memory } = common;
        let entry = {
            let mut limits = shared.limits();
            limits.as_mut().map(|limits| limits.enter_again(memory, claim, self.since_ms, now_ms()))
        };
        match (&entry, waits) {
            (Some(Entry::Wait), None) => {
                let claim = shared.waiting().add(claim.clone());
                self.stage.set(Stage::Waiting { claim });
            }
            (Some(Entry::Wait), Some(_)) => {}
            _ => self.wait_no_more(shared),
        }
        match entry {
            Some(Entry::Open(standings)) => {
                // It enters only once; a second value would be a bug in this file.
                let _ = self.call.entered.set(Entered { claim: claim.clone(), standings });
                Door::Open
            }
            Some(Entry::Wait) => Door::Wait,
            Some(Entry::Refused(account, refusal)) => Door::Refused(account, refusal),
            Some(Entry::Away) | None => Door::Unknown,
        }
    }

    fn wait_no_more(&self, shared: &Shared) {
        if let Stage::Waiting { claim } = self.stage.get() {
            shared.waiting().remove(claim);
            self.stage.set(Stage::Entering);
        }
    }

    /// Accounts whose soft budgets it was the first to find exceeded, once it has entered.
    pub fn over_soft_budget(&self) -> impl Iterator<Item = &AccountId> {
        let standings = self.call.entered.get().into_iter().flat_map(|entered| {
            entered.claim.accounts().zip(&entered.standings).filter(|(_, s)| s.is_newly_over_soft_budget)
        });
        standings.map(|(account, _)| &account.id)
    }

    /// The response to [`Door::Refused`]. `now_ms` is Unix time.
    pub fn refused(&self, account: &AccountId, refusal: &Refusal, now_ms: u64) -> Reply {
        self.call.refused(account, refusal, now_ms).to_call(&self.call.id)
    }

    /// The response to [`Door::Unknown`].
    pub fn unknown(&self) -> Reply {
        self.call.limits_unknown().to_call(&self.call.id)
    }

    /// Whether its parts are sent instead of it.
    pub fn is_split(&self) -> bool {
        self.call.parts.borrow().is_some()
    }

    /// It is forwarded, also to a further group. Returns how, and the number by which its attempts find it.
    pub fn forward(&self, worker: &Worker, shared: &Shared) -> (Leg<'_>, u64) {
        let leg = self.call.leg();
        let number = self.number().unwrap_or_else(|| worker.keep(shared, Rc::clone(&self.call)));
        self.stage.set(Stage::Forwarded { number });
        (leg, number)
    }

    /// Its parts will be sent.
    pub fn send_parts(&self, worker: &Worker, shared: &Shared) {
        let number = worker.keep(shared, Rc::clone(&self.call));
        self.stage.set(Stage::Forwarded { number });
    }

    /// Its response, if it is being streamed and the host reports streams that break.
    pub fn stream(&self, worker: &Worker) -> Option<Rc<Streamed>> {
        worker.stream(self.number()?)
    }

    /// The event for a client whose response breaks off; `None` if it is complete, or not streamed.
    pub fn broken(&self, worker: &Worker) -> Option<Vec<u8>> {
        Some(worker.end_stream(self.number()?)?.broken())
    }

    /// Its stream has ended. Returns whether the request was redirected, and so has not ended.
    pub fn departs(self: &Rc<Self>, worker: &Worker) -> bool {
        let Some(number) = self.number().filter(|_| self.call.departs()) else { return false };
        worker.depart(number, Rc::clone(self));
        true
    }

    /// It has ended: its actual usage replaces its reservation and is recorded, unless responses to its parts are pending.
    /// `report` receives its entry for the access log, and `measure` the one that is recorded. `steady_ms` is the monotonic clock, which is read only if limits
    /// apply.
    pub fn end<M: SharedMemory>(
        self: &Rc<Self>,
        worker: &Worker,
        common: Common<'_, M>,
        ended: Ended,
        steady_ms: impl FnOnce() -> u64,
        report: impl FnOnce(&UsageEntry<'_>),
        measure: impl FnOnce(&UsageEntry<'_>),
    ) {
        let (call, Ended { status, now_ms, abandons }) = (&self.call, ended);
        if self.is_waiting() {
            worker.take_one(self);
            self.wait_no_more(common.shared);
        }
        call.stop_parts();
        if abandons {
            while let Some(part) = worker.parts.take_of(self) {
                call.part_answered(part.index, 0, Head::default(), &[], now_ms);
            }
        }
        match self.number().filter(|_| call.awaits_parts()) {
            Some(number) => {
                self.stage.set(Stage::Over { number, status });
                // Its log line is due, although its usage is not complete.
                call.settle(status, now_ms, report);
            }
            None => self.account(worker, common, (status, now_ms), steady_ms, report, measure),
        }
    }

    /// There is a response to one of its parts, so its usage may be complete now. The other arguments are those of
    /// [`Self::end`].
    pub fn part_ended<M: SharedMemory>(
        &self,
        worker: &Worker,
        common: Common<'_, M>,
        now_ms: u64,
        steady_ms: impl FnOnce() -> u64,
        measure: impl FnOnce(&UsageEntry<'_>),
    ) {
        if let Stage::Over { status, .. } = self.stage.get()
            && !self.call.awaits_parts()
        {
            self.account(worker, common, (status, now_ms), steady_ms, |_| {}, measure);
        }
    }

    fn account<M: SharedMemory>(
        &self,
        worker: &Worker,
        common: Common<'_, M>,
        (status, now_ms): (u16, u64),
        steady_ms: impl FnOnce() -> u64,
        report: impl FnOnce(&UsageEntry<'_>),
        measure: impl FnOnce(&UsageEntry<'_>),
    ) {
        let (call, shared) = (&self.call, common.shared);
        let number = self.number();
        self.stage.set(Stage::Accounted);
        call.settle(status, now_ms, |entry| {
            report(entry);
            if let Some(number) = number {
                worker.forget(number);
            }
            // A count of tokens costs nothing.
            if call.is_part() || call.memo.counts {
                return;
            }
            measure(entry);
            match number {
                Some(_) => {
                    let charges = self.settle(common, entry, steady_ms);
                    if let (Some(token), Some(cost)) = (&entry.token, entry.cost_picodollars) {
                        shared.keyring().charge(token, cost);
                    }
                    shared.ledger().add(entry, charges);
                }
                // A request rejected by its limits has used nothing. One whose client left while it was
                // waiting is not recorded.
                None if entry.detail.error.is_some() => shared.ledger().add(entry, Vec::new()),
                None => {}
            }
        });
    }

    fn settle<M: SharedMemory>(
        &self,
        common: Common<'_, M>,
        entry: &UsageEntry<'_>,
        steady_ms: impl FnOnce() -> u64,
    ) -> Vec<Charge> {
        let used = Amount {
            tokens: entry.prompt_tokens.saturating_add(entry.completion_tokens),
            money: entry.cost_picodollars.unwrap_or_default(),
        };
        let Some(entered) = self.call.entered.get() else { return Vec::new() };
        let mut limits = common.shared.limits();
        let Some(limits) = limits.as_mut() else { return Vec::new() };
        limits.habits.learn(self.call.group_name(), entry.completion_tokens);
        limits.settle(common.memory, &entered.claim, used, steady_ms())
    }
}
