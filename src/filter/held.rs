//! Requests passing through the limits. Those waiting for capacity are kept by the worker, because the root calls the
//! key service: its response must be processed even if the client has disconnected.

use core::cell::Cell;
use std::rc::Rc;

use crate::config::{CLUSTER_HEADER, MAX_RETRIES_HEADER};
use crate::exchange::{Call, Entered, Reply};
use crate::key::UsageEntry;
use crate::limits::{Amount, Charge, Claim, Entry, Limits};

use super::host::{Action, Host};
use super::streams::UnderWay;
use super::{parts, report, worker};

/// An admitted request and its state.
pub(super) struct Passage {
    /// The context of the request.
    context: u32,
    pub(super) call: Rc<Call>,
    claim: Option<Claim>,
    since_ms: u64,
    /// The number of its claim, while it waits.
    waits: Cell<Option<u64>>,
    /// The number by which its attempts find it; `None` until it is forwarded.
    number: Cell<Option<u64>>,
    /// Its client has a response, or has disconnected.
    is_over: Cell<bool>,
    /// The status that the client received, once it is over.
    status: Cell<u16>,
}

/// What to do with a request.
pub(super) enum Door {
    /// Forward it.
    Open,
    /// Hold it.
    Wait,
    /// Send this response.
    Closed(Reply),
}

impl Passage {
    pub(super) fn new<H: Host>(context: u32, call: Rc<Call>) -> Self {
        let claim = H::shared().limits().as_ref().and_then(|limits| call.claim(&limits.habits));
        let since_ms = if claim.is_some() { H::steady_ms() } else { 0 };
        Self {
            context,
            call,
            claim,
            since_ms,
            waits: Cell::new(None),
            number: Cell::new(None),
            is_over: Cell::new(false),
            status: Cell::new(0),
        }
    }

    /// Whether it has been forwarded.
    pub(super) fn is_forwarded(&self) -> bool {
        self.number.get().is_some()
    }

    /// Reserves its estimated usage, if any limit applies.
    pub(super) fn enter<H: Host>(&self) -> Door {
        let Some(claim) = &self.claim else { return Door::Open };
        let entry = {
            let mut limits = H::shared().limits();
            let enter =
                |limits: &mut Limits| limits.enter_again(H::memory(), claim, self.since_ms, H::steady_ms());
            limits.as_mut().map(enter)
        };
        match (&entry, self.waits.get()) {
            (Some(Entry::Wait), None) => self.waits.set(Some(H::shared().waiting().add(claim.clone()))),
            (Some(Entry::Wait), Some(_)) => {}
            _ => self.wait_no_more::<H>(),
        }
        match entry {
            Some(Entry::Open(standings)) => {
                for (account, _) in
                    claim.accounts().zip(&standings).filter(|(_, s)| s.is_newly_over_soft_budget)
                {
                    log::warn!("soft budget of {:?} {} exceeded", account.id.kind, account.id.id);
                }
                // A request enters only once; a second value would be a bug in this file.
                let _ = self.call.entered.set(Entered { claim: claim.clone(), standings });
                Door::Open
            }
            Some(Entry::Wait) => Door::Wait,
            Some(Entry::Refused(account, refusal)) => {
                let reply = self.call.refused(&account, &refusal, H::now_ms());
                Door::Closed(reply.to_call(&self.call.id))
            }
            Some(Entry::Away) | None => Door::Closed(self.call.limits_unknown().to_call(&self.call.id)),
        }
    }

    fn wait_no_more<H: Host>(&self) {
        if let Some(number) = self.waits.take() {
            H::shared().waiting().remove(number);
        }
    }

    /// Tries again to pass the limits. Its stream must be current.
    fn try_again<H: Host>(self: Rc<Self>) {
        match self.enter::<H>() {
            Door::Wait => self.wait::<H>(),
            Door::Open => {
                if self.go::<H>() == Action::Continue {
                    H::resume_request();
                }
            }
            Door::Closed(reply) => H::reply(&reply),
        }
    }

    /// Waits for capacity.
    pub(super) fn wait<H: Host>(self: Rc<Self>) {
        worker::with(|worker| worker.held.borrow_mut().push(self));
        H::hold();
    }

    /// Continues it: forwards it to its deployments, or starts sending its parts if it is split. The
    /// request's context must be current.
    pub(super) fn go<H: Host>(self: &Rc<Self>) -> Action {
        if self.call.parts.borrow().is_none() {
            self.forward::<H>();
            return Action::Continue;
        }
        self.number.set(Some(worker::with(|worker| worker.keep::<H>(Rc::clone(&self.call)))));
        if !H::ROOT_CALLS {
            parts::go_on::<H>(None, self);
            return Action::Pause;
        }
        worker::with(|worker| worker.split.borrow_mut().push(Rc::clone(self)));
        if !H::ring() {
            log::error!("shared queue unavailable: the request waits for the next tick");
        }
        Action::Pause
    }

