//! What one Envoy process knows of one account, and how that is written down.

use super::account::Resource;
use super::codec::{Decoder, Encoder};
use super::estimate::Amount;
use super::window::{Counter, Window};

/// The state of one account in one Envoy process, shared by its workers. Times are milliseconds of the workers'
/// common clock; 0 is "never".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Of the last ask that was sent.
    pub(super) round: u64,
    /// Of the last ask that was answered, or that nobody waits for any more.
    pub(super) answered: u64,
    /// When the last ask was sent.
    pub(super) asked_ms: u64,
    /// Until then what is allowed may be used.
    pub(super) valid_until_ms: u64,
    /// Who waits for room need not ask before: others have been told to give it back.
    pub(super) ask_after_ms: u64,
    /// Until then what the last answer called exhausted is so.
    pub(super) refuse_until_ms: u64,
    /// Until then the key service need not be asked again: it did not answer.
    pub(super) away_until_ms: u64,
    /// When something was let in last.
    pub(super) used_ms: u64,
    /// Recorded spend at the last answer, picodollars.
    pub(super) spend: u64,
    /// Of the money used here, what was recorded since the last ask was sent, picodollars.
    pub(super) recorded: u64,
    /// That the soft budget is spent has been told.
    pub(super) is_warned: bool,
    /// Of requests and tokens.
    pub(super) window: Window,
    /// Requests let in.
    pub(super) let_in: Counter,
    /// Tokens settled.
    pub(super) settled: Counter,
    /// What may be used of each resource.
    pub(super) meters: PerResource<Meter>,
    /// What the workers' requests have reserved.
    pub(super) shares: Vec<Share>,
}

/// One value for each resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PerResource<T> {
    pub(super) requests: T,
    pub(super) tokens: T,
    pub(super) parallel: T,
    pub(super) money: T,
}

impl<T> PerResource<T> {
    pub(super) fn of(&self, resource: Resource) -> &T {
        match resource {
            Resource::Requests => &self.requests,
            Resource::Tokens => &self.tokens,
            Resource::Parallel => &self.parallel,
            Resource::Money => &self.money,
        }
    }

    pub(super) fn of_mut(&mut self, resource: Resource) -> &mut T {
        match resource {
            Resource::Requests => &mut self.requests,
            Resource::Tokens => &mut self.tokens,
            Resource::Parallel => &mut self.parallel,
            Resource::Money => &mut self.money,
        }
    }
}

/// What may be used of one resource, and how fast that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Meter {
    pub(super) grant: Grant,
    /// Compared with what is used.
    pub(super) allowed: u64,
    /// What is used must have been allowed to become for all who waited for the last ask; 0 when nobody did.
    pub(super) needed: u64,
    /// The account's limit.
    pub(super) limit: u64,
    /// Used by other Envoys, at the last answer.
    pub(super) elsewhere: u64,
    /// The last answer said that nobody has any room.
    pub(super) is_exhausted: bool,
    /// Used since the last ask was sent; of requests in parallel, the most at one time.
    pub(super) since: u64,
    /// About what two sync periods have used.
    pub(super) recent: u64,
}

/// What the last answer said of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Grant {
    /// Nothing, or there was none.
    #[default]
    Unknown,
    /// That it is limited.
    Limited,
    /// That it is not limited.
    Unlimited,
}

/// What one worker's requests hold of the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// The VM's number.
    pub(super) vm: u64,
    /// Requests under way.
    pub(super) parallel: u64,
    /// What they have reserved.
    pub(super) reserved: Amount,
    /// Spent and not recorded yet, picodollars.
    pub(super) unrecorded: u64,
}

impl Record {
    /// Changes the share of a VM. One that holds nothing any more is dropped.
    pub(super) fn change_share(&mut self, vm: u64, change: impl FnOnce(&mut Share)) {
        let mut share = Share { vm, ..Share::default() };
        if let Some(known) = self.shares.iter().find(|share| share.vm == vm) {
            share = *known;
        }
        change(&mut share);
        self.shares.retain(|other| other.vm != vm);
        if share != (Share { vm, ..Share::default() }) {
            self.shares.push(share);
        }
    }

