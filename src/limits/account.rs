//! An account: checks capacity, reserves it for requests, and releases it.

use super::estimate::Amount;
use super::record::{Grant, Record};
use super::roster::Roster;
use crate::key::Account;

/// What is limited, in the order in which limits are checked and reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Spend in the budget period.
    Money,
    /// Requests in a window.
    Requests,
    /// Tokens in a window.
    Tokens,
    /// Requests in flight.
    Parallel,
}

impl Resource {
    pub(super) const ALL: [Self; 4] = [Self::Money, Self::Requests, Self::Tokens, Self::Parallel];

    /// The account's limit for it.
    pub fn limit(self, account: &Account) -> Option<u64> {
        match self {
            Self::Money => account.max_budget,
            Self::Requests => account.rpm_limit,
            Self::Tokens => account.tpm_limit,
            Self::Parallel => account.max_parallel_requests,
        }
    }
}

/// Why a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The exhausted resource.
    pub resource: Resource,
    /// The limit.
    pub limit: u64,
    /// What is left of it in total; it may be held by others.
    pub remaining: u64,
    /// Time until a retry makes sense, milliseconds.
    pub resets_in_ms: u64,
    /// The account's spend without reservations, picodollars.
    pub spend: u64,
}

/// The state of an account after a request was admitted, for headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Spend before this request, picodollars.
    pub spend: u64,
    /// Requests per window: the limit, and what is left.
    pub requests: Option<(u64, u64)>,
    /// Tokens per window: the limit, and what is left.
    pub tokens: Option<(u64, u64)>,
    /// The soft budget was exceeded and has not been reported yet.
    pub is_newly_over_soft_budget: bool,
}

/// The result of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Admitted.
    Taken(Standing),
    /// Only the key service knows whether there is capacity.
    Ask,
    /// No capacity.
    Refused(Refusal),
    /// Only the key service knows, and it is not responding.
    Away,
}

impl Record {
    /// Admits a request if there is capacity, and reserves its estimated usage.
    ///
    /// There is capacity as long as less is used than is allowed, regardless of the request's own estimate: a
    /// request that is alone is never rejected while anything is left.
    pub(super) fn reserve(&mut self, account: &Account, amount: Amount, vm: u64, now: u64) -> Verdict {
        self.roll(now);
        if let Some(resource) = self.lacking(account, now) {
            return self.deny(resource, now);
        }
        let is_ending = self.window.is_ending(now);
        self.let_in.add(1, is_ending);
        self.change_share(vm, |share| {
            share.parallel += 1;
            share.reserved.tokens = share.reserved.tokens.saturating_add(amount.tokens);
            share.reserved.money = share.reserved.money.saturating_add(amount.money);
        });
        self.used_ms = now;
        self.note_use(1, amount);
        Verdict::Taken(self.standing(account))
    }

    /// Whether a request would have to wait for capacity.
    pub(super) fn lacks(&mut self, account: &Account, now: u64) -> bool {
        self.roll(now);
        self.lacking(account, now).is_some()
    }

    fn lacking(&self, account: &Account, now: u64) -> Option<Resource> {
        let lacks = |resource: &Resource| {
            resource.limit(account).is_some() && self.room(*resource, now).is_none_or(|room| room == 0)
        };
        Resource::ALL.into_iter().find(lacks)
    }

    /// Remaining capacity of a resource; `None` if unknown.
    fn room(&self, resource: Resource, now: u64) -> Option<u64> {
        let meter = self.meters.of(resource);
        match meter.grant {
            _ if now >= self.valid_until_ms => None,
            Grant::Unknown => None,
            Grant::Limited => Some(meter.allowed.saturating_sub(self.used(resource))),
            Grant::Unlimited => Some(u64::MAX),
        }
    }

    fn deny(&mut self, resource: Resource, now: u64) -> Verdict {
        let is_known = self.room(resource, now).is_some();
        let meter = self.meters.of(resource);
        if is_known && now < self.refuse_until_ms && meter.is_exhausted {
            return Verdict::Refused(self.refusal(resource, now));
        }
        if now < self.away_until_ms {
            // All capacity known so far is used, so the limit is the reason and not the missing response.
            let used = self.used(resource).saturating_add(meter.elsewhere);
            let is_used_up = is_known && used >= meter.limit;
            return if is_used_up { Verdict::Refused(self.refusal(resource, now)) } else { Verdict::Away };
        }
        // A waiting request counts as use, so that another worker does not return the lease meanwhile.
        self.used_ms = now;
        Verdict::Ask
    }

    /// The rejection of a request that has waited long enough, if the key service has ever responded.
    pub(super) fn give_up(&self, account: &Account, now: u64) -> Option<Refusal> {
        let lacks =
            |resource: &Resource| resource.limit(account).is_some() && self.room(*resource, now) == Some(0);
        let lacking = || Resource::ALL.into_iter().filter(lacks);
        let exhausted = lacking().find(|resource| self.meters.of(*resource).is_exhausted);
        exhausted.or_else(|| lacking().next()).map(|resource| self.refusal(resource, now))
    }

