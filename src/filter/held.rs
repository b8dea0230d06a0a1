//! Requests passing through the limits. Those waiting for capacity are kept in the VM, because the root
//! context calls the key service: its response must be processed even if the client has disconnected.

use core::cell::Cell;
use std::rc::Rc;

use proxy_wasm::types::Action;

use crate::config::{CLUSTER_HEADER, MAX_RETRIES_HEADER};
use crate::exchange::{Call, Entered, Reply};
use crate::key::UsageEntry;
use crate::limits::{Amount, Charge, Claim, Entry};

use super::host::{self, SharedData};
use super::{report, vm};

/// An admitted request and its state.
pub(super) struct Passage {
    /// The context of the request.
    context: u32,
    pub(super) call: Rc<Call>,
    claim: Option<Claim>,
    since_ms: u64,
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
    pub(super) fn new(context: u32, call: Rc<Call>) -> Self {
        let claim = vm::with(|vm| call.claim(&vm.limits.borrow().as_ref()?.habits));
        let since_ms = if claim.is_some() { host::steady_ms() } else { 0 };
        Self {
            context,
            call,
            claim,
            since_ms,
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
    pub(super) fn enter(&self) -> Door {
        let Some(claim) = &self.claim else { return Door::Open };
        let entry = vm::with(|vm| {
            let mut limits = vm.limits.borrow_mut();
            let limits = limits.as_mut()?;
            Some(limits.enter_again(&SharedData, claim, self.since_ms, host::steady_ms()))
        });
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
                let reply = self.call.refused(&account, &refusal, host::now_ms());
                Door::Closed(reply.to_call(&self.call.id))
            }
            Some(Entry::Away) | None => Door::Closed(self.call.limits_unknown().to_call(&self.call.id)),
        }
    }

    /// Continues it: forwards it to its deployments, or starts sending its parts if it is split. The
    /// request's context must be current.
    pub(super) fn go(self: &Rc<Self>) -> Action {
        if self.call.parts.borrow().is_none() {
            self.forward();
            return Action::Continue;
        }
        self.number.set(Some(vm::with(|vm| vm.keep(Rc::clone(&self.call)))));
        vm::with(|vm| {
            vm.split.borrow_mut().push(Rc::clone(self));
            if !vm.streams.ring() {
                log::error!("shared queue unavailable: the request waits for the next tick");
            }
        });
        Action::Pause
    }

    /// Sends a response if its client is still waiting. Makes the request's context current.
    pub(super) fn answer(&self, reply: &Reply) {
        if !self.is_over.get() && host::act_for(self.context) {
            report::for_span(&self.call);
            host::reply(reply);
        }
    }

    /// Forwards it. The request's context must be current.
    pub(super) fn forward(&self) {
        let call = &self.call;
        let leg = call.leg();
        host::set_request_header(CLUSTER_HEADER, Some(leg.cluster));
        if let Some(retries) = leg.retries {
            host::set_request_header(MAX_RETRIES_HEADER, Some(&retries.to_string()));
        }
        if let Some(retries) = leg.max_retries {
            host::set_request_header("x-envoy-max-retries", Some(&retries.to_string()));
        }
        if let Some(timeout) = leg.timeout_ms {
            host::set_request_header("x-envoy-upstream-rq-per-try-timeout-ms", Some(&timeout.to_string()));
        }
        let number = self.number.get().unwrap_or_else(|| vm::with(|vm| vm.keep(Rc::clone(call))));
        host::leave_call(number);
        self.number.set(Some(number));
    }

    /// Its stream has ended. The request has ended as well, unless it was redirected.
    pub(super) fn leave(self: Rc<Self>) {
        match self.number.get().filter(|_| self.call.departs()) {
            Some(number) => vm::with(|vm| vm.depart(number, self)),
            None => self.end(),
        }
    }

    /// Ends it: the actual usage replaces the reservation and is recorded.
    fn end(&self) {
        self.is_over.set(true);
        let call = &self.call;
        self.status.set(call.answered_status().unwrap_or_else(host::final_status));
        call.stop_parts();
        if call.awaits_parts() {
            // Its log line is due, although its usage is not complete.
            call.settle(self.status.get(), host::now_ms(), |entry| report::for_log(call, entry));
        } else {
            self.account(true);
        }
    }

    /// A part was answered, so the usage may be complete now.
    pub(super) fn part_ended(&self) {
        if self.is_over.get() && self.number.get().is_some() && !self.call.awaits_parts() {
            self.account(false);
        }
    }

    fn account(&self, reports: bool) {
        let call = &self.call;
        call.settle(self.status.get(), host::now_ms(), |entry| {
            if reports {
                report::for_log(call, entry);
            }
            if call.is_part {
                return vm::with(|vm| self.number.take().into_iter().for_each(|number| vm.forget(number)));
            }
            match self.number.take() {
                Some(number) => {
                    let charges = self.settle(entry);
                    vm::with(|vm| {
                        vm.forget(number);
                        if let (Some(token), Some(cost)) = (&entry.token, entry.cost_picodollars) {
                            vm.keyring.borrow_mut().charge(token, cost);
                        }
                        vm.ledger.borrow_mut().add(entry, charges);
                    });
                }
                // A request rejected by its limits has used nothing. One whose client left while it was
                // waiting is not recorded.
                None if entry.detail.error.is_some() => {
                    vm::with(|vm| vm.ledger.borrow_mut().add(entry, Vec::new()));
                }
                None => {}
            }
        });
    }

    fn settle(&self, entry: &UsageEntry<'_>) -> Vec<Charge> {
        let used = Amount {
            tokens: entry.prompt_tokens.saturating_add(entry.completion_tokens),
            money: entry.cost_picodollars.unwrap_or_default(),
        };
        vm::with(|vm| {
            let mut limits = vm.limits.borrow_mut();
            let limits = limits.as_mut()?;
            let entered = self.call.entered.get()?;
            limits.habits.learn(self.call.group_name(), entry.completion_tokens);
            Some(limits.settle(&SharedData, &entered.claim, used, host::steady_ms()))
        })
        .unwrap_or_default()
    }

    /// What it is waiting for; `None` if it is not waiting.
    pub(super) fn awaited(&self) -> Option<&Claim> {
        self.claim.as_ref().filter(|_| !self.is_over.get())
    }
}

/// Retries waiting requests. `root` is the context to return to.
pub(super) fn try_again(root: u32) {
    for passage in vm::with(|vm| vm.held.take()) {
        if passage.is_over.get() || !host::act_for(passage.context) {
            continue;
        }
        match passage.enter() {
            Door::Wait => vm::with(|vm| vm.held.borrow_mut().push(passage)),
            Door::Open => {
                if passage.go() == Action::Continue {
                    host::resume_request();
                }
            }
            Door::Closed(reply) => host::reply(&reply),
        }
    }
    host::act_for(root);
}