    /// What the process has used of a resource, reservations included.
    pub(super) fn used(&self, resource: Resource) -> u64 {
        let sum = |part: fn(&Share) -> u64| self.shares.iter().map(part).fold(0, u64::saturating_add);
        match resource {
            Resource::Requests => self.let_in.present,
            Resource::Tokens => self.settled.present.saturating_add(sum(|share| share.reserved.tokens)),
            Resource::Parallel => sum(|share| share.parallel),
            Resource::Money => sum(|share| share.reserved.money.saturating_add(share.unrecorded)),
        }
    }

    /// Goes on to the window of `now`.
    pub(super) fn roll(&mut self, now: u64) {
        let passed = self.window.roll(now);
        if passed > 0 {
            self.begin_window(passed);
        }
    }

    /// What counted in windows that are over counts no more.
    pub(super) fn begin_window(&mut self, passed: u64) {
        self.let_in.roll(passed);
        self.settled.roll(passed);
        for resource in [Resource::Requests, Resource::Tokens] {
            let meter = self.meters.of_mut(resource);
            (meter.elsewhere, meter.is_exhausted) = (0, false);
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        let mut n = || from.number();
        let mut record = Self {
            round: n()?,
            answered: n()?,
            asked_ms: n()?,
            valid_until_ms: n()?,
            ask_after_ms: n()?,
            refuse_until_ms: n()?,
            away_until_ms: n()?,
            used_ms: n()?,
            spend: n()?,
            recorded: n()?,
            is_warned: n()? != 0,
            window: Window { name: n()?, ends_from_ms: n()?, ends_by_ms: n()? },
            let_in: Counter { present: n()?, next: n()? },
            settled: Counter { present: n()?, next: n()? },
            meters: PerResource::default(),
            shares: Vec::new(),
        };
        for resource in Resource::ALL {
            *record.meters.of_mut(resource) = Meter {
                grant: match n()? {
                    0 => Grant::Unknown,
                    1 => Grant::Limited,
                    _ => Grant::Unlimited,
                },
                allowed: n()?,
                needed: n()?,
                limit: n()?,
                elsewhere: n()?,
                is_exhausted: n()? != 0,
                since: n()?,
                recent: n()?,
            };
        }
        for _ in 0..n()? {
            record.shares.push(Share {
                vm: n()?,
                parallel: n()?,
                reserved: Amount { tokens: n()?, money: n()? },
                unrecorded: n()?,
            });
        }
        Some(record)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut to = Encoder::default();
        to.numbers(&[self.round, self.answered, self.asked_ms, self.valid_until_ms, self.ask_after_ms]);
        to.numbers(&[self.refuse_until_ms, self.away_until_ms, self.used_ms, self.spend, self.recorded]);
        to.number(self.is_warned.into());
        to.numbers(&[self.window.name, self.window.ends_from_ms, self.window.ends_by_ms]);
        for counter in [self.let_in, self.settled] {
            to.numbers(&[counter.present, counter.next]);
        }
        for resource in Resource::ALL {
            let meter = self.meters.of(resource);
            to.number(match meter.grant {
                Grant::Unknown => 0,
                Grant::Limited => 1,
                Grant::Unlimited => 2,
            });
            to.numbers(&[meter.allowed, meter.needed, meter.limit, meter.elsewhere]);
            to.numbers(&[meter.is_exhausted.into(), meter.since, meter.recent]);
        }
        to.number(self.shares.len() as u64);
        for share in &self.shares {
            to.numbers(&[share.vm, share.parallel, share.reserved.tokens, share.reserved.money]);
            to.number(share.unrecorded);
        }
        to.finish()
    }
}