    fn refusal(&self, resource: Resource, now: u64) -> Refusal {
        let meter = self.meters.of(resource);
        let resets_in_ms = match resource {
            Resource::Requests | Resource::Tokens => self.window.ends_by_ms.saturating_sub(now).max(1),
            Resource::Parallel | Resource::Money => 1_000,
        };
        Refusal {
            resource,
            limit: meter.limit,
            remaining: self.remaining(resource),
            resets_in_ms,
            spend: self.spent(),
        }
    }

    fn remaining(&self, resource: Resource) -> u64 {
        let meter = self.meters.of(resource);
        meter.limit.saturating_sub(meter.elsewhere).saturating_sub(self.used(resource))
    }

    /// Spend recorded at the last response, plus local spend since then.
    fn spent(&self) -> u64 {
        let here = self.shares.iter().map(|share| share.unrecorded).fold(self.recorded, u64::saturating_add);
        self.spend.saturating_add(here)
    }

    fn standing(&mut self, account: &Account) -> Standing {
        let spend = self.spent();
        let shown = |limit: Option<u64>, resource| limit.map(|limit| (limit, self.remaining(resource)));
        let standing = Standing {
            spend,
            requests: shown(account.rpm_limit, Resource::Requests),
            tokens: shown(account.tpm_limit, Resource::Tokens),
            is_newly_over_soft_budget: false,
        };
        let is_over = account.soft_budget.is_some_and(|soft| spend >= soft);
        let was_warned = core::mem::replace(&mut self.is_warned, is_over);
        Standing { is_newly_over_soft_budget: is_over && !was_warned, ..standing }
    }

    /// Releases a reservation that was just made, because another account had no capacity.
    pub(super) fn undo(&mut self, amount: Amount, vm: u64, now: u64) {
        let is_ending = self.window.is_ending(now);
        self.let_in.take_back(1, is_ending);
        self.release(amount, vm);
        let meters = &mut self.meters;
        meters.requests.since = meters.requests.since.saturating_sub(1);
        meters.tokens.since = meters.tokens.since.saturating_sub(amount.tokens);
        meters.money.since = meters.money.since.saturating_sub(amount.money);
    }

    /// Ends a request: its actual usage replaces its reservation.
    pub(super) fn settle(&mut self, reserved: Amount, used: Amount, vm: u64, now: u64) {
        self.roll(now);
        self.release(reserved, vm);
        let is_ending = self.window.is_ending(now);
        self.settled.add(used.tokens, is_ending);
        self.change_share(vm, |share| share.unrecorded = share.unrecorded.saturating_add(used.money));
        let beyond = Amount {
            tokens: used.tokens.saturating_sub(reserved.tokens),
            money: used.money.saturating_sub(reserved.money),
        };
        self.note_use(0, beyond);
    }

    fn release(&mut self, reserved: Amount, vm: u64) {
        self.change_share(vm, |share| {
            share.parallel = share.parallel.saturating_sub(1);
            share.reserved.tokens = share.reserved.tokens.saturating_sub(reserved.tokens);
            share.reserved.money = share.reserved.money.saturating_sub(reserved.money);
        });
    }

    /// The key service has recorded money spent here, so it no longer counts here. The allowance decreases
    /// with it, which keeps the remaining capacity the same until the next response, which takes it into
    /// account.
    pub(super) fn record(&mut self, money: u64, vm: u64) {
        self.change_share(vm, |share| share.unrecorded = share.unrecorded.saturating_sub(money));
        self.count_as_recorded(money);
    }

    /// Removes reservations of dead workers. Their unreported spend may have been recorded or not.
    pub(super) fn remove_dead(&mut self, roster: &Roster) {
        let (alive, dead): (Vec<_>, Vec<_>) =
            core::mem::take(&mut self.shares).into_iter().partition(|share| roster.lives(share.vm));
        self.shares = alive;
        for share in dead {
            self.count_as_recorded(share.unrecorded);
        }
    }

    fn count_as_recorded(&mut self, money: u64) {
        self.recorded = self.recorded.saturating_add(money);
        let meter = &mut self.meters.money;
        meter.allowed = meter.allowed.saturating_sub(money);
    }

    fn note_use(&mut self, requests: u64, amount: Amount) {
        let parallel = self.used(Resource::Parallel);
        let meters = &mut self.meters;
        meters.requests.since = meters.requests.since.saturating_add(requests);
        meters.tokens.since = meters.tokens.since.saturating_add(amount.tokens);
        meters.money.since = meters.money.since.saturating_add(amount.money);
        meters.parallel.since = meters.parallel.since.max(parallel);
    }
}
