//! What a process asks the key service for, and how it applies the response.
//!
//! The rules are in `docs/decisions/0020-leases.md`. Between an ask and its response, no more is admitted
//! than the ask promised. The promise becomes the allowance immediately, so a lost response needs no special
//! handling.

use super::account::Resource;
use super::estimate::Amount;
use super::record::{Grant, Meter, Record};
use super::window::{Counter, Window};
use crate::key::Account;
use crate::key::lease::{self, Demand, Lease, LeaseAsk};

/// In addition to its immediate need, an Envoy holds what it would use while the key service is unavailable,
/// but at most this fraction of the limit, so that others do not have to wait.
const HOARD: u64 = 8;

/// The minimum that it holds while the account is in use, as a fraction of the limit.
const MINIMUM: u64 = 16;

/// An account is released after this number of sync periods without use.
const IDLE_PERIODS: u64 = 2;

/// How often the key service is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Period of the sync call, milliseconds.
    pub sync_ms: u64,
    /// Timeout of a call, milliseconds.
    pub timeout_ms: u64,
    /// How long known keys keep working without the key service, milliseconds.
    pub grace_ms: u64,
}

impl Pace {
    /// How long a request waits for capacity, milliseconds. By then, others have returned what they do not
    /// need.
    pub fn patience_ms(self) -> u64 {
        self.sync_ms.saturating_mul(3).saturating_add(self.timeout_ms)
    }
}

/// The total need of the waiting requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) requests: u64,
    pub(super) amount: Amount,
}

impl Need {
    fn of(self, resource: Resource) -> u64 {
        match resource {
            Resource::Requests | Resource::Parallel => self.requests,
            // Without a price nothing is reserved, but something must be left.
            Resource::Tokens => self.amount.tokens.max(self.requests),
            Resource::Money => self.amount.money.max(self.requests),
        }
    }
}

impl Record {
    /// Whether the response to an ask is pending.
    pub(super) fn is_pending(&self, now: u64, pace: Pace) -> bool {
        self.answered < self.round && now < self.asked_ms.saturating_add(pace.timeout_ms)
    }

    /// Whether the periodic ask is due: the account is in use, or something is held that could be returned.
    /// One worker per period is enough.
    pub(super) fn is_due(&self, now: u64, pace: Pace) -> bool {
        let is_time = now >= self.asked_ms.saturating_add(pace.sync_ms / 4 * 3);
        let is_used = self.used_ms >= self.asked_ms || Resource::ALL.iter().any(|r| self.is_under_way(*r));
        is_time && !self.is_pending(now, pace) && now >= self.away_until_ms && (is_used || self.holds_room())
    }

    /// Whether workers can stop asking for it.
    pub(super) fn is_forgettable(&self, now: u64, pace: Pace) -> bool {
        let is_idle = now.saturating_sub(self.used_ms) > (IDLE_PERIODS + 2).saturating_mul(pace.sync_ms);
        is_idle && self.shares.is_empty() && !self.holds_room()
    }

    /// Whether the record can be deleted: it is unused, nothing in it counts any more, and no response is
    /// pending.
    pub(super) fn is_over(&self, now: u64, pace: Pace) -> bool {
        let is_idle = now.saturating_sub(self.used_ms) > (IDLE_PERIODS + 2).saturating_mul(pace.sync_ms);
        let counted = [self.let_in, self.settled].iter().any(|counter| *counter != Counter::default());
        let counts = self.window.ends_by_ms > 0 && counted;
        let may_use = now < self.valid_until_ms && self.holds_room();
        is_idle && !counts && !may_use && self.shares.is_empty() && !self.is_pending(now, pace)
    }

    fn holds_room(&self) -> bool {
        Resource::ALL.into_iter().any(|resource| {
            let meter = self.meters.of(resource);
            meter.grant == Grant::Limited && meter.allowed > self.used(resource)
        })
    }

    fn is_under_way(&self, resource: Resource) -> bool {
        matches!(resource, Resource::Parallel | Resource::Money) && self.used(resource) > 0
    }

    /// Whether waiting requests should ask now.
    pub(super) fn may_ask_for_need(&self, now: u64, pace: Pace) -> bool {
        !self.is_pending(now, pace) && now >= self.ask_after_ms && now >= self.away_until_ms
    }

    /// Creates an ask. `carried` is the account's money in the usage batch of the same call, picodollars.
    pub(super) fn ask(
        &mut self,
        account: &Account,
        need: Need,
        carried: u64,
        now: u64,
        pace: Pace,
    ) -> LeaseAsk {
        self.roll(now);
        let elapsed = if self.asked_ms == 0 { pace.sync_ms } else { now.saturating_sub(self.asked_ms) };
        let idle = now.saturating_sub(self.used_ms) > IDLE_PERIODS.saturating_mul(pace.sync_ms);
        self.round += 1;
        self.asked_ms = now;
        self.refuse_until_ms = 0;
        self.recorded = 0;
        let mut ask =
            LeaseAsk { window: self.window.name, ..LeaseAsk::nothing(account.id.clone(), self.round) };
        for resource in Resource::ALL {
            let Some(limit) = resource.limit(account) else { continue };
            let used = self.used(resource);
            let meter = self.meters.of_mut(resource);
            meter.pass(resource, used, elapsed, pace);
            let near = if idle { 0 } else { meter.wish(resource, used, limit, pace) };
            let need = need.of(resource);
            let want = need.saturating_add(near).min(limit.max(need));
            meter.allowed = meter.allowed.min(used.saturating_add(want));
            meter.needed = if need == 0 { 0 } else { used.saturating_add(need) };
            let elsewhere = if resource == Resource::Money { carried } else { 0 };
            let (used, hold) = (used.saturating_sub(elsewhere), meter.allowed.saturating_sub(elsewhere));
            *demand(&mut ask, resource) = Demand { used, need, want, hold };
        }
        ask
    }