    /// Sends a response if its client is still waiting. Makes the request's context current.
    pub(super) fn answer<H: Host>(&self, reply: &Reply) {
        if !self.is_over.get() && H::act_for(self.context) {
            report::for_span::<H>(&self.call);
            H::reply(reply);
        }
    }

    /// Forwards it. The request's context must be current.
    pub(super) fn forward<H: Host>(&self) {
        let call = &self.call;
        let leg = call.leg();
        H::set_request_header(CLUSTER_HEADER, Some(leg.cluster));
        if let Some(retries) = leg.retries {
            H::set_request_header(MAX_RETRIES_HEADER, Some(&retries.to_string()));
        }
        if let Some(retries) = leg.max_retries {
            H::set_request_header("x-envoy-max-retries", Some(&retries.to_string()));
        }
        if let Some(timeout) = leg.timeout_ms {
            H::set_request_header("x-envoy-upstream-rq-per-try-timeout-ms", Some(&timeout.to_string()));
        }
        let keep = || worker::with(|worker| worker.keep::<H>(Rc::clone(call)));
        let number = self.number.get().unwrap_or_else(keep);
        H::leave_call(number);
        self.number.set(Some(number));
    }

    /// Its response, if it is being streamed and the host tells of those that break.
    pub(super) fn stream<H: Host>(&self) -> Option<Rc<UnderWay>> {
        worker::with(|worker| worker.streams.of_request::<H>(self.number.get()?))
    }

    /// The event for a client whose response breaks off; `None` if it is complete, or not streamed.
    pub(super) fn broken<H: Host>(&self) -> Option<Vec<u8>> {
        let stream = worker::with(|worker| worker.streams.end::<H>(self.number.get()?))?;
        Some(stream.broken())
    }

    /// Its stream has ended. The request has ended as well, unless it was redirected.
    pub(super) fn leave<H: Host>(self: Rc<Self>) {
        match self.number.get().filter(|_| self.call.departs()) {
            Some(number) => worker::with(|worker| worker.depart(number, self)),
            None => self.end::<H>(),
        }
    }

    /// Ends it: the actual usage replaces the reservation and is recorded.
    fn end<H: Host>(&self) {
        self.is_over.set(true);
        self.wait_no_more::<H>();
        let call = &self.call;
        self.status.set(call.answered_status().unwrap_or_else(H::final_status));
        call.stop_parts();
        if !H::ROOT_CALLS {
            parts::abandon::<H>(self);
        }
        if call.awaits_parts() {
            // Its log line is due, although its usage is not complete.
            call.settle(self.status.get(), H::now_ms(), |entry| report::for_log::<H>(call, entry));
        } else {
            self.account::<H>(true);
        }
    }

    /// A part was answered, so the usage may be complete now.
    pub(super) fn part_ended<H: Host>(&self) {
        if self.is_over.get() && self.number.get().is_some() && !self.call.awaits_parts() {
            self.account::<H>(false);
        }
    }

    fn account<H: Host>(&self, reports: bool) {
        let call = &self.call;
        call.settle(self.status.get(), H::now_ms(), |entry| {
            if reports {
                report::for_log::<H>(call, entry);
            }
            let number = self.number.take();
            if let Some(number) = number {
                worker::with(|worker| worker.forget::<H>(number));
            }
            // A count of tokens costs nothing.
            if call.is_part || call.memo.counts {
                return;
            }
            let shared = H::shared();
            match number {
                Some(_) => {
                    let charges = self.settle::<H>(entry);
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

    fn settle<H: Host>(&self, entry: &UsageEntry<'_>) -> Vec<Charge> {
        let used = Amount {
            tokens: entry.prompt_tokens.saturating_add(entry.completion_tokens),
            money: entry.cost_picodollars.unwrap_or_default(),
        };
        let Some(entered) = self.call.entered.get() else { return Vec::new() };
        let mut limits = H::shared().limits();
        let Some(limits) = limits.as_mut() else { return Vec::new() };
        limits.habits.learn(self.call.group_name(), entry.completion_tokens);
        limits.settle(H::memory(), &entered.claim, used, H::steady_ms())
    }
}

/// Has the waiting requests of this worker try again. `root` is the context to return to.
pub fn try_again<H: Host>(root: u32) {
    for passage in worker::with(|worker| worker.held.take()) {
        if !passage.is_over.get() && H::act_for(passage.context) {
            passage.try_again::<H>();
        }
    }
    H::act_for(root);
}

/// Has one waiting request, whose stream is current, try again.
pub(super) fn try_one<H: Host>(passage: &Rc<Passage>) {
    let waits = worker::with(|worker| {
        let mut held = worker.held.borrow_mut();
        let at = held.iter().position(|other| Rc::ptr_eq(other, passage))?;
        Some(held.swap_remove(at))
    });
    if let Some(passage) = waits.filter(|passage| !passage.is_over.get()) {
        passage.try_again::<H>();
    }
}