    /// Applies the response to the last ask; responses to earlier ones are ignored. `carried` as in
    /// [`Self::ask`]; [`Self::record`] must have been called before.
    pub(super) fn answer(&mut self, lease: &Lease, sent_ms: u64, carried: u64, now: u64, pace: Pace) {
        if lease.round != self.round || self.answered >= self.round {
            return;
        }
        self.roll(now);
        self.answered = self.round;
        let told = Window {
            name: lease.window,
            ends_from_ms: sent_ms.saturating_add(lease.window_ends_in_ms),
            ends_by_ms: now.saturating_add(lease.window_ends_in_ms),
        };
        // Counts from a window that the service does not know are kept in the window that it names. The error
        // is conservative, and lasts for one window only.
        if let Some(passed) = self.window.align(told, now).filter(|passed| *passed > 0) {
            self.begin_window(passed);
        }
        self.valid_until_ms = sent_ms.saturating_add(lease.valid_for_ms);
        self.spend = lease.spend;
        self.away_until_ms = 0;
        // Money recorded by other calls since the ask was sent. The service may have counted it twice.
        let recorded = self.recorded.saturating_sub(carried);
        self.recorded = recorded;
        let mut is_recalled = false;
        for resource in Resource::ALL {
            let used = self.used(resource);
            let meter = self.meters.of_mut(resource);
            let Some(grant) = granted(lease, resource) else {
                (meter.grant, meter.is_exhausted) = (Grant::Unlimited, false);
                continue;
            };
            meter.grant = Grant::Limited;
            meter.limit = grant.limit;
            meter.allowed = grant.allowed;
            if resource == Resource::Money {
                meter.allowed = meter.allowed.saturating_sub(recorded);
            }
            let used_then =
                if resource == Resource::Parallel { used } else { used.saturating_sub(meter.since) };
            meter.elsewhere = grant.limit.saturating_sub(grant.remaining).saturating_sub(used_then);
            // Receiving less than wanted is normal; an unmet need is not.
            let is_unmet = meter.needed > grant.allowed || grant.remaining == 0;
            meter.is_exhausted = is_unmet && !grant.recalled;
            is_recalled |= grant.recalled;
        }
        self.refuse_until_ms = now.saturating_add(pace.sync_ms);
        self.ask_after_ms = if is_recalled { now.saturating_add(pace.sync_ms) } else { 0 };
    }

    /// The ask of that round was not answered. Its promise stays in force, because the service may have
    /// received it.
    pub(super) fn unanswered(&mut self, round: u64, now: u64, pace: Pace) {
        if round == self.round && self.answered < round {
            self.answered = round;
            self.away_until_ms = now.saturating_add(pace.sync_ms);
        }
    }
}

impl Meter {
    /// Updates the usual use between two asks.
    fn pass(&mut self, resource: Resource, used: u64, elapsed: u64, pace: Pace) {
        let kept = scale(self.recent, pace.sync_ms, pace.sync_ms.saturating_add(elapsed));
        if resource == Resource::Parallel {
            self.recent = kept.max(self.since);
            self.since = used;
        } else {
            self.recent = kept.saturating_add(self.since);
            self.since = 0;
        }
    }

    /// How much to hold in addition to what is used.
    fn wish(&self, resource: Resource, used: u64, limit: u64, pace: Pace) -> u64 {
        let near = match resource {
            Resource::Parallel => self.recent.saturating_mul(2).saturating_sub(used),
            _ => self.recent.saturating_mul(2),
        };
        let outage = scale(self.recent, pace.grace_ms, pace.sync_ms.max(1)).min(limit / HOARD);
        near.max(outage).max(limit / MINIMUM).max(1)
    }
}

/// `value * by / of`, without overflow.
fn scale(value: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(by) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

fn demand(ask: &mut LeaseAsk, resource: Resource) -> &mut Demand {
    match resource {
        Resource::Money => &mut ask.money,
        Resource::Requests => &mut ask.requests,
        Resource::Tokens => &mut ask.tokens,
        Resource::Parallel => &mut ask.parallel,
    }
}

fn granted(lease: &Lease, resource: Resource) -> Option<lease::Grant> {
    match resource {
        Resource::Money => lease.money,
        Resource::Requests => lease.requests,
        Resource::Tokens => lease.tokens,
        Resource::Parallel => lease.parallel,
    }
}
